/** A body that a framework was given and never sends is closed with the response, and told of once. */
import { EventEmitter, once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { get, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "@hono/node-server";
import { ClassSerializerInterceptor, type CallHandler, type ExecutionContext } from "@nestjs/common";
import { download, LocalFile, VirtualFile, type DownloadOutcome, type DownloadResponse } from "downloadview";
import { send as sendByFastify } from "downloadview/fastify";
import { send as sendByH3 } from "downloadview/h3";
import { send as sendByHono } from "downloadview/hono";
import { send as sendByKoa } from "downloadview/koa";
import { DownloadInterceptor } from "downloadview/nest";
import Fastify from "fastify";
import { H3, serve as serveH3 } from "h3";
import { Hono } from "hono";
import Koa from "koa";
import { lastValueFrom, of } from "rxjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listen, openDescriptors, until } from "../support/sockets.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "dropped-"));
  await writeFile(join(root, "a.txt"), Buffer.alloc(2_000_000, "x"));
});
afterAll(() => rm(root, { recursive: true }));

/** Emits `asked` when the first bytes are awaited, and `closed` at the end; `go` lets the bytes come. */
const source = new EventEmitter();

const endless = async function* (): AsyncGenerator<string> {
  try {
    for (;;) yield "some";
  } finally {
    source.emit("closed");
  }
};
const late = async function* (): AsyncGenerator<string> {
  try {
    source.emit("asked");
    await once(source, "go");
    for (;;) yield "some";
  } finally {
    source.emit("closed");
  }
};

type Kind = "generated" | "late" | "a local file";

const fileOf: Record<Kind, () => VirtualFile | LocalFile> = {
  generated: () => new VirtualFile(endless, { name: "a.txt" }),
  late: () => new VirtualFile(late, { name: "a.txt" }),
  "a local file": () => new LocalFile(join(root, "a.txt")),
};

type Serve = (result: () => DownloadResponse) => Promise<{ port: number } & AsyncDisposable>;

/** Responds before the download is ready, as a timeout does. */
async function overtaken<T>(sending: Promise<T>, respond: () => unknown): Promise<void> {
  await once(source, "asked");
  await respond();
  sending.catch(() => undefined);
}

const http = (request: IncomingMessage, response: ServerResponse): ExecutionContext =>
  ({
    getType: () => "http",
    switchToHttp: () => ({ getRequest: () => request, getResponse: () => response }),
  }) as unknown as ExecutionContext;

const intercepted = (
  request: IncomingMessage,
  response: ServerResponse,
  result: DownloadResponse,
): Promise<unknown> => {
  const next: CallHandler = { handle: () => of(result) };
  return lastValueFrom(new DownloadInterceptor().intercept(http(request, response), next));
};

async function honoServer(app: Hono): ReturnType<Serve> {
  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: async () => void server.close() };
}

const dropping: readonly (readonly [what: string, kinds: readonly Kind[], serve: Serve])[] = [
  [
    "a hook of Fastify that throws",
    ["generated", "a local file"],
    async (result) => {
      const app = Fastify().addHook("onSend", async () => {
        throw new Error("a hook");
      });
      app.get("/", (_request, reply) => sendByFastify(reply, result()));
      await app.listen({ port: 0, host: "127.0.0.1" });
      return { port: (app.server.address() as AddressInfo).port, [Symbol.asyncDispose]: () => app.close() };
    },
  ],
  [
    "Hono's middleware that responds itself",
    ["generated", "a local file"],
    (result) => {
      const app = new Hono();
      app.use(async (context, next) => {
        await next();
        context.res = new Response("another", { status: 500 });
      });
      app.get("/", (context) => sendByHono(context, result()));
      return honoServer(app);
    },
  ],
  [
    "a timeout of Hono",
    ["late"],
    (result) => {
      const app = new Hono();
      app.use(async (context, next) => {
        await overtaken(next(), () => (context.res = new Response("too late", { status: 500 })));
      });
      app.get("/", (context) => sendByHono(context, result()));
      return honoServer(app);
    },
  ],
  [
    "h3's middleware that responds itself",
    ["generated", "a local file"],
    async (result) => {
      const app = new H3();
      app.use(async (_event, next) => {
        await next();
        return new Response("another", { status: 500 });
      });
      app.get("/", (event) => sendByH3(event, result()));
      const server = serveH3(app, { port: 0, hostname: "127.0.0.1", silent: true, gracefulShutdown: false });
      await server.ready();
      return { port: Number(new URL(server.url ?? "").port), [Symbol.asyncDispose]: () => server.close(true) };
    },
  ],
  [
    "Koa's middleware that sets another body",
    ["generated", "a local file"],
    (result) => {
      const app = new Koa();
      app.use(async (context, next) => {
        await next();
        context.status = 500;
        context.body = "another";
      });
      app.use((context) => sendByKoa(context, result()));
      return listen(app.callback());
    },
  ],
  [
    "a NestJS interceptor that responds itself",
    ["generated", "a local file"],
    (result) =>
      listen(async (request, response) => {
        await intercepted(request, response, result());
        response.writeHead(500).end();
      }),
  ],
  [
    "a timeout of NestJS",
    ["late"],
    (result) =>
      listen((request, response) => {
        response.setHeader("ETag", '"page"');
        void overtaken(intercepted(request, response, result()), () => response.writeHead(500).end());
      }),
  ],
];

describe.each(dropping)("by %s", (_what, kinds, start) => {
  it.each(kinds)("%s", async (kind) => {
    const outcomes: DownloadOutcome[] = [];
    const closed = kind === "a local file" ? undefined : once(source, "closed");
    await using server = await start(() =>
      download(fileOf[kind](), { onFinish: (outcome) => void outcomes.push(outcome) }),
    );
    const [response] = await once(get({ port: server.port, host: "127.0.0.1", agent: false }), "response");
    // What responds instead may have kept the Content-Length of the file.
    response.on("error", () => undefined).resume();
    await new Promise((resolve) => response.once("close", resolve));
    expect(response.statusCode).toBe(500);
    source.emit("go");
    await closed;
    await until(() => outcomes.length > 0 && openDescriptors(root) === 0);
    await new Promise(setImmediate);
    expect(outcomes).toMatchObject([{ kind: "aborted", bytesSent: 0, completed: false }]);
  });
});

it("NestJS's ClassSerializerInterceptor leaves a download as it is", () => {
  const context = { getType: () => "rpc" } as ExecutionContext;
  const next: CallHandler = { handle: () => of(undefined) };
  new DownloadInterceptor().intercept(context, next);
  const serializer = new ClassSerializerInterceptor(
    {},
    { transformerPackage: { classToPlain: () => "a plain object" } as never },
  );
  const result = download("x", { name: "a.txt" });
  expect(serializer.serialize(result as never, {})).toBe(result);
});
