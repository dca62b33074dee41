import { createServer, type IncomingMessage } from "node:http";
import { PathDownloadView, smartDownloadMiddleware, withMiddleware } from "downloadview";
import { defineConfig, serverConfiguration } from "downloadview/config";
import { nginx } from "downloadview/nginx";
import { toNodeHandler } from "downloadview/node";
import { startNginx, usageBehind } from "../../harness/nginx.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";

/** nginx sends the files, by the configuration that `downloadview config nginx` prints. */
export const start: StartServer = async (root) => {
  const config = defineConfig({ backend: nginx(), rules: [{ sourceDir: root, destinationUrl: "/internal/" }] });
  const view = PathDownloadView.asView({ root, attachment: false });
  const handler = withMiddleware(view, smartDownloadMiddleware(config));
  const params = (request: IncomingMessage) => ({ path: request.url?.slice(1) });
  const app = await listen(createServer(toNodeHandler(handler, { params })));
  const front = await startNginx(root, (port) =>
    serverConfiguration("nginx", config, {
      app: `http://127.0.0.1:${app.port}`,
      listen: `127.0.0.1:${port}`,
      part: true,
    }),
  );
  return { port: front.port, usage: () => usageBehind(front) };
};
