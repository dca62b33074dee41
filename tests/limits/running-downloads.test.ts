import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MemoryRunningDownloads } from "../../src/limits/index.ts";
import { RedisRunningDownloads } from "../../src/redis/index.ts";
import { startRedis, type RedisServer } from "../signing/redis-server.ts";
import { requires } from "../support/requires.ts";
import { describeRunningDownloads } from "./running-downloads-contract.ts";

describeRunningDownloads("memory", () => new MemoryRunningDownloads());

const present = requires("redis-server", "apt-get install redis-server");

describe.runIf(present)("on a real Redis", () => {
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

  describeRunningDownloads("ioredis", () => new RedisRunningDownloads(ioredis));
  describeRunningDownloads("node-redis", () => new RedisRunningDownloads(nodeRedis));

  // 1.1 seconds are 1100.0000000000002 milliseconds.
  it.each([1100.0000000000002, 0.5])("a lease of %d ms is one that Redis takes", async (lease) => {
    const counter = new RedisRunningDownloads(ioredis);
    const transfer = { id: "1", file: "a", bytes: 1, size: 1, download: "1" };
    const now = Date.now();
    expect(await counter.start(`short ${lease}`, transfer, { limit: 1, now, lease })).toEqual({
      download: "1",
      running: 1,
    });
    expect(await counter.renew(`short ${lease}`, [transfer], { now, lease })).toBe(1);
    await counter.end(`short ${lease}`, "1");
  });

  it("a short lease leaves the longer ones of its key alone", async () => {
    const counter = new RedisRunningDownloads(ioredis);
    const [long, short] = ["1", "2"].map((id) => ({ id, file: id, bytes: 1, size: 1 }));
    await counter.start("mixed", long!, { limit: 2, now: Date.now(), lease: 60_000 });
    await counter.start("mixed", short!, { limit: 2, now: Date.now(), lease: 1000 });
    expect(await ioredis.pttl("downloadview:running:mixed")).toBeGreaterThan(50_000);
  });

  it("nothing stays in Redis once the last lease has run out", async () => {
    const counter = new RedisRunningDownloads(ioredis);
    const transfer = { id: "1", file: "a", bytes: 1, size: 1 };
    await counter.start("gone", transfer, { limit: 1, now: Date.now(), lease: 60_000 });
    expect(await ioredis.pttl("downloadview:running:gone")).toBeGreaterThan(50_000);
    await counter.end("gone", "1");
    expect(await ioredis.exists("downloadview:running:gone")).toBe(0);
  });
});
