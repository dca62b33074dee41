/** A body that a framework was given and never sends is closed with the response. */
import { EventEmitter, once } from "node:events";
import { get } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { ClassSerializerInterceptor, type CallHandler, type ExecutionContext } from "@nestjs/common";
import { download, VirtualFile, type DownloadOutcome, type DownloadResponse } from "downloadview";
import { send as sendByFastify } from "downloadview/fastify";
import { send as sendByHono } from "downloadview/hono";
import { DownloadInterceptor } from "downloadview/nest";
import Fastify from "fastify";
import { Hono } from "hono";
import { of } from "rxjs";
import { expect, it } from "vitest";

interface Followed {
  readonly result: DownloadResponse;
  /** Fulfilled when the source is closed. */
  readonly closed: Promise<unknown>;
  readonly outcome: Promise<DownloadOutcome>;
}

function followed(): Followed {
  const source = new EventEmitter();
  const content = async function* (): AsyncGenerator<string> {
    try {
      for (;;) yield "some";
    } finally {
      source.emit("closed");
    }
  };
  let finish: (outcome: DownloadOutcome) => void = () => undefined;
  const outcome = new Promise<DownloadOutcome>((resolve) => (finish = resolve));
  const result = download(new VirtualFile(content, { name: "a.txt" }), { onFinish: finish });
  return { result, closed: once(source, "closed"), outcome };
}

async function statusOf(port: number): Promise<number | undefined> {
  const [response] = await once(get({ port, host: "127.0.0.1", agent: false }), "response");
  response.resume();
  return response.statusCode;
}

it("of which a hook of Fastify makes an error", async () => {
  const { result, closed, outcome } = followed();
  const app = Fastify().addHook("onSend", async () => {
    throw new Error("a hook");
  });
  app.get("/", (_request, reply) => sendByFastify(reply, result));
  await app.listen({ port: 0, host: "127.0.0.1" });
  expect(await statusOf((app.server.address() as AddressInfo).port)).toBe(500);
  await closed;
  expect((await outcome).completed).toBe(false);
  await app.close();
});

it("of which Hono's middleware makes another response", async () => {
  const { result, closed, outcome } = followed();
  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    context.res = new Response("another", { status: 418 });
  });
  app.get("/", (context) => sendByHono(context, result));
  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
  await once(server, "listening");
  expect(await statusOf((server.address() as AddressInfo).port)).toBe(418);
  await closed;
  expect((await outcome).completed).toBe(false);
  server.close();
});

it("NestJS's ClassSerializerInterceptor leaves a download as it is", () => {
  const context = { getType: () => "rpc" } as ExecutionContext;
  const next: CallHandler = { handle: () => of(undefined) };
  new DownloadInterceptor().intercept(context, next);
  const serializer = new ClassSerializerInterceptor(
    {},
    { transformerPackage: { classToPlain: () => "a plain object" } as never },
  );
  const { result } = followed();
  expect(serializer.serialize(result as never, {})).toBe(result);
});
