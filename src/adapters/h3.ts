import { getRouterParams, HTTPError, HTTPResponse, type EventHandler, type H3Event, type Middleware } from "h3";
import type { HeaderFields } from "../http/header-fields.ts";
import type { DownloadHandler, DownloadMiddleware, DownloadResult } from "../responses/handler.ts";
import { withoutHandOff } from "../responses/web-response.ts";
import { addMiddleware, throughMiddleware } from "./app-middleware.ts";
import { isNotFound, mergeFields, presentIn } from "./fields.ts";
import { namedParams } from "./params.ts";
import { isDownload, webDownload, type RenderedHead } from "./web/web-response.ts";

/**
 * Mounts a handler on h3 2, and so on Nitro. `this.context.native` is the `H3Event`. A missing file is an `HTTPError` 404,
 * and other errors are thrown on, for `onError`.
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
    // Asked to: h3 gives parameters as they stand in the URL.
    const params = namedParams(getRouterParams(event, { decode: true }));
    return send(event, handler(event.req, { params, native: event }));
  };
}

/**
 * Answers with a result from inside an ordinary h3 handler.
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
    if (!isDownload(final)) return withoutHandOff(final);
    const fieldsOf = (rendered: RenderedHead): HeaderFields => fieldsBeside(event.res.headers, rendered);
    const { status, fields, body } = await webDownload(final, event.req, { pipes: isOnNode(event), fieldsOf });
    // Of h3's own class, which it writes as the fast response of the server that it runs on.
    return new HTTPResponse(body, { status, headers: [...fields] });
  } catch (error) {
    if (isNotFound(error)) throw new HTTPError({ status: 404, statusText: "Not Found", cause: error });
    throw error;
  }
}

// h3 puts what was set before over what a handler returns: it is left with what both agree on.
function fieldsBeside(present: Headers, rendered: RenderedHead): HeaderFields {
  const { fields, dropped } = mergeFields(rendered, presentIn(present));
  for (const name of dropped) present.delete(name);
  for (const [name] of fields) if (name.toLowerCase() !== "set-cookie") present.delete(name);
  return fields;
}

function isOnNode({ runtime }: H3Event): boolean {
  return runtime?.node?.res !== undefined;
}

/**
 * Has every download of the application go through `middleware`: `app.use` it before the routes.
 *
 * @example
 * ```ts
 * import { H3 } from "h3";
 * import { download } from "downloadview";
 * import { downloadMiddleware, send } from "downloadview/h3";
 *
 * const app = new H3();
 * app.use(
 *   downloadMiddleware((response) => {
 *     response.headers.set("X-Robots-Tag", "noindex");
 *     return response;
 *   }),
 * );
 * app.get("/report", (event) => send(event, download("a,b\n", { name: "report.csv" })));
 * console.assert((await app.request("/report")).headers.get("X-Robots-Tag") === "noindex");
 * ```
 */
export function downloadMiddleware(...middleware: readonly DownloadMiddleware[]): Middleware {
  return (event, next) => {
    addMiddleware(event, middleware);
    return next();
  };
}
