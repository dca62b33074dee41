import { createServer } from "node:https";
import { PathDownloadView } from "downloadview";
import { pathParams, toNodeHandler } from "downloadview/node";
import { certificate } from "../../harness/certificate.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = (root) => {
  const view = PathDownloadView.asView({ root, attachment: false });
  return listen(createServer(certificate(), toNodeHandler(view, { params: pathParams })));
};
