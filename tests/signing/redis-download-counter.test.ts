import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  RedisDownloadCounter,
  RedisSentVersions,
  type IORedisClient,
  type NodeRedisClient,
} from "../../src/redis/index.ts";
import type { DownloadTerms } from "../../src/signing/download-counter.ts";
import { requires } from "../support/requires.ts";
import { describeDownloadCounter } from "./download-counter-contract.ts";
import { startRedis, type RedisServer } from "./redis-server.ts";

const present = requires("redis-server", "apt-get install redis-server");

describe.runIf(present)("RedisDownloadCounter on a real Redis", () => {
  let server: RedisServer;
  let ioredis: Redis;
  let nodeRedis: ReturnType<typeof createClient>;

  beforeAll(async () => {
    server = await startRedis();
    ioredis = new Redis(server.url);
    nodeRedis = createClient({ url: server.url });
    await nodeRedis.connect();
  });

  afterAll(async () => {
    ioredis.disconnect();
    nodeRedis.destroy();
    await server[Symbol.asyncDispose]();
  });

  describeDownloadCounter("ioredis", () => new RedisDownloadCounter(ioredis));
  describeDownloadCounter("node-redis", () => new RedisDownloadCounter(nodeRedis));

  const terms: DownloadTerms = {
    client: "alice",
    whole: true,
    limit: 3,
    restarts: 0,
    now: Date.now(),
    grantLife: 60_000,
  };

  it("counts once for all machines that share it", async () => {
    const link = randomUUID();
    const machines = [new RedisDownloadCounter(ioredis), new RedisDownloadCounter(nodeRedis)];
    const asked = Array.from({ length: 40 }, (_, at) => machines[at % 2]!.begin(link, { ...terms, client: `${at}` }));
    const grants = (await Promise.all(asked)).filter((grant) => grant !== undefined);
    expect(grants).toHaveLength(3);
  });

  it("has a link forgotten when it expires, counted from its first use, and never where it does not", async () => {
    const counter = new RedisDownloadCounter(ioredis, { prefix: "test:" });
    await counter.begin("expiring", { ...terms, expiresAt: terms.now + 60_000 });
    const life = await ioredis.pttl("test:expiring");
    expect(life).toBeGreaterThan(50_000);
    expect(life).toBeLessThanOrEqual(60_000);
    await counter.begin("expiring", { ...terms, expiresAt: terms.now + 600_000 });
    expect(await ioredis.pttl("test:expiring")).toBeLessThanOrEqual(60_000);

    await counter.begin("lasting", terms);
    expect(await ioredis.pttl("test:lasting")).toBe(-1);
  });

  it("keeps no trace of a link that was only looked at, or whose end comes late", async () => {
    const counter = new RedisDownloadCounter(ioredis, { prefix: "test:" });
    await counter.allows("unused", terms);
    await counter.end("unused", "1", { kind: "broken", sent: 1, counts: true, now: terms.now, grantLife: 60_000 });
    expect(await ioredis.exists("test:unused")).toBe(0);
  });

  it("serves nothing while it can't be reached", async () => {
    const lost = new Redis(server.url, { lazyConnect: true });
    await lost.connect();
    lost.disconnect();
    const error: unknown = await new RedisDownloadCounter(lost).begin("link", terms).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: 503, expose: false });
  });

  it.each<[string, (port: number) => Promise<{ client: IORedisClient | NodeRedisClient; close(): void }>]>([
    ["ioredis", async (port) => closing(new Redis(port, "127.0.0.1"))],
    ["node-redis", async (port) => nodeRedisAt(port)],
  ])("answers within its time limit while the server hangs, with %s", async (_, connect) => {
    await using hung = await hungServer();
    const { client, close } = await connect(hung.port);
    const counter = new RedisDownloadCounter(client, { timeout: 0.05 });
    const error: unknown = await counter.begin("link", terms).catch((thrown: unknown) => thrown);
    close();
    expect(error).toMatchObject({ status: 503, expose: false });
  });

  it("remembers what was sent under a link, for as long as it is told", async () => {
    const sent = new RedisSentVersions(ioredis, { prefix: "test:sent:" });
    const [key, now] = [randomUUID(), Date.now()];
    expect(await sent.has(key, now)).toBe(false);
    await sent.add(key, now + 60_000, now);
    expect(await sent.has(key, now)).toBe(true);
    expect(await new RedisSentVersions(nodeRedis, { prefix: "test:sent:" }).has(key, now)).toBe(true);
    expect(await ioredis.pttl(`test:sent:${key}`)).toBeGreaterThan(50_000);
    await sent.add(key, now - 1, now);
    await vi.waitFor(async () => expect(await sent.has(key, now)).toBe(false));
  });

  it("gives back what a late answer takes", async () => {
    let answer = (_: unknown): void => undefined;
    const scripts: string[][] = [];
    const slow = {
      eval: (_: string, { arguments: texts }: { arguments: string[] }): Promise<unknown> => {
        scripts.push(texts);
        return new Promise((resolve) => void (answer = resolve));
      },
    };
    const counter = new RedisDownloadCounter(slow, { timeout: 0.01 });
    await expect(counter.begin("link", terms)).rejects.toMatchObject({ status: 503 });
    answer("1 alice");
    await vi.waitFor(() => expect(scripts).toHaveLength(2));
    expect(scripts[1]?.slice(0, 2)).toEqual(["1 alice", "unused"]);
    answer(1);
  });
});

it.each([undefined, {}, "redis://localhost"])("RedisDownloadCounter can't be made of %o", (client) => {
  expect(() => new RedisDownloadCounter(client as never)).toThrow(/ioredis or node-redis/);
});

it.each([0, -1, NaN])("RedisDownloadCounter has no time limit of %d s", (timeout) => {
  expect(() => new RedisDownloadCounter({ eval: async () => 1 }, { timeout })).toThrow(/positive number of seconds/);
});

/** Accepts connections, and never answers. */
async function hungServer(): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => void sockets.add(socket.on("error", () => undefined)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function closing(client: Redis): { client: Redis; close(): void } {
  client.on("error", () => undefined);
  return { client, close: () => client.disconnect() };
}

async function nodeRedisAt(port: number): Promise<{ client: NodeRedisClient; close(): void }> {
  const client = createClient({ url: `redis://127.0.0.1:${port}`, socket: { reconnectStrategy: false } });
  client.on("error", () => undefined);
  client.connect().catch(() => undefined);
  return { client, close: () => client.destroy() };
}
