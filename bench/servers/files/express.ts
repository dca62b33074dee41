import { createServer } from "node:http";
import express from "express";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = (root) => {
  const app = express();
  app.get("/:name", (request, response) => response.sendFile(request.params.name, { root }));
  return listen(createServer(app));
};
