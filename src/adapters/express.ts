import type { Request, RequestHandler, Response } from "express";
import type { DownloadHandler, DownloadResult } from "../responses/handler.ts";
import { renderResult } from "../responses/render-result.ts";
import { passOn, send as sendToNode } from "./node/index.ts";
import { NodeDownloadRequest } from "./node/request.ts";
import { writeRendered } from "./node/write.ts";

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
      const context = { params: joinWildcards(request.params), native: request };
      const result = await handler(downloadRequest, context);
      await writeRendered(await renderResult(result, downloadRequest), response);
    } catch (error) {
      passOn(error, next);
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

// Express 5 gives a wildcard as a list of decoded segments. One that holds a slash of its own (%2F) is no path of ours.
function joinWildcards(params: Readonly<Record<string, string | string[]>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [name, Array.isArray(value) ? value.join("/") : value]),
  );
}
