import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { listen, type StartServer } from "../../harness/running-server.ts";

/** The limit of Hono on Node: bytes that were read once. */
export const start: StartServer = (root) => {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  const app = new Hono();
  app.get("/:name", async (context) => {
    const name = context.req.param("name");
    const bytes = files.get(name) ?? new Uint8Array(await readFile(join(root, name)));
    files.set(name, bytes);
    return context.body(bytes, 200, { "Content-Length": String(bytes.length) });
  });
  return listen(createServer(getRequestListener(app.fetch)));
};
