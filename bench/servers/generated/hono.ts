import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { stream } from "hono/streaming";
import { generate } from "../../harness/generated.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = () => {
  const app = new Hono();
  app.get("/:name", (context) => {
    context.header("Content-Disposition", 'attachment; filename="generated.bin"');
    return stream(context, async (out) => {
      for await (const chunk of generate(context.req.path)) await out.write(chunk);
    });
  });
  return listen(createServer(getRequestListener(app.fetch)));
};
