import { createDemo } from "./app.ts";
import { dataDir } from "./downloadview.config.ts";
import { listenAsTold } from "./listen.ts";

const demo = await createDemo({ dataDir });
const server = await listenAsTold(demo.app);
console.log(
  `\n  The demo of downloadview: http://localhost:${server.port}\n\n  Its documents are kept in ${dataDir}\n  Ctrl-C ends it.\n`,
);

async function stop(): Promise<void> {
  await server.close();
  await demo.close();
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void stop());
