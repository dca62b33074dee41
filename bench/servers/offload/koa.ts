import { createServer } from "node:http";
import Koa from "koa";
import { OFFLOAD_HEADERS } from "../../harness/offload.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = () => {
  const app = new Koa();
  app.use((context) => {
    context.set(OFFLOAD_HEADERS);
    context.body = "";
  });
  return listen(createServer(app.callback()));
};
