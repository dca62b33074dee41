import { localFileCache } from "downloadview";
import type { StartServer } from "../../harness/running-server.ts";
import { start as startServer } from "../files/downloadview.ts";

/** The memory has room for 131,072 files. */
export const start: StartServer = (root) => {
  localFileCache.maxBytes = 512 * 1024 * 1024;
  return startServer(root);
};
