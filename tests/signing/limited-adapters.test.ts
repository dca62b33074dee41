import { serve as serveHono } from "@hono/node-server";
import express from "express";
import Fastify from "fastify";
import { H3, toNodeHandler as h3Listener } from "h3";
import { Hono } from "hono";
import Koa from "koa";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { toExpressHandler } from "../../src/adapters/express.ts";
import { toFastifyHandler } from "../../src/adapters/fastify.ts";
import { toH3Handler } from "../../src/adapters/h3.ts";
import { toHonoHandler } from "../../src/adapters/hono.ts";
import { download, LocalFile, type DownloadHandler } from "../../src/index.ts";
import { toKoaHandler } from "../../src/adapters/koa.ts";
import { toNodeHandler } from "../../src/adapters/node/index.ts";
import { limitedDownloads, MemoryDownloadCounter, type DownloadCounter } from "../../src/signing/index.ts";

const size = 100_000;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "limited-"));
  await writeFile(join(folder, "a.bin"), Buffer.alloc(size, "downloadview"));
});

afterAll(() => rm(folder, { recursive: true }));

const servers: Record<string, (handler: DownloadHandler<never>) => Promise<Server>> = {
  node: async (handler) => createServer(toNodeHandler(handler as DownloadHandler)),
  express: async (handler) =>
    createServer(
      express()
        .set("env", "test")
        .get("/", toExpressHandler(handler as DownloadHandler)),
    ),
  koa: async (handler) =>
    createServer(
      silent(new Koa())
        .use(toKoaHandler(handler as DownloadHandler))
        .callback(),
    ),
  hono: async (handler) =>
    serveHono({
      fetch: new Hono().get("/", toHonoHandler(handler as DownloadHandler)).fetch,
      port: 0,
      createServer,
      // It would change what other servers of this process answer.
      overrideGlobalObjects: false,
    }) as Server,
  h3: async (handler) =>
    createServer(h3Listener(new H3({ silent: true }).get("/", toH3Handler(handler as DownloadHandler)))),
  fastify: async (handler) => {
    const app = Fastify();
    app.get("/", toFastifyHandler(handler as DownloadHandler));
    await app.ready();
    return app.server;
  },
};

function silent(app: Koa): Koa {
  return Object.assign(app, { silent: true });
}

interface Site extends AsyncDisposable {
  ask(link: string, range?: string): Promise<number>;
  /** Resolves when each transfer that was charged has ended. */
  ended(): Promise<void>;
}

async function serve(make: (handler: DownloadHandler<never>) => Promise<Server>): Promise<Site> {
  let underWay = 0;
  const memory = new MemoryDownloadCounter();
  const counter: DownloadCounter = {
    begin: (...args) => (
      (underWay += 1),
      memory.begin(...args).then((grant) => (grant ?? void (underWay -= 1), grant))
    ),
    charge: (...args) => memory.charge(...args).then((grant) => (grant ?? void (underWay -= 1), grant)),
    allows: (...args) => memory.allows(...args),
    end: (...args) => memory.end(...args).finally(() => (underWay -= 1)),
  };
  const handler = limitedDownloads(async () => download(new LocalFile(join(folder, "a.bin"))), {
    limit: 1,
    counter,
    key: ({ url }) => url.slice(url.indexOf("?")),
    client: () => "alice",
  });
  const server = await make(handler);
  if (!server.listening) server.listen(0, "127.0.0.1");
  if (!server.listening) await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    async ask(link, range) {
      const response = await fetch(
        `http://127.0.0.1:${port}/?${link}`,
        range === undefined ? {} : { headers: { range } },
      );
      await response.arrayBuffer();
      return response.status;
    },
    ended: () => vi.waitFor(() => expect(underWay).toBe(0)),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe.each(Object.entries(servers))("a limited link on %s", (_, make) => {
  it("sends each byte once, whatever the range, one by one or at once", async () => {
    await using site = await serve(make);
    const inRow: number[] = [];
    for (const range of [undefined, undefined, "bytes=0-", "bytes=1-"]) {
      inRow.push(await site.ask("row", range));
      await site.ended();
    }
    expect(inRow).toEqual([200, 403, 403, 403]);

    const atOnce = await Promise.all(Array.from({ length: 20 }, () => site.ask("once", "bytes=0-")));
    expect(atOnce.filter((status) => status === 206)).toHaveLength(1);

    const parts: number[] = [];
    for (const range of ["bytes=0-49999", "bytes=50000-", "bytes=50000-"]) {
      parts.push(await site.ask("parts", range));
      await site.ended();
    }
    expect(parts).toEqual([206, 206, 403]);
  });
});
