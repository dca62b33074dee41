import type { DownloadHandler, DownloadRequest, DownloadResult } from "../responses/handler.ts";
import { answerError, mounted, unmounted, type Mounted } from "./application.ts";
import { runtimeAddress } from "./web/runtime-address.ts";
import { outgoingOf } from "./web/web-body.ts";
import { webResponse } from "./web/web-response.ts";

export interface FetchContext {
  /** The parameters of the route, such as `{ path }`. */
  params?: Readonly<Record<string, string | undefined>>;
  /** The client's IP address, where the caller knows it. */
  clientAddress?: string | undefined;
}

export interface FetchHandlerOptions {
  /** The class to answer with, such as the `FastResponse` of srvx. Default: the runtime's own. */
  readonly Response?: typeof Response;
  /**
   * Called with each error that is answered with a status above 500. By default it is written to the console. A 500 is
   * thrown, for the runtime to report.
   */
  readonly onError?: (error: unknown) => void;
}

/** What runtimes and servers pass beside a request: Bun its server, Deno the connection info, \@hono/node-server the `env`. */
export interface RuntimeArgument {
  /**
   * Node's response, as \@hono/node-server has it in `c.env`. With it, large files go from the disk to the socket without a web
   * stream between them: `view(c.req.raw, { params: c.req.param(), outgoing: c.env.outgoing })`.
   */
  readonly outgoing?: object;
  readonly remoteAddr?: object;
  readonly completed?: Promise<void>;
  readonly requestIP?: (request: Request) => { readonly address: string } | null;
}

export interface FetchHandler extends Mounted<Request> {
  /**
   * @param context the parameters and the client's address; or the second argument of the runtime, Bun's server or Deno's
   * connection info, which know the client's address: `Bun.serve({ fetch: toFetchHandler(view) })`
   */
  (request: Request, context?: FetchContext | RuntimeArgument): Promise<Response>;
}

/**
 * Mounts a handler wherever `fetch` handlers run: Bun, Deno, Workers, service workers. Errors of downloads become
 * responses; any other error is thrown. A handler that `toNodeHandler` returned can be mounted as well.
 *
 * @example
 * ```ts
 * import { VirtualDownloadView, VirtualFile } from "downloadview";
 * import { toFetchHandler } from "downloadview/fetch";
 *
 * const view = VirtualDownloadView.asView({ getFile: () => new VirtualFile("hello", { name: "hello.txt" }) });
 * const response = await toFetchHandler(view)(new Request("http://localhost/"));
 * console.assert((await response.text()) === "hello");
 * ```
 */
export function toFetchHandler(
  handler: DownloadHandler<Request> | Mounted<never>,
  options: FetchHandlerOptions = {},
): FetchHandler {
  const mountable = unmounted<Request>(handler) ?? (handler as DownloadHandler<Request>);
  const answer = async (request: Request, given: FetchContext & RuntimeArgument = {}): Promise<Response> => {
    const { params = paramsOf(request) } = given;
    const clientAddress = (): string | undefined => given.clientAddress ?? runtimeAddress(request, given);
    try {
      const result = mountable(request, { params, native: request, clientAddress });
      return await webResponse(result, request, { ...options, outgoing: outgoingOf(given, request) });
    } catch (error) {
      return answerError(error, options.onError);
    }
  };
  return Object.assign(answer, { [mounted]: mountable });
}

/** The router of `Bun.serve` sets the parameters on the request. */
function paramsOf(request: Request & { params?: Readonly<Record<string, string>> }): FetchContext["params"] & object {
  return request.params ?? {};
}

/**
 * The web `Response` of a result, for an ordinary handler that returns one.
 * @throws {DownloadError} if there is no file to send
 *
 * @example
 * ```ts
 * import { download } from "downloadview";
 * import { toResponse } from "downloadview/fetch";
 *
 * const request = new Request("http://localhost/");
 * const response = await toResponse(download("hello", { name: "hello.txt" }), request);
 * console.assert(response.headers.get("content-length") === "5");
 * ```
 */
export function toResponse(
  result: DownloadResult | Promise<DownloadResult>,
  request: DownloadRequest,
): Promise<Response> {
  return webResponse(result, request);
}

/**
 * Responds from inside an ordinary handler. Unlike {@link toResponse}, errors of downloads become responses: a missing file
 * is a 404.
 *
 * @example
 * ```ts
 * import { download } from "downloadview";
 * import { send } from "downloadview/fetch";
 *
 * const handle = (request: Request): Promise<Response> => send(request, download("hello", { name: "hello.txt" }));
 * console.assert((await handle(new Request("http://localhost/"))).status === 200);
 * ```
 */
export async function send(request: Request, result: DownloadResult | Promise<DownloadResult>): Promise<Response> {
  try {
    return await webResponse(result, request);
  } catch (error) {
    return answerError(error);
  }
}

export { downloadOf, type Download } from "./web/web-response.ts";
export type { Mounted } from "./application.ts";
export { pathParams } from "./application.ts";
