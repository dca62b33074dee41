import { Router } from "@koa/router";
import { serve } from "@hono/node-server";
import express from "express";
import Fastify from "fastify";
import { H3, serve as serveH3 } from "h3";
import { Hono } from "hono";
import Koa from "koa";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import {
  ProxiedDownloadResponse,
  download,
  isDownloadResponse,
  type DownloadMiddleware,
  type DownloadResponse,
} from "downloadview";
import { applyToDownloads as expressMiddleware, send as sendToExpress } from "downloadview/express";
import { applyToDownloads as fastifyMiddleware, send as sendToFastify } from "downloadview/fastify";
import { downloadOf, toResponse } from "downloadview/fetch";
import { applyToDownloads as h3Middleware, send as sendToH3 } from "downloadview/h3";
import { applyToDownloads as honoMiddleware, send as sendToHono } from "downloadview/hono";
import { applyToDownloads as koaMiddleware, send as sendToKoa } from "downloadview/koa";
import { describe, expect, it } from "vitest";
import { listen } from "../support/sockets.ts";

/** Adds its name to a field, so that the order of several shows. */
const mark =
  (name: string): DownloadMiddleware =>
  (response) => {
    response.headers.append("X-Through", name);
    return response;
  };

const negotiated = (): DownloadResponse =>
  download("x", { name: "x.txt", headers: { Vary: "Accept-Encoding", "Set-Cookie": "ours=1" } });

interface Running extends AsyncDisposable {
  readonly url: string;
}

/** The same small application in each framework: middleware of others, two of ours, and a download. */
const applications: readonly (readonly [framework: string, start: () => Promise<Running>])[] = [
  [
    "Express",
    async () => {
      const app = express();
      app.use((_request, response, next) => {
        response.vary("Origin").cookie("theirs", "1");
        next();
      });
      app.use(expressMiddleware(mark("outer"), mark("last")), expressMiddleware(mark("inner")));
      app.get("/", (request, response) => sendToExpress(request, response, negotiated()));
      return listen(app);
    },
  ],
  [
    "Fastify",
    async () => {
      const app = Fastify();
      app.addHook(
        "onRequest",
        async (_request, reply) => void reply.header("Vary", "Origin").header("Set-Cookie", "theirs=1"),
      );
      app.addHook("onRequest", fastifyMiddleware(mark("outer"), mark("last")));
      app.addHook("onRequest", fastifyMiddleware(mark("inner")));
      app.get("/", (_request, reply) => sendToFastify(reply, negotiated()));
      return { url: await app.listen({ port: 0, host: "127.0.0.1" }), [Symbol.asyncDispose]: () => app.close() };
    },
  ],
  [
    "Koa",
    async () => {
      const app = new Koa();
      app.use((context, next) => {
        context.vary("Origin");
        context.cookies.set("theirs", "1");
        return next();
      });
      app.use(koaMiddleware(mark("outer"), mark("last"))).use(koaMiddleware(mark("inner")));
      app.use(new Router().get("/", (context) => sendToKoa(context, negotiated())).routes());
      return listen(app.callback());
    },
  ],
  [
    "Hono",
    async () => {
      const app = new Hono();
      app.use(async (context, next) => {
        context.header("Vary", "Origin");
        context.header("Set-Cookie", "theirs=1");
        await next();
      });
      app.use(honoMiddleware(mark("outer"), mark("last"))).use(honoMiddleware(mark("inner")));
      app.get("/", (context) => sendToHono(context, negotiated()));
      const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
      await once(server, "listening");
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      return { url, [Symbol.asyncDispose]: async () => void server.close() };
    },
  ],
  [
    "h3",
    async () => {
      const app = new H3();
      app.use((event) => {
        event.res.headers.set("Vary", "Origin");
        event.res.headers.set("Set-Cookie", "theirs=1");
      });
      app.use(h3Middleware(mark("outer"), mark("last"))).use(h3Middleware(mark("inner")));
      app.get("/", (event) => sendToH3(event, negotiated()));
      const server = serveH3(app, { port: 0, hostname: "127.0.0.1", silent: true, gracefulShutdown: false });
      await server.ready();
      return { url: server.url ?? "", [Symbol.asyncDispose]: () => server.close(true) };
    },
  ],
];

describe.each(applications)("a download in %s", (_framework, start) => {
  it("goes through the middleware nearest to it first", async () => {
    await using server = await start();
    const { headers } = await fetch(server.url, { headers: { connection: "close" } });
    expect(headers.get("x-through")).toBe("inner, outer, last");
  });

  it("varies on what others vary on as well", async () => {
    await using server = await start();
    const { headers } = await fetch(server.url, { headers: { connection: "close" } });
    expect(headers.get("vary")).toBe("Origin, Accept-Encoding");
  });

  it("keeps the cookies of others beside its own", async () => {
    await using server = await start();
    const { headers } = await fetch(server.url, { headers: { connection: "close" } });
    const cookies = headers.getSetCookie().map((cookie) => cookie.split(";")[0]);
    expect(new Set(cookies)).toEqual(new Set(["ours=1", "theirs=1"]));
    expect(cookies).toHaveLength(2);
  });
});

describe("downloadOf", () => {
  it("tells what file a web response is of", async () => {
    const response = await toResponse(negotiated(), new Request("http://localhost/"));
    const origin = downloadOf(response);
    expect(isDownloadResponse(origin) && origin.getFilename()).toBe("x.txt");
  });

  it("tells it of one that is handed to a proxy as well", async () => {
    const proxied = new ProxiedDownloadResponse({ headers: { "X-Accel-Redirect": "/x" } });
    expect(downloadOf(await toResponse(proxied, new Request("http://localhost/")))).toBe(proxied);
  });

  it("knows nothing of other responses", () => {
    expect(downloadOf(new Response("x"))).toBe(undefined);
  });
});
