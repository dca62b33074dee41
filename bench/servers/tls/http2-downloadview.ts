import { createSecureServer } from "node:http2";
import { PathDownloadView } from "downloadview";
import { toHTTP2Handler } from "downloadview/http2";
import { pathParams } from "downloadview/node";
import { certificate } from "../../harness/certificate.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = (root) => {
  const view = PathDownloadView.asView({ root, attachment: false });
  return listen(createSecureServer(certificate(), toHTTP2Handler(view, { params: pathParams })));
};
