import { createServer } from "node:http";
import { send } from "@koa/send";
import Koa from "koa";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = (root) => {
  const app = new Koa();
  app.silent = true;
  app.use(async (context) => void (await send(context, context.path, { root })));
  return listen(createServer(app.callback()));
};
