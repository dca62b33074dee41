import { OFFLOAD_HEADERS } from "../../harness/offload.ts";
import type { StartServer } from "../../harness/running-server.ts";
import { listenWithSrvx } from "../../harness/srvx-server.ts";

export const start: StartServer = () =>
  listenWithSrvx({ fetch: () => new Response(null, { headers: OFFLOAD_HEADERS }) });
