import { createServer } from "node:http";
import { PathDownloadView, smartDownloadMiddleware, withMiddleware } from "downloadview";
import { nginx } from "downloadview/nginx";
import { toNodeHandler } from "downloadview/node";
import { listen, type StartServer } from "../../harness/running-server.ts";

/** Unlike those by hand it looks at the disk, since it answers 304 and 404 itself. */
export const start: StartServer = (root) => {
  const rules = [{ sourceDir: root, destinationUrl: "/internal/" }];
  const handler = withMiddleware(
    PathDownloadView.asView({ root }),
    smartDownloadMiddleware({ backend: nginx(), rules }),
  );
  return listen(createServer(toNodeHandler(handler, { params: (request) => ({ path: request.url?.slice(1) }) })));
};
