import { createServer } from "node:http";
import { Readable } from "node:stream";
import Koa from "koa";
import { generate } from "../../harness/generated.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = () => {
  const app = new Koa();
  app.silent = true;
  app.use((context) => {
    context.attachment("generated.bin");
    context.body = Readable.from(generate(context.path));
  });
  return listen(createServer(app.callback()));
};
