import type { DownloadHandler } from "downloadview";
import { applyToDownloads, send, toHonoHandler } from "downloadview/hono";
import { Hono, type Context } from "hono";
import { compress } from "hono/compress";
import { setCookie } from "hono/cookie";
import { cors } from "hono/cors";
import type { HTTPException } from "hono/http-exception";
import { earlierFields, offload, report, routes } from "./application.ts";

interface Bindings {
  Variables: { user: string | undefined };
}

export interface HonoOptions {
  files<C>(options: { attachment: boolean }): DownloadHandler<C>;
  upstream: string;
  /** Not where the runtime compresses by itself. */
  compresses?: boolean;
}

export function application({ files, upstream, compresses = true }: HonoOptions): Hono<Bindings> {
  const app = new Hono<Bindings>();
  const log: string[] = [];
  app.use(async (context, next) => {
    await next();
    context.header("X-After", "kept");
    log.push(`${context.req.method} ${context.req.path} ${context.res.status}`);
  });
  app.use(cors({ origin: "https://app.example", exposeHeaders: ["Content-Disposition"] }));
  if (compresses) app.use(compress());
  app.use(async (context, next) => {
    setCookie(context, "session", "1");
    for (const [name, value] of earlierFields(context.req.header("X-Fields"))) context.header(name, value);
    context.set("user", context.req.header("X-User"));
    await next();
  });
  app.use(applyToDownloads(offload));
  const userOf = (context: Context<Bindings>): string | undefined => context.get("user");
  for (const route of routes({ files, userOf, upstream })) {
    app.all(`/${route.name}${route.wildcard ? "/:path{.+}" : ""}`, toHonoHandler(route.handler));
  }
  app.get("/send", (context) => send(context, report()));
  app.get("/log", (context) => context.json(log));
  app.notFound((context) => context.text("the application's own 404\n", 404));
  app.onError((error, context) => {
    const { status = 500, headers = {} } = error as Partial<HTTPException> & { headers?: Record<string, string> };
    return context.text("the application's own error\n", status, headers);
  });
  return app;
}
