import { startNginx } from "../../harness/nginx.ts";
import type { StartServer } from "../../harness/running-server.ts";

/** The limit of the system: sendfile, and no question asked. */
export const start: StartServer = (root) =>
  startNginx(root, (port) => `server { listen 127.0.0.1:${port}; root ${root}; }`);
