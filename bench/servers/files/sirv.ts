import { createServer } from "node:http";
import sirv from "sirv";
import { listen, type StartServer } from "../../harness/running-server.ts";

/** Looks at the disk once, when it starts. */
export const start: StartServer = (root) => listen(createServer(sirv(root, { etag: true })));
