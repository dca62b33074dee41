import type { Context, Env, Handler, MiddlewareHandler } from "hono";
import { isDownloadError, type DownloadError } from "../errors.ts";
import type { HeaderFields } from "../http/header-fields.ts";
import type { DownloadHandler, DownloadMiddleware, DownloadResult, ViewContext } from "../responses/handler.ts";
import { addMiddleware, namedParams } from "./application.ts";
import { fieldsOfFile, isNotFound, mergedWhole, mergeFields, presentIn } from "./fields.ts";
import { runtimeAddress } from "./web/runtime-address.ts";
import { outgoingOf } from "./web/web-body.ts";
import { downloadOf, webResponse, type RenderedHead } from "./web/web-response.ts";

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
  return (context) => {
    const clientAddress = (): string | undefined => runtimeAddress(context.req.raw, context.env);
    return send(context, handler(context.req.raw, { params: paramsOf(context), native: context, clientAddress }));
  };
}

function paramsOf({ req }: Context): ViewContext<unknown>["params"] {
  const params: Readonly<Record<string, string | undefined>> = req.param();
  if (params["path"] !== undefined) return params;
  return namedParams(params, req.matchedRoutes.map(({ path }) => path).join(" "));
}

/**
 * Responds with a result from inside an ordinary Hono handler.
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
    const fieldsOf = (rendered: RenderedHead): HeaderFields => fieldsBeside(context, rendered);
    const outgoing = outgoingOf(context.env);
    const response = await webResponse(result, context.req.raw, { scope: context, fieldsOf, outgoing });
    return downloadOf(response) ? response : besideContext(context, response);
  } catch (error) {
    for (const name of fieldsOfFile(presentIn(presentFor(context)))) context.header(name, undefined);
    if (isNotFound(error)) return context.notFound();
    throw isDownloadError(error) && error.status >= 500 ? reported(error) : error;
  }
}

/**
 * Passes every download of the application through `middleware`: `app.use` it before the routes.
 *
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { download } from "downloadview";
 * import { applyToDownloads, send } from "downloadview/hono";
 *
 * const app = new Hono();
 * app.use(
 *   applyToDownloads((response) => {
 *     response.headers.set("X-Robots-Tag", "noindex");
 *     return response;
 *   }),
 * );
 * app.get("/report", (c) => send(c, download("a,b\n", { name: "report.csv" })));
 * console.assert((await app.request("/report")).headers.get("X-Robots-Tag") === "noindex");
 * ```
 */
export function applyToDownloads(...middleware: readonly DownloadMiddleware[]): MiddlewareHandler {
  return (context, next) => {
    addMiddleware(context, middleware);
    return next();
  };
}

/**
 * Hono's own error handler responds with `getResponse()` of an error that has one, and logs nothing then. An `onError` of the
 * application may call `getResponse()` as well, and logs by itself. Whatever logs an error reads its stack or its message, and
 * Hono's own handler reads neither: so the error is logged here only if it was not read.
 */
function reported(error: DownloadError): DownloadError {
  let isRead = false;
  for (const name of ["stack", "message"] as const) {
    let value = error[name];
    Object.defineProperty(error, name, {
      configurable: true,
      get() {
        isRead = true;
        return value;
      },
      set(replaced: string) {
        value = replaced;
      },
    });
  }
  const getResponse = (): Response => {
    // An `onError` may log the error after it has made the response.
    queueMicrotask(() => isRead || console.error(error));
    return Object.getPrototypeOf(error).getResponse.call(error);
  };
  return Object.defineProperty(error, "getResponse", { value: getResponse, configurable: true });
}

/** The fields that `c.header()` and earlier middleware set. Hono has no getter: it applies them to responses that it makes. */
function presentFor(context: Context): Headers {
  return context.newResponse(null, 200).headers;
}

/**
 * All fields of the response. Hono ignores fields that were set before if a handler returns its own response. If middleware
 * has read `c.res`, it lets them replace those of the response. So only fields that the download does not have stay set.
 */
function fieldsBeside(context: Context, rendered: RenderedHead): HeaderFields {
  const headers = presentFor(context);
  const compresses = context.req.matchedRoutes.some(({ handler }) => handler.name === "compress");
  const present = presentIn(headers);
  const merged = mergeFields(rendered, present, { compresses });
  // Most often nothing was set: then there is nothing to unset either.
  if (present.names.length === 0) return merged.fields;
  const whole = mergedWhole(merged, headers);
  const names = new Set(Array.from(merged.fields, ([name]) => name.toLowerCase()));
  names.delete("set-cookie");
  for (const name of [...merged.dropped, ...names]) context.header(name, undefined);
  for (const cookie of merged.fields.getAll("Set-Cookie")) context.header("Set-Cookie", cookie, { append: true });
  return whole;
}

/** A view's own web response, with the fields that Hono would add to one of its own. */
function besideContext(context: Context, response: Response): Response {
  const { body, status, statusText } = response;
  const headers: string[] = [];
  for (const [name, value] of response.headers) headers.push(name, value);
  return new Response(body, { status, statusText, headers: [...fieldsBeside(context, { status, headers })] });
}
