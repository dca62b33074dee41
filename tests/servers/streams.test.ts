import { once } from "node:events";
import { mkdir, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import createExpress from "express";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { download, smartDownloadMiddleware, VirtualFile, withMiddleware } from "downloadview";
import { defineConfig } from "downloadview/config";
import { toExpressHandler } from "downloadview/express";
import { serve, type Application } from "./support/application.ts";
import { backendNamed, publicFolder, describeServers, startProxy, type Proxy } from "./support/proxy.ts";

const chunk = Buffer.alloc(65_536, "0123456789abcdef");

/** A body that is generated as it is asked for, and what became of it. */
class Generated {
  chunks = 0;
  readonly ended: Promise<void>;
  #end!: () => void;

  constructor() {
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  async *bytes(count: number, { pause, fail = false }: { pause?: Promise<void>; fail?: boolean }) {
    try {
      for (; this.chunks < count; this.chunks += 1) {
        yield chunk;
        if (this.chunks === 0) await pause;
      }
      if (fail) throw new Error("The source ends early");
    } finally {
      this.#end();
    }
  }
}

/** A download as a client sees it that looks at every byte. */
interface Seen {
  readonly head: string;
  readonly bytes: number;
  /** Whether the framing says that all of the body is there. */
  readonly whole: boolean;
}

async function open(url: string, path: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nConnection: close\r\n\r\n`);
  return socket;
}

async function see(socket: Socket): Promise<Seen> {
  const chunks: Buffer[] = [];
  try {
    for await (const data of socket as AsyncIterable<Buffer>) chunks.push(data);
  } catch {
    // A reset is one way of saying that the rest is missing.
  }
  const all = Buffer.concat(chunks).toString("latin1");
  const end = all.indexOf("\r\n\r\n");
  const [head, body] = [all.slice(0, end), all.slice(end + 4)];
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  const chunked = /^transfer-encoding: *chunked/im.test(head);
  const whole = length === undefined ? !chunked || body.endsWith("\r\n0\r\n\r\n") : body.length === Number(length);
  return { head, bytes: body.length, whole };
}

/** What a server cannot do. Its backend says so in `limits`. */
const limits: Readonly<Record<string, ReadonlySet<string>>> = {
  // They end a broken chunked body as if it were whole; Caddy does so before 2.8.
  caddy: new Set(["broken-streams"]),
  "caddy of Debian 13": new Set(["broken-streams"]),
  h2o: new Set(["broken-streams", "slow-clients"]),
};

describeServers("a stream behind $label", (server) => {
  let folder: string;
  let app: Application;
  let proxy: Proxy;
  let generated: Generated;
  let resume: () => void = () => {};
  const sockets: Socket[] = [];

  beforeAll(async () => {
    folder = await publicFolder("downloadview-streams-");
    const root = join(folder, "media");
    await mkdir(root, { mode: 0o755 });
    const config = defineConfig({
      backend: backendNamed(server, folder),
      rules: [{ sourceDir: root, destinationUrl: "/_downloads/", destinationDir: root }],
    });
    const express = createExpress();
    const route = (path: string, make: () => AsyncIterable<Uint8Array>, size?: number): void => {
      const known = size === undefined ? {} : { size };
      const handler = withMiddleware(
        async () => download(new VirtualFile(make(), { name: "s.bin", ...known })),
        smartDownloadMiddleware(config),
      );
      express.get(path, toExpressHandler(handler));
    };
    const start = (): Generated => (generated = new Generated());
    route("/breaks", () => start().bytes(20, { fail: true }));
    route("/breaks-known", () => start().bytes(20, { fail: true }), 40 * chunk.length);
    route("/pauses", () => start().bytes(20, { pause: new Promise((resolve) => (resume = resolve)) }));
    route("/large", () => start().bytes(4096, {}));
    route("/large-known", () => start().bytes(4096, {}), 4096 * chunk.length);
    app = await serve(express);
    proxy = await startProxy(server, config, app.url);
  });
  afterEach(() => sockets.splice(0).forEach((socket) => socket.destroy()));
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await app?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const ask = async (path: string): Promise<Socket> => {
    const socket = await open(proxy.url, path);
    sockets.push(socket);
    return socket;
  };

  const able = (limit: string): boolean => !limits[server.label]?.has(limit);

  it("of known length that ends early is a failed download", async () => {
    const { whole, bytes } = await see(await ask("/breaks-known"));
    expect([whole, bytes > 0]).toEqual([false, true]);
  });

  it("of unknown length that ends early is a failed download", async () => {
    const { whole } = await see(await ask("/breaks"));
    expect(whole).toBe(!able("broken-streams"));
    expect("broken-streams" in backendNamed(server, folder).limits).toBe(
      server.name === "caddy" || server.name === "h2o",
    );
  });

  it("begins before it ends", async () => {
    const socket = await ask("/pauses");
    const [first] = (await once(socket, "data")) as [Buffer];
    expect(first.length).toBeGreaterThan(0);
    resume();
    expect((await see(socket)).whole).toBe(true);
  });

  it.each(["/large", "/large-known"])("ends with its client: %s", async (path) => {
    const socket = await ask(path);
    await once(socket, "data");
    socket.destroy();
    await generated.ended;
    expect(generated.chunks).toBeLessThan(4096);
  });

  it.each(["/large", "/large-known"])("waits for a slow client: %s", async (path) => {
    const socket = await ask(path);
    await once(socket, "data");
    socket.pause();
    let before = -1;
    while (generated.chunks !== before) {
      before = generated.chunks;
      await delay(300);
    }
    if (able("slow-clients")) expect(generated.chunks * chunk.length).toBeLessThan(64 * 2 ** 20);
    else expect(backendNamed(server, folder).limits).toHaveProperty("slow-clients");
  });
});
