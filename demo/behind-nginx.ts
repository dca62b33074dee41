import { once } from "node:events";
import { join } from "node:path";
import { createDemo } from "./app.ts";
import { config, dataDir } from "./downloadview.config.ts";
import { listen, listenAsTold } from "./listen.ts";
import { startNginx } from "./nginx.ts";

const { HOST: host = "127.0.0.1" } = process.env;

const free = await listenAsTold(() => undefined);
await free.close();
const demo = await createDemo({ dataDir, behindNginx: true });
const app = await listen(demo.app);
const folder = join(dataDir, "nginx");
const nginx = await startNginx({ folder, config, appPort: app.port, host, port: free.port }).catch(notStarted);
console.log(
  `\n  The demo of downloadview behind nginx: http://localhost:${free.port}\n\n  nginx is configured by ${folder}/downloadview.conf\n  Ctrl-C ends both.\n`,
);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => nginx.kill());

const [code] = await once(nginx, "exit");
process.exitCode = code ?? 1;
await app.close();
await demo.close();

function notStarted(error: NodeJS.ErrnoException): never {
  if (error.code !== "ENOENT") throw error;
  console.error(
    "nginx is not installed. On Debian and Ubuntu: sudo apt-get install --no-install-recommends nginx-light",
  );
  process.exit(1);
}
