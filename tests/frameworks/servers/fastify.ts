import type { AddressInfo } from "node:net";
import compress from "@fastify/compress";
import cookie from "@fastify/cookie";
import cors from "@fastify/cors";
import session from "@fastify/session";
import statics from "@fastify/static";
import { applyToDownloads, downloads, toFastifyHandler } from "downloadview/fastify";
import Fastify, { type FastifyRequest } from "fastify";
import { earlierFields, offload, report, routes } from "../application.ts";
import { announce, files, log, root, upstream } from "../server.ts";

declare module "fastify" {
  interface FastifyRequest {
    user?: string | undefined;
  }
}

const app = Fastify({ forceCloseConnections: true });
await app.register(cors, { origin: "https://app.example", exposedHeaders: "Content-Disposition" });
await app.register(compress);
await app.register(cookie);
await app.register(session, { secret: "behaviour-behaviour-behaviour-32", cookie: { secure: false } });
await app.register(statics, { root, serve: false });
await app.register(downloads);
app.decorateRequest("user", undefined);
app.addHook("onRequest", async (request, reply) => {
  for (const [name, value] of earlierFields(request.headers["x-fields"])) reply.header(name, value);
  request.user = request.headers["x-user"]?.toString();
});
app.addHook("onRequest", applyToDownloads(offload));
app.addHook("onSend", async (_request, reply) => void reply.header("X-After", "kept"));
app.addHook(
  "onResponse",
  async (request, reply) => void log.push(`${request.method} ${request.url} ${reply.statusCode}`),
);

const userOf = (request: FastifyRequest): string | undefined => request.user;
for (const route of routes({ files, userOf, upstream })) {
  app.all(`/${route.name}${route.wildcard ? "/*" : ""}`, toFastifyHandler(route.handler));
}
app.get("/send", (_request, reply) => reply.sendDownload(report()));
app.get("/log", async () => log);
app.setNotFoundHandler((_request, reply) => reply.code(404).send("the application's own 404\n"));
app.setErrorHandler((error: { statusCode?: number; headers?: Record<string, string> }, _request, reply) =>
  reply
    .code(error.statusCode ?? 500)
    .headers(error.headers ?? {})
    .send("the application's own error\n"),
);

await app.listen({ port: 0, host: "127.0.0.1" });
announce((app.server.address() as AddressInfo).port);
