import { createServer } from "node:http";
import express from "express";
import { knownFile } from "../../harness/framework-limit.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";

/** The limit of Express. */
export const start: StartServer = (root) => {
  const app = express();
  app.get("/:path", async (request, response) => {
    const { bytes, headers } = await knownFile(root, request.params.path);
    response.writeHead(200, headers).end(bytes);
  });
  return listen(createServer(app));
};
