import { staticMiddleware } from "srvx/static";
import type { StartServer } from "../../harness/running-server.ts";
import { listenWithSrvx } from "../../harness/srvx-server.ts";

export const start: StartServer = (root) =>
  listenWithSrvx({
    middleware: [staticMiddleware({ dir: root })],
    fetch: () => new Response(null, { status: 404 }),
  });
