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

  it("nothing stays in Redis once the last lease has run out", async () => {
    const counter = new RedisRunningDownloads(ioredis);
    const transfer = { id: "1", file: "a", bytes: 1, size: 1 };
    await counter.start("gone", transfer, { limit: 1, now: Date.now(), lease: 60_000 });
    expect(await ioredis.pttl("downloadview:running:gone")).toBeGreaterThan(50_000);
    await counter.end("gone", "1");
    expect(await ioredis.exists("downloadview:running:gone")).toBe(0);
  });
});
