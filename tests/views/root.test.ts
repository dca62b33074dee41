import { mkdir, symlink, writeFile } from "node:fs/promises";
import { once } from "node:events";
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import express from "express";
import { Hono } from "hono";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FileSystemStorage, PathDownloadView, StorageDownloadView } from "downloadview";
import { toExpressHandler } from "downloadview/express";
import { toHonoHandler } from "downloadview/hono";
import { toNodeHandler } from "downloadview/node";
import { temporaryStorage, type TemporaryStorage } from "downloadview/testing";

/**
 * Request targets as an attacker writes them, through whole servers: each router decodes and normalises in its own way,
 * and whatever is left of a target after that must not lead out of the root.
 */

const hostile = [
  "/files/../secret.txt",
  "/files/..%2fsecret.txt",
  "/files/%2e%2e/secret.txt",
  "/files/%2e%2e%2fsecret.txt",
  "/files/%252e%252e%252fsecret.txt",
  "/files/%25252e%25252e%25252fsecret.txt",
  "/files/..%5csecret.txt",
  "/files/..\\secret.txt",
  "/files/%c0%ae%c0%ae/secret.txt",
  "/files/%e0%80%ae%e0%80%ae/secret.txt",
  "/files/%u002e%u002e/secret.txt",
  "/files/....//secret.txt",
  "/files/.../secret.txt",
  "/files/..;/secret.txt",
  "/files/a/../../secret.txt",
  "/files/a/%2e%2e/%2e%2e/secret.txt",
  "/files/../media-private/secret.txt",
  "/files/%2e%2e/media-private/secret.txt",
  "/files/link/secret.txt",
  "/files/link%2fsecret.txt",
  "/files/secret-link.txt",
  "/files//etc/hostname",
  "/files/%2fetc%2fhostname",
  "/files/file:///etc/hostname",
  "/files/hello.txt%00",
  "/files/hello.txt%00.png",
  "/files/hello.txt/",
  "/files/hello.txt%2f",
  "/files/a",
  "/files/a/",
  "/files/a%2f",
  "/files/",
  "/files/.env",
  "/files/a/.git/config",
  "/files/%2eenv",
  "/files/%",
  "/files/%zz",
  "/files/%ff",
];

const harmless: [target: string, content: string][] = [
  ["/files/hello.txt", "hello"],
  ["/files/%68ello.txt", "hello"],
  ["/files/a/b%20c.txt", "b c"],
  ["/files/a/100%25.txt", "percent"],
  ["/files/a/%252e.txt", "encoded dot"],
  ["/files/a/t%C3%A9.txt", "té"],
];

let outer: TemporaryStorage;
const servers = new Map<string, Server>();

beforeAll(async () => {
  outer = await temporaryStorage();
  const names = { "hello.txt": "hello", "a/b c.txt": "b c", "a/100%.txt": "percent", "a/%2e.txt": "encoded dot" };
  for (const [name, text] of Object.entries({ ...names, "a/té.txt": "té" })) await outer.save(`media/${name}`, text);
  const root = join(outer.root, "media");
  for (const secret of ["secret.txt", "media-private/secret.txt"]) await outer.save(secret, "SECRET");
  await mkdir(join(root, "a/.git"));
  for (const hidden of [".env", "a/.git/config"]) await writeFile(join(root, hidden), "SECRET");
  await symlink(join(outer.root, "media-private"), join(root, "link"));
  await symlink(join(outer.root, "secret.txt"), join(root, "secret-link.txt"));

  const view = PathDownloadView.asView({ root });
  const stored = StorageDownloadView.asView({ storage: new FileSystemStorage(root) });
  const params = ({ url = "" }: IncomingMessage): { path: string } => ({ path: decoded(url.slice("/files/".length)) });
  const hono = new Hono().get("/files/:path{.+}", toHonoHandler(view));
  const listeners: Record<string, RequestListener> = {
    Express: express().get("/files/*path", toExpressHandler(view)),
    "node:http": toNodeHandler(view, { params }),
    "a storage": toNodeHandler(stored, { params }),
    Hono: async (req, res) => {
      const answer = await hono.fetch(new Request(new URL(req.url ?? "/", "http://localhost")));
      res.writeHead(answer.status).end(new Uint8Array(await answer.arrayBuffer()));
    },
  };
  for (const [name, listener] of Object.entries(listeners)) {
    const server = createServer(listener).listen(0, "127.0.0.1");
    servers.set(name, server);
    await once(server, "listening");
  }
});
afterAll(async () => {
  for (const server of servers.values()) {
    server.close();
    server.closeAllConnections();
  }
  await outer.dispose();
});

function decoded(target: string): string {
  try {
    return decodeURIComponent(target);
  } catch {
    return target;
  }
}

/** Unlike fetch, sends the target as it is. */
function ask(name: string, target: string): Promise<{ status: number | undefined; body: string }> {
  const { port } = servers.get(name)!.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ port, host: "127.0.0.1", path: target, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      response.on("end", () => resolve({ status: response.statusCode, body }));
    });
    sent.on("error", reject).end();
  });
}

const everywhere = ["Express", "node:http", "Hono", "a storage"];

describe.each(everywhere)("a root behind %s", (name) => {
  // A storage keeps whatever is saved in it: dotfiles are files like any other there.
  const dotfiles = ["/files/.env", "/files/a/.git/config", "/files/%2eenv"];
  const refused = name === "a storage" ? hostile.filter((target) => !dotfiles.includes(target)) : hostile;

  it.each(refused)("is not left, nor its dotfiles served, by %s", async (target) => {
    const { status, body } = await ask(name, target);
    expect([400, 404]).toContain(status);
    expect(body).not.toMatch(/SECRET|hello$/);
    expect(body).not.toContain(outer.root);
  });

  it.each(harmless)("serves %s", async (target, content) => {
    expect(await ask(name, target)).toEqual({ status: 200, body: content });
  });
});
