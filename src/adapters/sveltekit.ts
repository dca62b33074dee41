import { isDownloadError } from "../errors.ts";
import { fieldsFromRaw, type HeaderFields } from "../http/header-fields.ts";
import type { DownloadHandler, DownloadMiddleware, DownloadResult } from "../responses/handler.ts";
import { sharedWeakMap } from "../responses/shared-state.ts";
import { answerError, addMiddleware, namedParams } from "./application.ts";
import { fieldsOfFile, mergeFields, presentIn } from "./fields.ts";
import { attempted } from "./web/runtime-address.ts";
import { webResponse, type RenderedHead } from "./web/web-response.ts";

/** The part of SvelteKit's `RequestEvent` that is used here. */
export interface SvelteKitEvent {
  readonly request: Request;
  readonly params: Readonly<Record<string, string | undefined>>;
  readonly route?: { readonly id: string | null };
  getClientAddress?(): string;
}

export interface SvelteKitOptions {
  /**
   * SvelteKit's own `error`, for its own error page. Pass the one that your application imports: SvelteKit recognises errors
   * only of the copy of itself that is built into the application, and this package would import another one.
   */
  readonly error?: (status: number, message: string) => never;
}

/**
 * Mounts a handler as an endpoint of SvelteKit: `export const GET = toSvelteKitHandler(view, { error })` in `+server.ts`.
 * `this.context.native` is the `RequestEvent`, with its `locals`. Errors of downloads, such as a missing file, become
 * SvelteKit's `error(404)`, or a plain response where `error` is not given. Any other error is thrown, for `handleError`.
 *
 * @example
 * ```ts
 * import { download } from "downloadview";
 * import { toSvelteKitHandler } from "downloadview/sveltekit";
 *
 * // src/routes/report/+server.ts
 * const GET = toSvelteKitHandler(async () => download("a,b\n", { name: "report.csv" }));
 * const response = await GET({ request: new Request("http://localhost/report"), params: {} });
 * console.assert((await response.text()) === "a,b\n");
 * ```
 */
export function toSvelteKitHandler<E extends SvelteKitEvent = SvelteKitEvent>(
  handler: DownloadHandler<E>,
  options?: SvelteKitOptions,
): (event: E) => Promise<Response> {
  return (event) => {
    const params = namedParams(event.params, event.route?.id);
    const clientAddress = (): string | undefined => attempted(() => event.getClientAddress?.());
    return send(event, handler(event.request, { params, native: event, clientAddress }), options);
  };
}

/**
 * Responds with a result from inside an ordinary endpoint.
 *
 * @example
 * ```ts
 * import { download } from "downloadview";
 * import { send, type SvelteKitEvent } from "downloadview/sveltekit";
 *
 * // src/routes/report/+server.ts
 * const GET = (event: SvelteKitEvent): Promise<Response> => send(event, download("a,b\n", { name: "report.csv" }));
 * console.assert((await GET({ request: new Request("http://localhost/report"), params: {} })).status === 200);
 * ```
 */
export async function send(
  event: SvelteKitEvent,
  result: DownloadResult | Promise<DownloadResult>,
  options: SvelteKitOptions = {},
): Promise<Response> {
  try {
    let head: RenderedHead | undefined;
    const fieldsOf = (rendered: RenderedHead): HeaderFields => fieldsFromRaw((head = rendered).headers);
    const response = await webResponse(result, event.request, { fieldsOf });
    heads.set(response, head ?? headOf(response));
    return response;
  } catch (error) {
    // SvelteKit's `error` cannot carry header fields, such as the `Allow` of a 405, and a 500 is for `handleError`.
    const isPlain = isDownloadError(error) && error.status !== 500 && Object.keys(error.headers).length === 0;
    if (!options.error || !isPlain) {
      const response = answerError(error);
      heads.set(response, headOf(response));
      return response;
    }
    failed.set(event.request, true);
    // SvelteKit logs nothing that `error` made.
    if (error.status > 500) console.error(error);
    throw options.error(error.status, error.expose ? error.message : "Internal Error");
  }
}

/**
 * Passes every download of the application through `middleware`: `export const handle = applyToDownloads(…)` in
 * `hooks.server.ts`, or the last of a `sequence`. It also keeps fields of `event.setHeaders` from replacing those that a
 * download needs; for that alone it takes no arguments.
 *
 * @example
 * ```ts
 * import { download } from "downloadview";
 * import { applyToDownloads, send } from "downloadview/sveltekit";
 *
 * // src/hooks.server.ts
 * const handle = applyToDownloads((response) => {
 *   response.headers.set("X-Robots-Tag", "noindex");
 *   return response;
 * });
 * const event = { request: new Request("http://localhost/report.csv"), params: {} };
 * const resolve = () => send(event, download("a,b\n", { name: "report.csv" }));
 * console.assert((await handle({ event, resolve })).headers.get("X-Robots-Tag") === "noindex");
 * ```
 */
export function applyToDownloads(
  ...middleware: readonly DownloadMiddleware[]
): <E extends SvelteKitEvent>(input: {
  event: E;
  resolve: (event: E) => Response | Promise<Response>;
}) => Promise<Response> {
  return async ({ event, resolve }) => {
    addMiddleware(event.request, middleware);
    const response = await resolve(event);
    const head = heads.get(response);
    if (head) settleFields(response.headers, head);
    else if (failed.has(event.request)) removeFileFields(response.headers);
    return response;
  };
}

/** The heads of responses as they were made here. */
const heads = sharedWeakMap<Response, RenderedHead>("sveltekit");

/** Requests that SvelteKit's own error page answers. */
const failed = sharedWeakMap<Request, true>("sveltekit.failed");

function headOf({ status, headers }: Response): RenderedHead {
  return { status, headers: [...headers].flat() };
}

/** Those of `event.setHeaders`; type and length are the error page's own. */
function removeFileFields(headers: Headers): void {
  const ofPage = new Set(["content-type", "content-length"]);
  for (const name of fieldsOfFile(presentIn(headers))) if (!ofPage.has(name)) headers.delete(name);
}

/** SvelteKit has put the fields of `event.setHeaders` over those of the response. This lets the download have its own again. */
function settleFields(headers: Headers, head: RenderedHead): void {
  const { fields, dropped } = mergeFields(head, presentIn(headers));
  for (const name of dropped) headers.delete(name);
  for (const [name, value] of fields) if (name.toLowerCase() !== "set-cookie") headers.set(name, value);
}
