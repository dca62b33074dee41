import { PathDownloadView } from "downloadview";
import { toFetchHandler } from "downloadview/fetch";
import type { StartServer } from "../../harness/running-server.ts";
import { listenWithSrvx } from "../../harness/srvx-server.ts";

export const start: StartServer = (root) => {
  const view = toFetchHandler(PathDownloadView.asView({ root, attachment: false }));
  return listenWithSrvx({
    fetch: (request) => view(request, { params: { path: new URL(request.url).pathname.slice(1) } }),
  });
};
