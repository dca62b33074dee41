import { localFileCache } from "downloadview";
import type { StartServer } from "../../harness/running-server.ts";
import { start as startServer } from "../files/downloadview.ts";

/** The memory keeps no bytes: what a working set that does not fit must not fall below. */
export const start: StartServer = (root) => {
  localFileCache.maxBytes = 0;
  return startServer(root);
};
