import type { Context, Env, Handler } from "hono";
import { FileNotFoundError } from "../errors.ts";
import type { DownloadHandler, DownloadResult } from "../responses/handler.ts";
import { toResponse } from "./fetch.ts";

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
    return await toResponse(result, context.req.raw);
  } catch (error) {
    if (error instanceof FileNotFoundError) return context.notFound();
    throw error;
  }
}
