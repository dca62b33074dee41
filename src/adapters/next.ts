import { ImproperlyConfiguredError } from "../errors.ts";
import { fieldsFromRaw, type HeaderFields } from "../http/header-fields.ts";
import type { DownloadHandler, DownloadRequest, DownloadResult } from "../responses/handler.ts";
import { answerError, namedParams } from "./application.ts";
import { webResponse, type RenderedHead } from "./web/web-response.ts";

/** The second argument of a route handler of Next.js. */
export interface NextRouteContext {
  /** Undefined, or a promise of it, in a route without a dynamic segment. */
  readonly params: Promise<Readonly<Record<string, string | string[] | undefined>>>;
}

export interface NextOptions<R extends Request = Request> {
  /**
   * The client's IP address, for limited and address-bound links. Next.js does not know it. Read it from a field that the
   * proxy in front sets, and that the proxy removes from client requests: `request.headers.get("x-real-ip")`.
   */
  readonly clientAddress?: (request: R) => string | undefined;
}

export type NextRouteHandler<R extends Request = Request> = (
  request: R,
  context: NextRouteContext,
) => Promise<Response>;

/**
 * Mounts a handler as a route handler of Next.js: `export const GET = toNextHandler(view)` in `app/…/route.ts`.
 * `this.context.native` is the `NextRequest`. Errors of downloads become responses, because Next.js has no error pages for
 * route handlers; any other error is thrown.
 *
 * @example
 * ```ts
 * import { PathDownloadView } from "downloadview";
 * import { toNextHandler } from "downloadview/next";
 *
 * // app/documents/[...path]/route.ts
 * const GET = toNextHandler(PathDownloadView.asView({ root: "/srv/documents" }));
 * const request = new Request("http://localhost/documents/missing.pdf");
 * const response = await GET(request, { params: Promise.resolve({ path: ["missing.pdf"] }) });
 * console.assert(response.status === 404);
 * ```
 */
export function toNextHandler<R extends Request = Request>(
  handler: DownloadHandler<R>,
  options: NextOptions<R> = {},
): NextRouteHandler<R> {
  return async (request, context) => {
    // A route without a dynamic segment has no parameters: `params` is undefined there.
    const given = await context?.params;
    // An optional catch-all segment without a value leaves no name at all: `path` is what this documentation calls it.
    const isLeftOut = given !== undefined && Object.keys(given).length === 0;
    const params = namedParams(given ?? {}, isLeftOut ? "[[...path]]" : undefined);
    const clientAddress = (): string | undefined => options.clientAddress?.(request);
    const downloadRequest = unencoded(request);
    return answer(downloadRequest, handler(downloadRequest, { params, native: request, clientAddress }));
  };
}

/**
 * Responds with a result from inside an ordinary route handler.
 *
 * @example
 * ```ts
 * import { download } from "downloadview";
 * import { send } from "downloadview/next";
 *
 * // app/report/route.ts
 * const GET = (request: Request): Promise<Response> => send(request, download("a,b\n", { name: "report.csv" }));
 * console.assert((await (await GET(new Request("http://localhost/report"))).text()) === "a,b\n");
 * ```
 */
export function send(request: Request, result: DownloadResult | Promise<DownloadResult>): Promise<Response> {
  return answer(unencoded(request), result);
}

async function answer(request: DownloadRequest, result: DownloadResult | Promise<DownloadResult>): Promise<Response> {
  try {
    return await webResponse(result, request, { fieldsOf });
  } catch (error) {
    return answerError(error);
  }
}

// Next.js removes Content-Encoding from responses of route handlers: the client would save the encoded bytes as the file.
function unencoded(request: Request): DownloadRequest {
  const get = (name: string): string | null =>
    name.toLowerCase() === "accept-encoding" ? null : request.headers.get(name);
  return { method: request.method, url: request.url, headers: { get }, signal: request.signal };
}

function fieldsOf({ headers }: RenderedHead): HeaderFields {
  const fields = fieldsFromRaw(headers);
  if (!fields.has("Content-Encoding")) return fields;
  throw new ImproperlyConfiguredError(
    `A route handler of Next.js can't send a file that is ${fields.get("Content-Encoding")} encoded. Serve it from ` +
      `pages/api, by downloadview/node, or set its encoding to "identity" to have it sent under its own media type`,
  );
}
