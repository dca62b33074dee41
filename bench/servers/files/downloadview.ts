import { createServer } from "node:http";
import { PathDownloadView } from "downloadview";
import { toNodeHandler } from "downloadview/node";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = (root) => {
  const view = PathDownloadView.asView({ root, attachment: false });
  return listen(createServer(toNodeHandler(view, { params: (request) => ({ path: request.url?.slice(1) }) })));
};
