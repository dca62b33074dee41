import { createServer } from "node:http";
import { Readable } from "node:stream";
import express from "express";
import { generate } from "../../harness/generated.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = () => {
  const app = express();
  app.get("/:name", (request, response) => {
    response.attachment("generated.bin");
    Readable.from(generate(request.path)).pipe(response);
  });
  return listen(createServer(app));
};
