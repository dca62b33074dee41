import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { createDemo } from "./app.ts";

const { PORT, HOST = "127.0.0.1", DATA_DIR } = process.env;

const dataDir = DATA_DIR ?? fileURLToPath(new URL(".data", import.meta.url));
const demo = await createDemo({ dataDir });
const server = PORT ? await listen(Number(PORT)) : await listen(3000).catch(() => listen(0));
const { port } = server.address() as AddressInfo;
console.log(
  `\n  The demo of downloadview: http://localhost:${port}\n\n  Its documents are kept in ${dataDir}\n  Ctrl-C ends it.\n`,
);

async function listen(port: number): Promise<Server> {
  const server = demo.app.listen(port, HOST);
  await once(server, "listening");
  return server;
}

async function stop(): Promise<void> {
  server.close();
  server.closeAllConnections();
  await demo.close();
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void stop());
