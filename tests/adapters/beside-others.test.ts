/** Downloads beside what applications use as well: schemas, timeouts, and middleware that looks at responses. */
import { download, type DownloadOutcome } from "downloadview";
import { send as sendByExpress } from "downloadview/express";
import { toFastifyHandler } from "downloadview/fastify";
import { send as sendByHono } from "downloadview/hono";
import express, { type ErrorRequestHandler } from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { compress } from "hono/compress";
import { etag } from "hono/etag";
import { secureHeaders } from "hono/secure-headers";
import { EventEmitter, once } from "node:events";
import { describe, expect, it } from "vitest";
import { listen, until } from "../support/sockets.ts";

const hello = async (): Promise<ReturnType<typeof download>> => download("hello", { name: "a.txt" });

describe("Fastify", () => {
  it.each([
    ["an object", { type: "object", properties: { a: { type: "string" } }, required: ["a"] }],
    ["a string", { type: "string", maxLength: 1 }],
  ])("does not apply a response schema of %s to a download", async (_name, schema) => {
    const app = Fastify();
    app.get("/", { schema: { response: { 200: schema, 206: schema } } }, toFastifyHandler(hello));
    const [whole, part] = await Promise.all([
      app.inject("/"),
      app.inject({ url: "/", headers: { range: "bytes=1-2" } }),
    ]);
    expect([whole.statusCode, whole.body, part.statusCode, part.body]).toEqual([200, "hello", 206, "el"]);
  });
});

describe("Hono's compress, etag and secureHeaders", () => {
  const app = new Hono();
  app.use(compress({ threshold: 0 }), etag(), secureHeaders({ contentSecurityPolicy: { defaultSrc: ["'self'"] } }));
  app.get("/", async (context) => sendByHono(context, hello()));
  const ask = async (headers: Record<string, string>): Promise<Response> =>
    app.request("/", { headers: { "Accept-Encoding": "gzip", ...headers } });

  it("leave a file as it is, whole, in part and unmodified", async () => {
    const whole = await ask({});
    const tag = whole.headers.get("ETag") ?? "";
    expect([whole.headers.get("Content-Encoding"), tag, await whole.text()]).toEqual([
      null,
      '"9595c9df90075148eb06860365df3358"',
      "hello",
    ]);
    const part = await ask({ Range: "bytes=1-2", "If-Range": tag });
    expect([part.status, part.headers.get("Content-Range"), await part.text()]).toEqual([206, "bytes 1-2/5", "el"]);
    expect((await ask({ "If-None-Match": tag })).status).toBe(304);
  });

  it("leave a 412 without a tag", async () => {
    const { status, headers } = await ask({ "If-Match": '"another"' });
    expect([status, headers.get("ETag")]).toEqual([412, null]);
  });
});

it("connect-timeout: a download that comes after the application has responded is aborted, without an error", async () => {
  const source = new EventEmitter();
  const outcomes: DownloadOutcome[] = [];
  const errors: unknown[] = [];
  async function* late(): AsyncGenerator<string> {
    source.emit("asked");
    await once(source, "go");
    yield "late";
  }
  const onFinish = (outcome: DownloadOutcome): void => void outcomes.push(outcome);
  const app = express();
  app.use((_request, _response, next) => {
    source.once("asked", () => next(Object.assign(new Error("Response timeout"), { status: 503 })));
    next();
  });
  app.get("/", (request, response) => sendByExpress(request, response, download(late, { name: "a.txt", onFinish })));
  const onError: ErrorRequestHandler = (error: Error, _request, response, next) => {
    errors.push(error.message);
    if (response.headersSent) next(error);
    else response.status(503).end("timeout");
  };
  app.use(onError);
  await using server = await listen(app);
  const response = await fetch(server.url, { headers: { connection: "close" } });
  expect([response.status, await response.text()]).toEqual([503, "timeout"]);
  source.emit("go");
  await until(() => outcomes.length > 0);
  expect(outcomes).toMatchObject([{ kind: "aborted", bytesSent: 0 }]);
  expect(errors).toEqual(["Response timeout"]);
});
