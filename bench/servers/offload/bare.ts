import { createServer } from "node:http";
import { OFFLOAD_HEADERS } from "../../harness/offload.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";

/** The limit of node:http: the same header each time, and no look at the disk. */
export const start: StartServer = () =>
  listen(
    createServer((_request, response) => response.writeHead(200, { ...OFFLOAD_HEADERS, "Content-Length": 0 }).end()),
  );
