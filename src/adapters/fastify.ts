import type { FastifyPluginCallback, FastifyReply, FastifyRequest, onRequestHookHandler } from "fastify";
import type { DownloadHandler, DownloadMiddleware, DownloadResult } from "../responses/handler.ts";
import { addMiddleware, namedParams } from "./application.ts";
import { grouped, isNotFound, isResumable, removeFileFields } from "./fields.ts";
import { NodeDownloadRequest } from "./node/request.ts";
import { streamResponse } from "./node/response-stream.ts";

declare module "fastify" {
  interface FastifyReply {
    /** Sends a download, with {@link downloads} registered. Return it from the route handler. */
    sendDownload(result: DownloadResult | Promise<DownloadResult>): Promise<FastifyReply>;
  }
}

/** A route handler of Fastify. */
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
 * Sends a result from inside an ordinary route handler. Return its promise, so that Fastify handles errors.
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
    // @fastify/compress reads this. A later range request is for the plain bytes, so this response must not be compressed.
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
 * A plugin for `reply.sendDownload(result)`. It can be registered beside `@fastify/static`, which
 * has `reply.download` and `reply.sendFile`.
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
    // Like fastify-plugin: the decorator belongs to the whole application, not only to routes registered inside this plugin.
    [Symbol.for("skip-override")]: true,
    [Symbol.for("fastify.display-name")]: "downloadview",
  },
);

/**
 * A hook that passes every download of the application through `middleware`.
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
