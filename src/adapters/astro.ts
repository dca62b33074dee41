import type { DownloadHandler, DownloadMiddleware, DownloadResult } from "../responses/handler.ts";
import { answerError, addMiddleware, namedParams } from "./application.ts";
import { isNotFound } from "./fields.ts";
import { attempted } from "./web/runtime-address.ts";
import { webResponse } from "./web/web-response.ts";

/** The part of Astro's `APIContext` that is used here. */
export interface AstroContext {
  readonly request: Request;
  readonly params: Readonly<Record<string, string | undefined>>;
  readonly clientAddress?: string;
  readonly routePattern?: string;
  rewrite?(path: string): Promise<Response>;
}

/**
 * Mounts a handler as an endpoint of Astro: `export const GET = toAstroHandler(view)` in `src/pages/…/[...path].ts`.
 * `this.context.native` is the `APIContext`, with its `locals`. The site's own 404 page answers a missing file;
 * other errors of downloads become responses; any other error is thrown.
 *
 * @example
 * ```ts
 * import { download } from "downloadview";
 * import { toAstroHandler } from "downloadview/astro";
 *
 * // src/pages/report.csv.ts
 * const GET = toAstroHandler(async () => download("a,b\n", { name: "report.csv" }));
 * const response = await GET({ request: new Request("http://localhost/report.csv"), params: {} });
 * console.assert((await response.text()) === "a,b\n");
 * ```
 */
export function toAstroHandler<C extends AstroContext = AstroContext>(
  handler: DownloadHandler<C>,
): (context: C) => Promise<Response> {
  return (context) => {
    const params = namedParams(context.params, context.routePattern);
    const clientAddress = (): string | undefined => attempted(() => context.clientAddress);
    return send(context, handler(context.request, { params, native: context, clientAddress }));
  };
}

/**
 * Responds with a result from inside an ordinary endpoint.
 *
 * @example
 * ```ts
 * import { download } from "downloadview";
 * import { send, type AstroContext } from "downloadview/astro";
 *
 * // src/pages/report.csv.ts
 * const GET = (context: AstroContext): Promise<Response> => send(context, download("a,b\n", { name: "report.csv" }));
 * console.assert((await GET({ request: new Request("http://localhost/report.csv"), params: {} })).status === 200);
 * ```
 */
export async function send(context: AstroContext, result: DownloadResult | Promise<DownloadResult>): Promise<Response> {
  try {
    return await webResponse(result, context.request);
  } catch (error) {
    if (isNotFound(error) && context.rewrite) return context.rewrite("/404");
    return answerError(error);
  }
}

/**
 * Passes every download of the site through `middleware`: `export const onRequest = applyToDownloads(…)` in
 * `src/middleware.ts`, or one of a `sequence`.
 *
 * @example
 * ```ts
 * import { download } from "downloadview";
 * import { applyToDownloads, send } from "downloadview/astro";
 *
 * // src/middleware.ts
 * const onRequest = applyToDownloads((response) => {
 *   response.headers.set("X-Robots-Tag", "noindex");
 *   return response;
 * });
 * const context = { request: new Request("http://localhost/report.csv"), params: {} };
 * const response = await onRequest(context, () => send(context, download("a,b\n", { name: "report.csv" })));
 * console.assert(response.headers.get("X-Robots-Tag") === "noindex");
 * ```
 */
export function applyToDownloads(
  ...middleware: readonly DownloadMiddleware[]
): (context: AstroContext, next: () => Promise<Response>) => Promise<Response> {
  return (context, next) => {
    addMiddleware(context.request, middleware);
    return next();
  };
}
