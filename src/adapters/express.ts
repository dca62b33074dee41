import type { Request, RequestHandler, Response } from "express";
import { FileNotFoundError } from "../errors.ts";
import type { DownloadHandler, DownloadMiddleware, DownloadResult } from "../responses/handler.ts";
import { applyToDownloads as nodeMiddleware, passOn } from "./node/index.ts";
import { serve } from "./node/write.ts";
import { namedParams } from "./application.ts";

/**
 * Mounts a handler on Express 4 or 5. `this.context.native` is Express's request, with whatever other middleware put
 * on it. A missing file falls to the next route, and at last to Express's own 404; an error goes to the error handlers.
 *
 * @example
 * ```ts
 * import { once } from "node:events";
 * import type { AddressInfo } from "node:net";
 * import express from "express";
 * import { MemoryStorage, StorageDownloadView } from "downloadview";
 * import { toExpressHandler } from "downloadview/express";
 *
 * const storage = new MemoryStorage();
 * await storage.save("a.txt", "hello");
 * const app = express();
 * app.get("/files/*path", toExpressHandler(StorageDownloadView.asView({ storage })));
 * const server = app.listen(0);
 * await once(server, "listening");
 * const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/files/a.txt`);
 * console.assert((await response.text()) === "hello");
 * server.close();
 * ```
 */
export function toExpressHandler(handler: DownloadHandler<Request>): RequestHandler {
  return (request, response, next) => {
    const route: { readonly path?: unknown } | undefined = request.route;
    const params = namedParams(request.params, route?.path);
    const context = { params, native: request, clientAddress: () => request.ip };
    return serve(
      request,
      response,
      (downloadRequest) => handler(downloadRequest, context),
      // Express's error handlers log what broke; the response is broken already.
      (error, isBroken) => (isBroken ? next(error) : passOn(error, response, next)),
    );
  };
}

/**
 * Sends a result from inside an ordinary Express handler. As in {@link toExpressHandler}, a missing file falls to the next
 * route, and at last to Express's own 404; another error goes to the error handlers. It never rejects, so that no handler of
 * Express 4, which does not await them, can end the process.
 *
 * @example
 * ```ts
 * import { once } from "node:events";
 * import type { AddressInfo } from "node:net";
 * import express from "express";
 * import { download } from "downloadview";
 * import { send } from "downloadview/express";
 *
 * const app = express();
 * app.get("/report", (request, response) => send(request, response, download("a,b\n", { name: "report.csv" })));
 * const server = app.listen(0);
 * await once(server, "listening");
 * const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/report`);
 * console.assert((await response.text()) === "a,b\n");
 * server.close();
 * ```
 */
export async function send(
  request: Request,
  response: Response,
  result: DownloadResult | Promise<DownloadResult>,
): Promise<void> {
  await toExpressHandler(async () => result)(request, response, request.next ?? rethrow);
}

/** For a request that no router of Express has handled. */
function rethrow(error: unknown): never {
  throw error ?? new FileNotFoundError();
}

/**
 * Passes every download of the application through `middleware`: mount it with `app.use` before the routes.
 *
 * @example
 * ```ts
 * import { once } from "node:events";
 * import type { AddressInfo } from "node:net";
 * import express from "express";
 * import { download } from "downloadview";
 * import { applyToDownloads, send } from "downloadview/express";
 *
 * const app = express();
 * app.use(
 *   applyToDownloads((response) => {
 *     response.headers.set("X-Robots-Tag", "noindex");
 *     return response;
 *   }),
 * );
 * app.get("/report", (request, response) => send(request, response, download("a,b\n", { name: "report.csv" })));
 * const server = app.listen(0);
 * await once(server, "listening");
 * const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/report`);
 * console.assert(response.headers.get("X-Robots-Tag") === "noindex");
 * server.close();
 * ```
 */
export function applyToDownloads(...middleware: readonly DownloadMiddleware[]): RequestHandler {
  return nodeMiddleware(...middleware);
}
