import { getRouterParams, HTTPError, HTTPResponse, type EventHandler, type H3Event, type Middleware } from "h3";
import { isDownloadError, reasonPhrases, type DownloadError } from "../errors.ts";
import type { HeaderFields } from "../http/header-fields.ts";
import type { DownloadHandler, DownloadMiddleware, DownloadResult } from "../responses/handler.ts";
import { addMiddleware, throughMiddleware, namedParams } from "./application.ts";
import { fieldsOfFile, mergeFields, presentIn } from "./fields.ts";
import { runtimeAddress } from "./web/runtime-address.ts";
import type { Outgoing } from "./web/web-body.ts";
import {
  clientClosedRequest,
  hasLeft,
  isDownload,
  plainResponse,
  webDownload,
  type RenderedHead,
} from "./web/web-response.ts";

/**
 * Mounts a handler on h3 2, and so on Nitro. `this.context.native` is the `H3Event`. An error of a download, such as
 * a missing file, is an `HTTPError` of its status; other errors are thrown. Both go to `onError`.
 *
 * @example
 * ```ts
 * import { H3 } from "h3";
 * import { MemoryStorage, StorageDownloadView } from "downloadview";
 * import { toH3Handler } from "downloadview/h3";
 *
 * const app = new H3();
 * app.get("/files/**:path", toH3Handler(StorageDownloadView.asView({ storage: new MemoryStorage() })));
 * console.assert((await app.request("/files/missing.txt")).status === 404);
 * ```
 */
export function toH3Handler(handler: DownloadHandler<H3Event>): EventHandler {
  return (event) => {
    // Without `decode`, h3 returns parameters as they are encoded in the URL.
    const { _: wildcard, ...named } = getRouterParams(event, { decode: true });
    const params = namedParams(wildcard === undefined ? named : { ...named, "*": wildcard }, routeOf(event));
    const clientAddress = (): string | undefined => runtimeAddress(event.req);
    return send(event, handler(event.req, { params, native: event, clientAddress }));
  };
}

/**
 * Responds with a result from inside an ordinary h3 handler.
 *
 * @example
 * ```ts
 * import { H3 } from "h3";
 * import { download } from "downloadview";
 * import { send } from "downloadview/h3";
 *
 * const app = new H3();
 * app.get("/report", (event) => send(event, download("a,b\n", { name: "report.csv" })));
 * console.assert((await (await app.request("/report")).text()) === "a,b\n");
 * ```
 */
export async function send(
  event: H3Event,
  result: DownloadResult | Promise<DownloadResult>,
): Promise<HTTPResponse | Response> {
  try {
    const final = await throughMiddleware(result, event.req, event);
    if (!isDownload(final)) return await plainResponse(final, event.req, event.runtime?.node?.res);
    const fieldsOf = (rendered: RenderedHead): HeaderFields => fieldsBeside(event.res.headers, rendered);
    const outgoing = event.runtime?.node?.res as Outgoing | undefined;
    const { status, fields, body } = await webDownload(final, event.req, {
      pipes: isOnNode(event),
      fieldsOf,
      outgoing,
    });
    // h3 writes its own class as the fast response of the server that it runs on.
    return new HTTPResponse(body, { status, headers: [...fields] });
  } catch (error) {
    if (hasLeft(event.req, error)) return new HTTPResponse(null, { status: clientClosedRequest });
    if (!isDownloadError(error)) throw error;
    report(error, event);
    for (const name of fieldsOfFile(presentIn(event.res.headers))) event.res.headers.delete(name);
    throw httpError(error);
  }
}

/** Nitro responds with 500 to any error that is not an `HTTPError`. */
function httpError(error: DownloadError): HTTPError {
  const { status, expose, headers, message } = error;
  const statusText = reasonPhrases[status] ?? "Error";
  return new HTTPError({ status, statusText, headers, message: expose ? message : statusText, cause: error });
}

/** h3 logs only errors that are no `HTTPError`. An `onError`, and Nitro's hook `error`, are called with all of them. */
function report(error: DownloadError, { app }: H3Event): void {
  const { silent, onError } = app?.config ?? {};
  if (error.status >= 500 && !silent && !onError) console.error(error);
}

// Fields that were set before replace those of the response in h3. So only fields that the download does not have stay set.
function fieldsBeside(present: Headers, rendered: RenderedHead): HeaderFields {
  const { fields, dropped } = mergeFields(rendered, presentIn(present));
  for (const name of dropped) present.delete(name);
  for (const [name] of fields) if (name.toLowerCase() !== "set-cookie") present.delete(name);
  return fields;
}

function routeOf({ context }: H3Event): unknown {
  return context.matchedRoute?.route;
}

function isOnNode({ runtime }: H3Event): boolean {
  return runtime?.node?.res !== undefined;
}

/**
 * Passes every download of the application through `middleware`: `app.use` it before the routes.
 *
 * @example
 * ```ts
 * import { H3 } from "h3";
 * import { download } from "downloadview";
 * import { applyToDownloads, send } from "downloadview/h3";
 *
 * const app = new H3();
 * app.use(
 *   applyToDownloads((response) => {
 *     response.headers.set("X-Robots-Tag", "noindex");
 *     return response;
 *   }),
 * );
 * app.get("/report", (event) => send(event, download("a,b\n", { name: "report.csv" })));
 * console.assert((await app.request("/report")).headers.get("X-Robots-Tag") === "noindex");
 * ```
 */
export function applyToDownloads(...middleware: readonly DownloadMiddleware[]): Middleware {
  return (event, next) => {
    addMiddleware(event, middleware);
    return next();
  };
}
