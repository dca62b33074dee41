import type { FastifyPluginCallback, FastifyReply, FastifyRequest, onRequestHookHandler } from "fastify";
import type { DownloadHandler, DownloadMiddleware, DownloadResult } from "../responses/handler.ts";
import { addMiddleware } from "./app-middleware.ts";
import { grouped, isNotFound, isResumable } from "./fields.ts";
import { removeFileFields } from "./node/merge-head.ts";
import { NodeDownloadRequest } from "./node/request.ts";
import { streamResponse } from "./node/stream-response.ts";
import { namedParams } from "./params.ts";

declare module "fastify" {
  interface FastifyReply {
    /** Sends a download, with {@link downloads} registered. Return it from the route handler. */
    sendDownload(result: DownloadResult | Promise<DownloadResult>): Promise<FastifyReply>;
  }
}

/** What Fastify calls for a route. */
export type FastifyHandler = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

/**
 * Mounts a handler on Fastify. `this.context.native` is Fastify's `request`. All hooks run, and what they set is kept. A
 * missing file is answered by the not-found handler, an error by the error handler.
 *
 * @example
 * ```ts
 * import Fastify from "fastify";
 * import { PathDownloadView } from "downloadview";
 * import { toFastifyHandler } from "downloadview/fastify";
 *
 * const app = Fastify();
 * app.get("/documents/*", toFastifyHandler(PathDownloadView.asView({ root: "/srv/documents" })));
 * console.assert((await app.inject("/documents/missing.pdf")).statusCode === 404);
 * ```
 */
export function toFastifyHandler(handler: DownloadHandler<FastifyRequest>): FastifyHandler {
  return (request, reply) => {
    const downloadRequest = new NodeDownloadRequest(request.raw, reply.raw);
    const params = namedParams(request.params as Record<string, string>, request.routeOptions.url);
    return answer(
      reply,
      downloadRequest,
      handler(downloadRequest, { params, native: request, clientAddress: () => request.ip }),
    );
  };
}

/**
 * Sends a result from inside an ordinary route handler. Return it, so that Fastify hears of errors.
 *
 * @example
 * ```ts
 * import Fastify from "fastify";
 * import { download } from "downloadview";
 * import { send } from "downloadview/fastify";
 *
 * const app = Fastify();
 * app.get("/report", (request, reply) => send(reply, download("a,b\n", { name: "report.csv" })));
 * console.assert((await app.inject("/report")).body === "a,b\n");
 * ```
 */
export function send(reply: FastifyReply, result: DownloadResult | Promise<DownloadResult>): Promise<FastifyReply> {
  return answer(reply, new NodeDownloadRequest(reply.request.raw, reply.raw), result);
}

async function answer(
  reply: FastifyReply,
  request: NodeDownloadRequest,
  result: DownloadResult | Promise<DownloadResult>,
): Promise<FastifyReply> {
  const { raw } = reply.request;
  try {
    const { status, fields, stream } = await streamResponse(result, request, raw, reply);
    reply.code(status);
    for (const [name, value] of grouped(fields)) reply.header(name, value);
    // What @fastify/compress goes by. A range of the plain file, asked for later, must fit what is sent now.
    if (isResumable(status, fields)) raw.headers["x-no-compression"] ??= "true";
    return reply.send(stream);
  } catch (error) {
    removeFileFields(reply);
    if (!isNotFound(error)) throw error;
    reply.callNotFound();
    return reply;
  }
}

/**
 * A plugin for `reply.sendDownload(result)`. Its name is no one else's: `@fastify/static` has `reply.download` and
 * `reply.sendFile`, and both plugins can be registered.
 *
 * @example
 * ```ts
 * import Fastify from "fastify";
 * import { download } from "downloadview";
 * import { downloads } from "downloadview/fastify";
 *
 * const app = Fastify();
 * await app.register(downloads);
 * app.get("/report", (request, reply) => reply.sendDownload(download("a,b\n", { name: "report.csv" })));
 * console.assert((await app.inject("/report")).body === "a,b\n");
 * ```
 */
export const downloads: FastifyPluginCallback = Object.assign(
  ((fastify, _options, done) => {
    fastify.decorateReply("sendDownload", function (result) {
      return send(this, result);
    });
    done();
  }) satisfies FastifyPluginCallback,
  {
    // As fastify-plugin does it: the decorator is for the whole application, not just for what is registered in here.
    [Symbol.for("skip-override")]: true,
    [Symbol.for("fastify.display-name")]: "downloadview",
  },
);

/**
 * A hook that has every download of the application go through `middleware`.
 *
 * @example
 * ```ts
 * import Fastify from "fastify";
 * import { download } from "downloadview";
 * import { applyToDownloads, send } from "downloadview/fastify";
 *
 * const app = Fastify();
 * app.addHook(
 *   "onRequest",
 *   applyToDownloads((response) => {
 *     response.headers.set("X-Robots-Tag", "noindex");
 *     return response;
 *   }),
 * );
 * app.get("/report", (request, reply) => send(reply, download("a,b\n", { name: "report.csv" })));
 * console.assert((await app.inject("/report")).headers["x-robots-tag"] === "noindex");
 * ```
 */
export function applyToDownloads(...middleware: readonly DownloadMiddleware[]): onRequestHookHandler {
  return (request, _reply, done) => {
    addMiddleware(request.raw, middleware);
    done();
  };
}
