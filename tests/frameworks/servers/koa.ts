import type { AddressInfo } from "node:net";
import cors from "@koa/cors";
import { Router } from "@koa/router";
import { applyToDownloads, send, toKoaHandler } from "downloadview/koa";
import Koa from "koa";
import compress from "koa-compress";
import session from "koa-session";
import { earlierFields, offload, report, routes } from "../application.ts";
import { announce, files, log, upstream } from "../server.ts";

interface State {
  user?: string;
}

const app = new Koa<State>();
app.keys = ["behaviour"];
app.silent = true;
app.use(async (context, next) => {
  await next();
  context.set("X-After", "kept");
  log.push(`${context.method} ${context.url} ${context.status}`);
});
app.use(async (context, next) => {
  try {
    await next();
  } catch (error) {
    const { status = 500, headers = {} } = error as { status?: number; headers?: Record<string, string> };
    context.status = status;
    context.set(headers);
    context.body = "the application's own error\n";
  }
  if (context.status === 404 && !context.body) {
    context.status = 404;
    context.body = "the application's own 404\n";
  }
});
app.use(cors({ origin: "https://app.example", exposeHeaders: "Content-Disposition" }));
app.use(compress());
app.use(session({}, app as never));
app.use((context, next) => {
  for (const [name, value] of earlierFields(context.get("X-Fields"))) context.set(name, value);
  if (context.session) context.session["visits"] = 1;
  const user = context.get("X-User");
  if (user) context.state.user = user;
  return next();
});
app.use(applyToDownloads(offload));

const router = new Router<State>();
const userOf = ({ state }: { state: State }): string | undefined => state.user;
for (const route of routes({ files, userOf, upstream })) {
  router.all(`/${route.name}${route.wildcard ? "/*path" : ""}`, toKoaHandler(route.handler));
}
router.get("/send", (context) => send(context, report()));
router.get("/log", (context) => void (context.body = log));
app.use(router.routes());

const server = app.listen(0, "127.0.0.1", () => announce((server.address() as AddressInfo).port));
