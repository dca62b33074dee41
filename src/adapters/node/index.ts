import type { IncomingMessage, ServerResponse } from "node:http";
import { isDownloadError, reasonPhrases } from "../../errors.ts";
import type { DownloadHandler, DownloadMiddleware, DownloadResult } from "../../responses/handler.ts";
import { sendableFields } from "../../http/header-fields.ts";
import { addMiddleware, mounted, unmounted, type Mounted } from "../application.ts";
import { isNotFound, removeFileFields } from "../fields.ts";
import { webRequest } from "./request.ts";
import { serve } from "./write.ts";

export type NodeNext = (error?: unknown) => void;
export interface NodeHandler extends Mounted<IncomingMessage> {
  (request: IncomingMessage, response: ServerResponse, next?: NodeNext): Promise<void>;
}

export interface NodeHandlerOptions {
  /** The parameters of the route, such as `{ path }`; Node has no router of its own. */
  params?: (request: IncomingMessage) => Readonly<Record<string, string | undefined>>;
  /**
   * Called with each error that gets a response of 500 or above, and with each error that breaks a download after its head
   * was sent. Default: writes it to the console.
   */
  onError?: (error: unknown) => void;
}

/**
 * Mounts a handler on `node:http`. With a `next` (connect, polka, …) a missing file goes to `next()` and an error to
 * `next(error)`; without one it responds to both. A handler that `toFetchHandler` returned can be mounted as well.
 *
 * @example
 * ```ts
 * import { once } from "node:events";
 * import { createServer } from "node:http";
 * import type { AddressInfo } from "node:net";
 * import { MemoryStorage, StorageDownloadView } from "downloadview";
 * import { pathParams, toNodeHandler } from "downloadview/node";
 *
 * const storage = new MemoryStorage();
 * await storage.save("a.txt", "hello");
 * const view = StorageDownloadView.asView({ storage });
 * const server = createServer(toNodeHandler(view, { params: pathParams })).listen(0);
 * await once(server, "listening");
 * const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/a.txt`);
 * console.assert((await response.text()) === "hello");
 * server.close();
 * ```
 */
export function toNodeHandler(
  handler: DownloadHandler<IncomingMessage> | Mounted<Request>,
  options: NodeHandlerOptions = {},
): NodeHandler {
  const onError = guarded(options.onError ?? console.error);
  const mountable = mountedOnFetch(handler) ?? (handler as DownloadHandler<IncomingMessage>);
  const listener = (request: IncomingMessage, response: ServerResponse, next?: NodeNext): Promise<void> =>
    serve(
      request,
      response,
      (downloadRequest) => {
        const params = options.params?.(request) ?? {};
        return mountable(downloadRequest, { params, native: request, clientAddress: () => addressOf(request) });
      },
      (error, isBroken) => {
        if (isBroken) (next ?? onError)(error);
        else if (next) passOn(error, response, next);
        else answerError(error, request, response, onError);
      },
    );
  return Object.assign(listener, { [mounted]: mountable });
}

/** Adapts a handler that was mounted on `fetch` to Node's own requests: it is called with a web `Request`. */
function mountedOnFetch(handler: object): DownloadHandler<IncomingMessage> | undefined {
  const inner = unmounted<Request>(handler);
  return (
    inner && ((request, { native, ...context }) => inner(request, { ...context, native: webRequest(request, native) }))
  );
}

/** The client's address, as Express and other frameworks on `connect` determine it, else that of the connection. */
function addressOf({ ip, socket }: IncomingMessage & { readonly ip?: string }): string | undefined {
  return ip ?? socket.remoteAddress;
}

/**
 * Passes every download of the application through `middleware` (smart offload, headers for all). For `connect` and similar
 * frameworks: put it before the handlers.
 *
 * @example
 * ```ts
 * import { once } from "node:events";
 * import { createServer } from "node:http";
 * import type { AddressInfo } from "node:net";
 * import { download } from "downloadview";
 * import { applyToDownloads, toNodeHandler } from "downloadview/node";
 *
 * const middleware = applyToDownloads((response) => {
 *   response.headers.set("X-Robots-Tag", "noindex");
 *   return response;
 * });
 * const report = toNodeHandler(async () => download("a,b\n", { name: "report.csv" }));
 * const server = createServer((request, response) => middleware(request, response, () => report(request, response)));
 * await once(server.listen(0), "listening");
 * const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
 * console.assert(response.headers.get("X-Robots-Tag") === "noindex");
 * server.close();
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
 * Sends a result from inside an ordinary Node handler. It never rejects: it responds to a missing file with 404 and to any
 * other error with its status, and writes errors of 500 and above to the console.
 *
 * @example
 * ```ts
 * import { once } from "node:events";
 * import { createServer } from "node:http";
 * import type { AddressInfo } from "node:net";
 * import { download } from "downloadview";
 * import { send } from "downloadview/node";
 *
 * const server = createServer((request, response) => send(request, response, download("hi", { name: "hi.txt" })));
 * await once(server.listen(0), "listening");
 * const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
 * console.assert((await response.text()) === "hi");
 * server.close();
 * ```
 */
export function send(
  request: IncomingMessage,
  response: ServerResponse,
  result: DownloadResult | Promise<DownloadResult>,
): Promise<void> {
  return serve(
    request,
    response,
    () => result,
    (error, isBroken) => {
      // The client has the head already: the caller can no longer respond.
      if (isBroken) console.error(error);
      else answerError(error, request, response, console.error);
    },
  );
}

/** Guards a callback of the application: here, an error that it throws would end the process. */
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
 * Passes an error to the framework. A missing file goes to the next route, and at last to the framework's own 404. An error goes
 * to its error handlers, after the fields that describe the file are removed.
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
    // The error may be of another copy of this package. An invalid field would throw here, and end the process.
    ...(isDownloadError(error) ? sendableFields(error.headers) : {}),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

export { pathParams } from "../application.ts";
