import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { OFFLOAD_HEADERS } from "../../harness/offload.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = () => {
  const app = new Hono();
  app.get("/:name", (context) => context.body(null, 200, OFFLOAD_HEADERS));
  return listen(createServer(getRequestListener(app.fetch)));
};
