import { createServer } from "node:http";
import { join } from "node:path";
import { PathDownloadView, withMiddleware } from "downloadview";
import { keepFiles, KeptFiles } from "downloadview/keep";
import { pathParams, toNodeHandler } from "downloadview/node";
import { listen, type StartServer } from "../../harness/running-server.ts";

/** Each request makes another file, and the folder has room for a few hundred. */
export const start: StartServer = (root) => {
  let requests = 0;
  const kept = new KeptFiles({ folder: join(root, `.kept-misses-${process.pid}`), maxBytes: 256 * 1024 * 1024 });
  const view = withMiddleware(
    PathDownloadView.asView({ root, attachment: false }),
    keepFiles(kept, { key: () => ["file", String(requests++)] }),
  );
  return listen(createServer(toNodeHandler(view, { params: pathParams })));
};
