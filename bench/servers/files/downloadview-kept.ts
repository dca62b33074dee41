import { createServer } from "node:http";
import { join } from "node:path";
import { PathDownloadView, withMiddleware } from "downloadview";
import { keepFiles, KeptFiles } from "downloadview/keep";
import { toNodeHandler } from "downloadview/node";
import { listen, type StartServer } from "../../harness/running-server.ts";

/** A hit: the first request has made the file, and those that are measured get what is kept. */
export const start: StartServer = (root) => {
  const kept = new KeptFiles({ folder: join(root, ".kept"), maxBytes: Number.MAX_SAFE_INTEGER });
  const view = withMiddleware(
    PathDownloadView.asView({ root, attachment: false }),
    keepFiles(kept, { key: ({ context }) => ["file", context.params["path"] ?? "none"] }),
  );
  return listen(createServer(toNodeHandler(view, { params: (request) => ({ path: request.url?.slice(1) }) })));
};
