import { FastResponse } from "srvx";
import { knownFile } from "../../harness/framework-limit.ts";
import type { StartServer } from "../../harness/running-server.ts";
import { listenWithSrvx } from "../../harness/srvx-server.ts";

/** The limit of srvx on Node. */
export const start: StartServer = (root) =>
  listenWithSrvx({
    fetch: async (request) => {
      const { bytes, headers } = await knownFile(root, new URL(request.url).pathname);
      return new FastResponse(bytes, { headers });
    },
  });
