import { createServer } from "node:http";
import { PathDownloadView, smartDownloadMiddleware, withMiddleware } from "downloadview";
import { nginx } from "downloadview/nginx";
import { pathParams, toNodeHandler } from "downloadview/node";
import { listen, type StartServer } from "../../harness/running-server.ts";

/** So many offload rules, of which the last one matches. */
export const start: StartServer = (root, count = 1) => {
  const others = Array.from({ length: count - 1 }, (_, at) => ({
    sourceDir: `${root}/customer-${at}/files`,
    destinationUrl: `/_customer-${at}/`,
  }));
  const rules = [...others, { sourceDir: root, destinationUrl: "/_all/" }];
  const view = withMiddleware(
    PathDownloadView.asView({ root, attachment: false }),
    smartDownloadMiddleware({ backend: nginx(), rules }),
  );
  return listen(createServer(toNodeHandler(view, { params: pathParams })));
};
