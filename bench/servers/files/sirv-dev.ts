import { createServer } from "node:http";
import sirv from "sirv";
import { listen, type StartServer } from "../../harness/running-server.ts";

/** Looks at the disk at each request, as all others do. */
export const start: StartServer = (root) => listen(createServer(sirv(root, { dev: true, etag: true })));
