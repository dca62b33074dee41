import type { IncomingMessage, ServerResponse } from "node:http";
import { isDownloadError, reasonPhrases } from "../../errors.ts";
import type { DownloadHandler, DownloadMiddleware, DownloadResult } from "../../responses/handler.ts";
import { sendableFields } from "../../http/header-fields.ts";
import { addMiddleware, mounted, unmounted, type Mounted } from "../application.ts";
import { isNotFound, removeFileFields } from "../fields.ts";
import { answer } from "./write.ts";
import { isOfLeaving } from "./connection.ts";
import { NodeDownloadRequest, webRequest } from "./request.ts";

export type NodeNext = (error?: unknown) => void;
export interface NodeHandler extends Mounted<IncomingMessage> {
  (request: IncomingMessage, response: ServerResponse, next?: NodeNext): Promise<void>;
}

export interface NodeHandlerOptions {
  /** The parameters of the route, such as `{ path }`; Node has no router of its own. */
  params?: (request: IncomingMessage) => Readonly<Record<string, string | undefined>>;
  /**
   * Called with each error that is answered with a status of 500 or above, or that breaks a download after its head was
   * sent. By default it is written to the console.
   */
  onError?: (error: unknown) => void;
}

/**
 * Mounts a handler on `node:http`. With a `next` (connect, polka, …) a missing file goes to `next()` and an error to
 * `next(error)`; without one both are answered here. What {@link toFetchHandler} made is mounted just as well.
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { PathDownloadView } from "downloadview";
 * import { pathParams, toNodeHandler } from "downloadview/node";
 *
 * const view = PathDownloadView.asView({ root: "/srv/documents" });
 * const server = createServer(toNodeHandler(view, { params: pathParams }));
 * console.assert(typeof server.listen === "function");
 * ```
 */
export function toNodeHandler(
  handler: DownloadHandler<IncomingMessage> | Mounted<Request>,
  options: NodeHandlerOptions = {},
): NodeHandler {
  const onError = guarded(options.onError ?? console.error);
  const mountable = mountedOnFetch(handler) ?? (handler as DownloadHandler<IncomingMessage>);
  const listener = async (request: IncomingMessage, response: ServerResponse, next?: NodeNext): Promise<void> => {
    try {
      const params = options.params?.(request) ?? {};
      const downloadRequest = new NodeDownloadRequest(request, response);
      const clientAddress = (): string | undefined => addressOf(request);
      const result = mountable(downloadRequest, { params, native: request, clientAddress });
      const failure = await answer(result, downloadRequest, request, response);
      if (failure !== undefined) (next ?? onError)(failure);
    } catch (error) {
      if (isOfLeaving(error, response)) return;
      if (next) passOn(error, response, next);
      else answerError(error, request, response, onError);
    }
  };
  return Object.assign(listener, { [mounted]: mountable });
}

/** The handler that was mounted on `fetch`, for Node's own requests: it gets the web `Request` that it counts on. */
function mountedOnFetch(handler: object): DownloadHandler<IncomingMessage> | undefined {
  const inner = unmounted<Request>(handler);
  return (
    inner && ((request, { native, ...context }) => inner(request, { ...context, native: webRequest(request, native) }))
  );
}

/** As Express and others that call a handler of `connect` know it, else that of the connection. */
function addressOf({ ip, socket }: IncomingMessage & { readonly ip?: string }): string | undefined {
  return ip ?? socket.remoteAddress;
}

/**
 * Has every download of the application go through `middleware` (smart offload, headers for all), whichever handler it
 * comes from. For `connect` and its kind: put it before the handlers.
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { download } from "downloadview";
 * import { applyToDownloads, toNodeHandler } from "downloadview/node";
 *
 * const middleware = applyToDownloads((response) => {
 *   response.headers.set("X-Robots-Tag", "noindex");
 *   return response;
 * });
 * const report = toNodeHandler(async () => download("a,b\n", { name: "report.csv" }));
 * const server = createServer((request, response) => middleware(request, response, () => report(request, response)));
 * console.assert(typeof server.listen === "function");
 * ```
 */
export function applyToDownloads(
  ...middleware: readonly DownloadMiddleware[]
): (request: IncomingMessage, response: ServerResponse, next: NodeNext) => void {
  return (request, _response, next) => {
    addMiddleware(request, middleware);
    next();
  };
}

/**
 * Sends a result from inside an ordinary Node handler. It never rejects: a missing file is answered with 404, another error
 * with its status, and what is the server's fault is written to the console.
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { download } from "downloadview";
 * import { send } from "downloadview/node";
 *
 * const server = createServer((request, response) => send(request, response, download("hi", { name: "hi.txt" })));
 * console.assert(typeof server.listen === "function");
 * ```
 */
export async function send(
  request: IncomingMessage,
  response: ServerResponse,
  result: DownloadResult | Promise<DownloadResult>,
): Promise<void> {
  try {
    const failure = await answer(result, new NodeDownloadRequest(request, response), request, response);
    // The client has the head already, and the caller could answer no more.
    if (failure !== undefined) console.error(failure);
  } catch (error) {
    if (!isOfLeaving(error, response)) answerError(error, request, response, console.error);
  }
}

/** A callback of the application's, called where a throw would end the process. */
function guarded(onError: (error: unknown) => void): (error: unknown) => void {
  return (error) => {
    try {
      onError(error);
    } catch (thrown) {
      console.error("downloadview: onError failed:", thrown);
    }
  };
}

/**
 * A missing file is left to the next route, and at last to the framework's own 404. That route finds the fields of middleware
 * as they are; an error handler finds none that describe a file.
 */
export function passOn(error: unknown, response: ServerResponse, next: NodeNext): void {
  if (isNotFound(error)) return next();
  removeFileFields(response);
  next(error);
}

function answerError(
  error: unknown,
  request: IncomingMessage,
  response: ServerResponse,
  onError: (error: unknown) => void,
): void {
  const status = isDownloadError(error) ? error.status : 500;
  if (status >= 500) onError(error);
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  removeFileFields(response);
  const body = Buffer.from(`${reasonPhrases[status] ?? "Error"}\n`);
  response.writeHead(status, {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": body.byteLength,
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    // Of another copy of this package, perhaps: what throws here would end the process.
    ...(isDownloadError(error) ? sendableFields(error.headers) : {}),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

export { pathParams } from "../application.ts";
