import type { Context, Env, Handler, MiddlewareHandler } from "hono";
import type { HeaderFields } from "../http/header-fields.ts";
import type { DownloadHandler, DownloadMiddleware, DownloadResult } from "../responses/handler.ts";
import { addMiddleware } from "./app-middleware.ts";
import { combineVary, forbidTransform, isNotFound } from "./fields.ts";
import { webResponse } from "./web-response.ts";

/**
 * Mounts a handler on Hono. `this.context.native` is Hono's `Context`. A missing file is answered by the app's own
 * `notFound`, an error by its `onError`.
 *
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { MemoryStorage, StorageDownloadView } from "downloadview";
 * import { toHonoHandler } from "downloadview/hono";
 *
 * const app = new Hono();
 * app.get("/files/:path{.+}", toHonoHandler(StorageDownloadView.asView({ storage: new MemoryStorage() })));
 * console.assert((await app.request("/files/missing.txt")).status === 404);
 * ```
 */
export function toHonoHandler<E extends Env = Env>(handler: DownloadHandler<Context<E>>): Handler<E> {
  return (context) => send(context, handler(context.req.raw, { params: context.req.param(), native: context }));
}

/**
 * Answers with a result from inside an ordinary Hono handler.
 *
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { download } from "downloadview";
 * import { send } from "downloadview/hono";
 *
 * const app = new Hono();
 * app.get("/report", (c) => send(c, download("a,b\n", { name: "report.csv" })));
 * console.assert((await (await app.request("/report")).text()) === "a,b\n");
 * ```
 */
export async function send<E extends Env>(
  context: Context<E>,
  result: DownloadResult | Promise<DownloadResult>,
): Promise<Response> {
  try {
    const adapt = (status: number, fields: HeaderFields): void => adaptTo(context, status, fields);
    return await webResponse(result, context.req.raw, { scope: context, adapt });
  } catch (error) {
    if (isNotFound(error)) return context.notFound();
    throw error;
  }
}

/**
 * Has every download of the application go through `middleware`: `app.use` it before the routes.
 *
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { download } from "downloadview";
 * import { downloadMiddleware, send } from "downloadview/hono";
 *
 * const app = new Hono();
 * app.use(
 *   downloadMiddleware((response) => {
 *     response.headers.set("X-Robots-Tag", "noindex");
 *     return response;
 *   }),
 * );
 * app.get("/report", (c) => send(c, download("a,b\n", { name: "report.csv" })));
 * console.assert((await app.request("/report")).headers.get("X-Robots-Tag") === "noindex");
 * ```
 */
export function downloadMiddleware(...middleware: readonly DownloadMiddleware[]): MiddlewareHandler {
  return (context, next) => {
    addMiddleware(context, middleware);
    return next();
  };
}

// Hono puts what was set before over what a handler returns: fields that both sides add to are added there.
function adaptTo(context: Context, status: number, fields: HeaderFields): void {
  if (context.req.matchedRoutes.some(({ handler }) => handler.name === "compress")) forbidTransform(status, fields);
  for (const cookie of fields.getAll("Set-Cookie")) context.header("Set-Cookie", cookie, { append: true });
  fields.delete("Set-Cookie");
  const ours = fields.get("Vary");
  const vary = ours === null ? null : context.res.headers.get("Vary");
  if (vary === null) return;
  combineVary(fields, vary);
  context.header("Vary", fields.get("Vary") ?? "");
}
