import { createServer } from "node:http";
import { type DownloadMiddleware, PathDownloadView, ProxiedDownloadResponse, withMiddleware } from "downloadview";
import { toNodeHandler } from "downloadview/node";
import { OFFLOAD_HEADERS } from "../../harness/offload.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";

const offload: DownloadMiddleware = ({ file }) => new ProxiedDownloadResponse({ file, headers: OFFLOAD_HEADERS });

export const start: StartServer = (root) => {
  const handler = withMiddleware(PathDownloadView.asView({ root }), offload);
  return listen(createServer(toNodeHandler(handler, { params: (request) => ({ path: request.url?.slice(1) }) })));
};
