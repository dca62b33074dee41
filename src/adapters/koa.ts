import type { DefaultContext, DefaultState, Middleware, ParameterizedContext } from "koa";
import type { DownloadHandler, DownloadMiddleware, DownloadResult } from "../responses/handler.ts";
import { addMiddleware, namedParams } from "./application.ts";
import { grouped, isNotFound, isResumable, removeFileFields } from "./fields.ts";
import { NodeDownloadRequest } from "./node/request.ts";
import { streamResponse } from "./node/response-stream.ts";

/**
 * Mounts a handler on Koa. `this.context.native` is Koa's `ctx`. The response is `ctx.body`, so that middleware sees and
 * may change status and headers after `await next()`. A missing file goes to the next middleware and at last to Koa's
 * own 404; an error is thrown.
 *
 * @example
 * ```ts
 * import { once } from "node:events";
 * import type { AddressInfo } from "node:net";
 * import Router from "@koa/router";
 * import Koa from "koa";
 * import { MemoryStorage, StorageDownloadView } from "downloadview";
 * import { toKoaHandler } from "downloadview/koa";
 *
 * const storage = new MemoryStorage();
 * await storage.save("a.txt", "hello");
 * const router = new Router();
 * router.get("/files/*path", toKoaHandler(StorageDownloadView.asView({ storage })));
 * const app = new Koa().use(router.routes());
 * const server = app.listen(0);
 * await once(server, "listening");
 * const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/files/a.txt`);
 * console.assert((await response.text()) === "hello");
 * server.close();
 * ```
 */
export function toKoaHandler<State = DefaultState, Custom = DefaultContext>(
  handler: DownloadHandler<ParameterizedContext<State, Custom>>,
): Middleware<State, Custom> {
  return async (context, next) => {
    const request = requestOf(context);
    const { params: given = {}, _matchedRoute } = context as RoutedContext;
    const params = namedParams(given, _matchedRoute);
    try {
      await answer(context, request, handler(request, { params, native: context, clientAddress: () => context.ip }));
    } catch (error) {
      if (!isNotFound(error)) throw withoutFileFields(context, error);
      await next();
    }
  };
}

/**
 * Responds with a result from inside an ordinary Koa middleware; await it. A missing file leaves Koa its own 404.
 *
 * @example
 * ```ts
 * import { once } from "node:events";
 * import type { AddressInfo } from "node:net";
 * import Koa from "koa";
 * import { download } from "downloadview";
 * import { send } from "downloadview/koa";
 *
 * const app = new Koa();
 * app.use((ctx) => send(ctx, download("a,b\n", { name: "report.csv" })));
 * const server = app.listen(0);
 * await once(server, "listening");
 * const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/report`);
 * console.assert((await response.text()) === "a,b\n");
 * server.close();
 * ```
 */
export async function send(
  context: ParameterizedContext,
  result: DownloadResult | Promise<DownloadResult>,
): Promise<void> {
  try {
    await answer(context, requestOf(context), result);
  } catch (error) {
    withoutFileFields(context, error);
    if (!isNotFound(error)) throw error;
    context.status = 404;
  }
}

/**
 * Passes every download of the application through `middleware`: `app.use` it before the routes.
 *
 * @example
 * ```ts
 * import { once } from "node:events";
 * import type { AddressInfo } from "node:net";
 * import Koa from "koa";
 * import { download } from "downloadview";
 * import { applyToDownloads, send } from "downloadview/koa";
 *
 * const app = new Koa();
 * app.use(
 *   applyToDownloads((response) => {
 *     response.headers.set("X-Robots-Tag", "noindex");
 *     return response;
 *   }),
 * );
 * app.use((ctx) => send(ctx, download("a,b\n", { name: "report.csv" })));
 * const server = app.listen(0);
 * await once(server, "listening");
 * const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/report`);
 * console.assert(response.headers.get("X-Robots-Tag") === "noindex");
 * server.close();
 * ```
 */
export function applyToDownloads(...middleware: readonly DownloadMiddleware[]): Middleware {
  return (context, next) => {
    addMiddleware(context.req, middleware);
    return next();
  };
}

function withoutFileFields({ res }: AnswerableContext, error: unknown): unknown {
  removeFileFields(res);
  return error;
}

/** What `@koa/router` adds. */
interface RoutedContext {
  readonly params?: Record<string, string>;
  readonly _matchedRoute?: unknown;
}

type AnswerableContext = Pick<
  ParameterizedContext,
  "req" | "res" | "originalUrl" | "response" | "status" | "body" | "set" | "append"
>;

function requestOf({ req, res, originalUrl }: AnswerableContext): NodeDownloadRequest {
  return new NodeDownloadRequest(req, res, originalUrl);
}

async function answer(
  context: AnswerableContext,
  request: NodeDownloadRequest,
  result: DownloadResult | Promise<DownloadResult>,
): Promise<void> {
  const { status, fields, stream } = await streamResponse(result, request, context.req, context.res);
  context.status = status;
  context.body = stream;
  for (const [name, value] of grouped(fields)) {
    if (name.toLowerCase() === "set-cookie") context.append(name, value);
    else context.set(name, value);
  }
  // koa-compress reads this. A later range request is for the plain bytes, so this response must not be compressed.
  if (isResumable(status, fields)) (context as { compress?: boolean }).compress = false;
}
