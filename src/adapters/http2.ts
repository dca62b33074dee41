import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { DownloadHandler, DownloadResult } from "../responses/handler.ts";
import { send as sendToNode, toNodeHandler } from "./node/index.ts";

export interface Http2HandlerOptions {
  /** The parameters of the route, such as `{ path }`; Node has no router of its own. */
  params?: (request: Http2ServerRequest) => Readonly<Record<string, string | undefined>>;
  /**
   * Called with each error that is answered with a status of 500 or above, or that breaks a download after its head was
   * sent. By default it is written to the console.
   */
  onError?: (error: unknown) => void;
}

export type HTTP2Handler = (request: Http2ServerRequest, response: Http2ServerResponse) => Promise<void>;

/**
 * Mounts a handler on `node:http2`, by its compatibility API; also on a server that allows HTTP/1.
 *
 * @example
 * ```ts
 * import { once } from "node:events";
 * import { connect, createServer } from "node:http2";
 * import type { AddressInfo } from "node:net";
 * import { MemoryStorage, StorageDownloadView } from "downloadview";
 * import { toHTTP2Handler } from "downloadview/http2";
 * import { pathParams } from "downloadview/node";
 *
 * const storage = new MemoryStorage();
 * await storage.save("a.txt", "hello");
 * const view = StorageDownloadView.asView({ storage });
 * const server = createServer(toHTTP2Handler(view, { params: pathParams })).listen(0);
 * await once(server, "listening");
 * const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
 * const [head] = await once(client.request({ ":path": "/a.txt" }), "response");
 * console.assert(head["content-disposition"] === 'attachment; filename="a.txt"');
 * client.close();
 * server.close();
 * ```
 */
export function toHTTP2Handler(
  handler: DownloadHandler<Http2ServerRequest>,
  options: Http2HandlerOptions = {},
): HTTP2Handler {
  // The compatibility API is what it says, less a socket to write to.
  return toNodeHandler(handler as unknown as DownloadHandler<IncomingMessage>, options as object) as never;
}

/**
 * Sends a result from inside an ordinary HTTP/2 handler. It never rejects: errors are answered with their status.
 *
 * @example
 * ```ts
 * import { once } from "node:events";
 * import { connect, createServer } from "node:http2";
 * import type { AddressInfo } from "node:net";
 * import { download } from "downloadview";
 * import { send } from "downloadview/http2";
 *
 * const server = createServer((request, response) =>
 *   send(request, response, download("hi", { name: "hi.txt" })),
 * ).listen(0);
 * await once(server, "listening");
 * const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
 * const [head] = await once(client.request({ ":path": "/a.txt" }), "response");
 * console.assert(head["content-disposition"] === 'attachment; filename="hi.txt"');
 * client.close();
 * server.close();
 * ```
 */
export function send(
  request: Http2ServerRequest,
  response: Http2ServerResponse,
  result: DownloadResult | Promise<DownloadResult>,
): Promise<void> {
  return sendToNode(request as unknown as IncomingMessage, response as unknown as ServerResponse, result);
}
