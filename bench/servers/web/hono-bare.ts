import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { knownFile } from "../../harness/framework-limit.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";

/** The limit of Hono on Node. */
export const start: StartServer = (root) => {
  const app = new Hono();
  app.get("/:name", async (context) => {
    const { bytes, headers } = await knownFile(root, context.req.param("name"));
    return new Response(bytes, { headers });
  });
  return listen(createServer(getRequestListener(app.fetch)));
};
