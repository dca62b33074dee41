import type { IncomingMessage, ServerResponse } from "node:http";
import { FileNotFoundError, isDownloadError, reasonPhrases } from "../../errors.ts";
import type { DownloadHandler, DownloadResult } from "../../responses/handler.ts";
import { renderResult } from "../../responses/render-result.ts";
import { NodeDownloadRequest } from "./request.ts";
import { writeRendered } from "./write.ts";

export type NodeNext = (error?: unknown) => void;
export type NodeHandler = (request: IncomingMessage, response: ServerResponse, next?: NodeNext) => Promise<void>;

export interface NodeHandlerOptions {
  /** The parameters of the route, such as `{ path }`; Node has no router of its own. */
  params?: (request: IncomingMessage) => Readonly<Record<string, string | undefined>>;
  /** Told of an error that is answered with 500. By default it is written to the console. */
  onError?: (error: unknown) => void;
}

/**
 * Mounts a handler on `node:http`. With a `next` (connect, polka, …) a missing file goes to `next()` and an error to
 * `next(error)`; without one both are answered here.
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { PathDownloadView } from "downloadview";
 * import { toNodeHandler } from "downloadview/node";
 *
 * const view = PathDownloadView.asView({ root: "/srv/documents" });
 * const server = createServer(toNodeHandler(view, { params: (request) => ({ path: request.url?.slice(1) }) }));
 * console.assert(typeof server.listen === "function");
 * ```
 */
export function toNodeHandler(
  handler: DownloadHandler<IncomingMessage>,
  options: NodeHandlerOptions = {},
): NodeHandler {
  return async (request, response, next) => {
    try {
      const params = options.params?.(request) ?? {};
      const downloadRequest = new NodeDownloadRequest(request, response);
      const result = await handler(downloadRequest, { params, native: request });
      await writeRendered(await renderResult(result, downloadRequest), response);
    } catch (error) {
      if (next) passOn(error, next);
      else answerError(error, request, response, options.onError ?? console.error);
    }
  };
}

/**
 * Sends a result from inside an ordinary Node handler.
 * @throws {DownloadError} while nothing has been sent yet
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
  const downloadRequest = new NodeDownloadRequest(request, response);
  await writeRendered(await renderResult(await result, downloadRequest), response);
}

/** A missing file is left to whatever route comes next, and at last to the framework's own 404. */
export function passOn(error: unknown, next: NodeNext): void {
  if (error instanceof FileNotFoundError) next();
  else next(error);
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
  const body = Buffer.from(`${reasonPhrases[status] ?? "Error"}\n`);
  response.writeHead(status, {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": body.byteLength,
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    ...(isDownloadError(error) ? error.headers : {}),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}
