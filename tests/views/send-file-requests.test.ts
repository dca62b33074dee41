import { mkdtemp, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sendFile } from "downloadview";
import { send as sendByExpress } from "downloadview/express";
import { send as sendByFastify } from "downloadview/fastify";
import { send as sendByHono } from "downloadview/hono";
import { send as sendByKoa } from "downloadview/koa";
import { send as sendByNode } from "downloadview/node";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import { describe, expect, it } from "vitest";

const root = await mkdtemp(join(tmpdir(), "send-file-"));
await writeFile(join(root, "a.txt"), "hello");

async function textOf(listener: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const text = await response.text();
  server.closeAllConnections();
  server.close();
  return text;
}

describe("sendFile takes the request of", () => {
  it("Express", async () => {
    const app = express().get("/", (request, response) =>
      sendByExpress(request, response, sendFile(request, "a.txt", { root })),
    );
    expect(await textOf(app)).toBe("hello");
  });

  it("Koa", async () => {
    const app = new Koa().use((context) => sendByKoa(context, sendFile(context, "a.txt", { root })));
    expect(await textOf(app.callback())).toBe("hello");
  });

  it("Fastify", async () => {
    const app = Fastify();
    app.get("/", (request, reply) => sendByFastify(reply, sendFile(request, "a.txt", { root })));
    expect((await app.inject("/")).body).toBe("hello");
  });

  it("Node", async () => {
    expect(
      await textOf((request, response) => void sendByNode(request, response, sendFile(request, "a.txt", { root }))),
    ).toBe("hello");
  });

  it("Hono", async () => {
    const app = new Hono().get("/", (context) => sendByHono(context, sendFile(context.req.raw, "a.txt", { root })));
    expect(await (await app.request("/")).text()).toBe("hello");
  });
});
