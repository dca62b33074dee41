import { createServer } from "node:http";
import express from "express";
import { OFFLOAD_HEADERS } from "../../harness/offload.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = () => {
  const app = express();
  app.get("/:name", (_request, response) => response.set(OFFLOAD_HEADERS).end());
  return listen(createServer(app));
};
