import Koa, { type Middleware } from "koa";
import Fastify from "fastify";
import { gunzipSync } from "node:zlib";
import { createGzip } from "node:zlib";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { download, LocalFile, type DownloadOutcome, type DownloadResponse } from "downloadview";
import { send as sendToFastify } from "downloadview/fastify";
import { send } from "downloadview/koa";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { conversation, listen, openDescriptors, sendRaw, until } from "../support/sockets.ts";

let root: string;
let path: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "streams-"));
  path = join(root, "big.txt");
  await writeFile(path, Buffer.alloc(8 * 1024 * 1024, "x"));
});
afterAll(() => rm(root, { recursive: true }));

let outcomes: DownloadOutcome[];
beforeEach(() => (outcomes = []));

/** Its outcome is told to the test that asked for it, also if it comes after that test has ended. */
function big(): DownloadResponse {
  const own = outcomes;
  return download(new LocalFile(path), { onFinish: (outcome) => void own.push(outcome) });
}

function koa(...middleware: Middleware[]): Koa {
  const app = new Koa();
  app.silent = true;
  for (const one of middleware) app.use(one);
  return app;
}

describe("a download as Koa's body", () => {
  it("is written with its length, and told to be complete", async () => {
    const errors: unknown[] = [];
    const app = koa((context) => send(context, big())).on("error", (error) => errors.push(error));
    await using server = await listen(app.callback());
    const response = await fetch(server.url);
    expect((await response.arrayBuffer()).byteLength).toBe(8 * 1024 * 1024);
    await until(() => outcomes.length > 0 && openDescriptors(root) === 0);
    expect(outcomes).toEqual([{ kind: "completed", status: 200, bytesSent: 8 * 1024 * 1024, completed: true }]);
    expect(errors).toEqual([]);
  });

  it("answers HEAD, and is complete with it", async () => {
    await using server = await listen(koa((context) => send(context, big())).callback());
    const response = await fetch(server.url, { method: "HEAD" });
    expect(response.headers.get("content-length")).toBe(String(8 * 1024 * 1024));
    await until(() => outcomes.length > 0);
    expect(outcomes).toEqual([{ kind: "completed", status: 200, bytesSent: 0, completed: true }]);
  });

  it("has the status and the fields that middleware changed afterwards", async () => {
    const after: Middleware = async (context, next) => {
      await next();
      expect([context.status, context.response.get("Content-Type")]).toEqual([200, "text/plain; charset=utf-8"]);
      context.set("Cache-Control", "no-store");
      context.remove("ETag");
    };
    await using server = await listen(
      koa(after, (context) => send(context, download("x", { name: "x.txt" }))).callback(),
    );
    const { headers } = await fetch(server.url);
    expect([headers.get("cache-control"), headers.get("etag")]).toEqual(["no-store", null]);
  });

  it("is freed when middleware puts something else in its place", async () => {
    const instead: Middleware = async (context, next) => {
      await next();
      context.body = "something else";
    };
    await using server = await listen(koa(instead, (context) => send(context, big())).callback());
    expect(await (await fetch(server.url)).text()).toBe("something else");
    await until(() => outcomes.length > 0 && openDescriptors(root) === 0);
    expect(outcomes).toMatchObject([{ completed: false, bytesSent: 0 }]);
  });

  it("can be piped through a compressor by middleware that knows what it does", async () => {
    const compress: Middleware = async (context, next) => {
      await next();
      context.set("Content-Encoding", "gzip");
      context.remove("Content-Length");
      context.body = (context.body as NodeJS.ReadableStream).pipe(createGzip());
    };
    await using server = await listen(koa(compress, (context) => send(context, big())).callback());
    const { head, body } = await conversation(server.port, "GET / HTTP/1.0\nHost: x\n\n");
    expect(head).toContain("Content-Encoding: gzip");
    expect(gunzipSync(body).byteLength).toBe(8 * 1024 * 1024);
    await until(() => outcomes.length > 0 && openDescriptors(root) === 0);
    expect(outcomes).toMatchObject([{ completed: true, bytesSent: 8 * 1024 * 1024 }]);
  });

  it("throws an error of its first byte at the middleware around it", async () => {
    const caught: unknown[] = [];
    const around: Middleware = async (_context, next) => {
      await next().catch((error: unknown) => caught.push(error));
    };
    // oxlint-disable-next-line require-yield
    async function* broken(): AsyncGenerator<string> {
      throw new RangeError("too early");
    }
    await using server = await listen(
      koa(around, (context) => send(context, download(broken, { name: "x" }))).callback(),
    );
    await fetch(server.url);
    expect(caught).toMatchObject([{ message: "too early" }]);
  });

  it("closes its file when the client leaves", async () => {
    await using server = await listen(koa((context) => send(context, big())).callback());
    const socket = await sendRaw(server.port, "GET / HTTP/1.1\nHost: x\n\n");
    await new Promise((resolve) => socket.once("data", resolve));
    socket.destroy();
    await until(() => outcomes.length > 0 && openDescriptors(root) === 0);
    expect(outcomes).toMatchObject([{ completed: false }]);
  });
});

describe("a download as Fastify's payload", () => {
  it("is told once how it ended, when it was sent and when the client left", async () => {
    const app = Fastify();
    app.get("/", (_request, reply) => sendToFastify(reply, big()));
    const url = await app.listen({ port: 0, host: "127.0.0.1" });
    await (await fetch(url)).arrayBuffer();
    const socket = await sendRaw(Number(new URL(url).port), "GET / HTTP/1.1\nHost: x\n\n");
    await new Promise((resolve) => socket.once("data", resolve));
    socket.destroy();
    await until(() => outcomes.length > 1 && openDescriptors(root) === 0);
    expect(outcomes).toMatchObject([{ completed: true }, { completed: false }]);
    await app.close();
  });

  it("is answered with Allow by Fastify's own error handler", async () => {
    const app = Fastify();
    const { VirtualDownloadView, VirtualFile } = await import("downloadview");
    const { toFastifyHandler } = await import("downloadview/fastify");
    const view = VirtualDownloadView.asView({ getFile: () => new VirtualFile("x", { name: "x" }) });
    app.all("/", toFastifyHandler(view));
    const response = await app.inject({ method: "DELETE", url: "/" });
    expect([response.statusCode, response.headers["allow"]]).toEqual([405, "GET, HEAD, OPTIONS"]);
  });
});
