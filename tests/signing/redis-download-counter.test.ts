import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RedisDownloadCounter } from "../../src/redis.ts";
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

  const terms: DownloadTerms = { client: "alice", whole: true, limit: 3, now: Date.now(), grantLife: 60_000 };

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
    await counter.end("unused", "1", { kind: "partial", now: terms.now, grantLife: 60_000 });
    expect(await ioredis.exists("test:unused")).toBe(0);
  });

  it("serves nothing while it can't be reached", async () => {
    const lost = new Redis(server.url, { lazyConnect: true });
    await lost.connect();
    lost.disconnect();
    const error: unknown = await new RedisDownloadCounter(lost).begin("link", terms).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: 503, expose: false });
  });
});
