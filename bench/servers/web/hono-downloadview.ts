import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { PathDownloadView } from "downloadview";
import { toFetchHandler } from "downloadview/fetch";
import { Hono } from "hono";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = (root) => {
  const view = toFetchHandler(PathDownloadView.asView({ root, attachment: false }));
  const app = new Hono();
  app.get("/:path", (context) => view(context.req.raw, { params: context.req.param() }));
  return listen(createServer(getRequestListener(app.fetch)));
};
