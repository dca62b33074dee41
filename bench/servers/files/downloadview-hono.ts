import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { PathDownloadView } from "downloadview";
import { toHonoHandler } from "downloadview/hono";
import { Hono } from "hono";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = (root) => {
  const app = new Hono();
  app.get("/:path", toHonoHandler(PathDownloadView.asView({ root, attachment: false })));
  return listen(createServer(getRequestListener(app.fetch)));
};
