import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = (root) => {
  const app = new Hono();
  app.get("/:name", serveStatic({ root }));
  return listen(createServer(getRequestListener(app.fetch)));
};
