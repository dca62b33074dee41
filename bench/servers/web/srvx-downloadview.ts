import { PathDownloadView } from "downloadview";
import { toFetchHandler } from "downloadview/fetch";
import { FastResponse } from "srvx";
import type { StartServer } from "../../harness/running-server.ts";
import { listenWithSrvx } from "../../harness/srvx-server.ts";

export const start: StartServer = (root) => {
  const view = toFetchHandler(PathDownloadView.asView({ root, attachment: false }), { Response: FastResponse });
  return listenWithSrvx({
    fetch: (request) => view(request, { params: { path: new URL(request.url).pathname.slice(1) } }),
  });
};
