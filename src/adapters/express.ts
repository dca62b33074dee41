import type { Request, RequestHandler, Response } from "express";
import type { DownloadHandler, DownloadMiddleware, DownloadResult } from "../responses/handler.ts";
import { answer } from "./node/answer.ts";
import { isOfLeaving } from "./node/connection.ts";
import { downloadMiddleware as nodeMiddleware, passOn, send as sendToNode } from "./node/index.ts";
import { NodeDownloadRequest } from "./node/request.ts";
import { namedParams } from "./params.ts";

/**
 * Mounts a handler on Express 4 or 5. `this.context.native` is Express's request, with whatever other middleware put
 * on it. A missing file falls to the next route, and at last to Express's own 404; an error goes to the error handlers.
 *
 * @example
 * ```ts
 * import express from "express";
 * import { PathDownloadView } from "downloadview";
 * import { toExpressHandler } from "downloadview/express";
 *
 * const app = express();
 * app.get("/documents/*path", toExpressHandler(PathDownloadView.asView({ root: "/srv/documents" })));
 * console.assert(typeof app.listen === "function");
 * ```
 */
export function toExpressHandler(handler: DownloadHandler<Request>): RequestHandler {
  return async (request, response, next) => {
    try {
      const downloadRequest = new NodeDownloadRequest(request, response);
      const context = { params: namedParams(request.params), native: request, clientAddress: () => request.ip };
      const failure = await answer(handler(downloadRequest, context), downloadRequest, request, response);
      // Express's error handlers log it; the response is broken already.
      if (failure !== undefined) next(failure);
    } catch (error) {
      if (!isOfLeaving(error, response)) passOn(error, next);
    }
  };
}

/**
 * Sends a result from inside an ordinary Express handler; await it, so that Express hears of errors.
 *
 * @example
 * ```ts
 * import express from "express";
 * import { download } from "downloadview";
 * import { send } from "downloadview/express";
 *
 * const app = express();
 * app.get("/report", (request, response) => send(request, response, download("a,b\n", { name: "report.csv" })));
 * console.assert(typeof app.listen === "function");
 * ```
 */
export function send(
  request: Request,
  response: Response,
  result: DownloadResult | Promise<DownloadResult>,
): Promise<void> {
  return sendToNode(request, response, result);
}

/**
 * Has every download of the application go through `middleware`: mount it with `app.use` before the routes.
 *
 * @example
 * ```ts
 * import express from "express";
 * import { download } from "downloadview";
 * import { downloadMiddleware, send } from "downloadview/express";
 *
 * const app = express();
 * app.use(
 *   downloadMiddleware((response) => {
 *     response.headers.set("X-Robots-Tag", "noindex");
 *     return response;
 *   }),
 * );
 * app.get("/report", (request, response) => send(request, response, download("a,b\n", { name: "report.csv" })));
 * console.assert(typeof app.listen === "function");
 * ```
 */
export function downloadMiddleware(...middleware: readonly DownloadMiddleware[]): RequestHandler {
  return nodeMiddleware(...middleware);
}
