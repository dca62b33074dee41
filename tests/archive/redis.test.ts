import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RedisFingerprints, RedisSelections, type IORedisClient, type NodeRedisClient } from "../../src/redis/index.ts";
import { startRedis, type RedisServer } from "../signing/redis-server.ts";
import { requires } from "../support/requires.ts";

const present = requires("redis-server", "apt-get install redis-server");

describe.runIf(present)("what archives keep in Redis", () => {
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

  describe.each<[string, () => IORedisClient | NodeRedisClient]>([
    ["ioredis", () => ioredis],
    ["node-redis", () => nodeRedis],
  ])("through %s", (_, client) => {
    it("fingerprints are remembered for all machines, and dropped some time after their last use", async () => {
      const prefix = randomUUID();
      const fingerprints = new RedisFingerprints(client(), { prefix, expiresIn: 1000 });
      await fingerprints.set("a", 0xffff_ffff);
      expect(await new RedisFingerprints(client(), { prefix }).get("a")).toBe(0xffff_ffff);
      expect(await ioredis.pttl(`${prefix}a`)).toBeGreaterThan(1_000_000);
      expect(await fingerprints.get("a")).toBe(0xffff_ffff);
      expect(await ioredis.pttl(`${prefix}a`)).toBeLessThanOrEqual(1_000_000);
      expect(await fingerprints.get("b")).toBeUndefined();
    });

    it("selections are kept until they expire", async () => {
      const prefix = randomUUID();
      await new RedisSelections(client(), { prefix }).add("s", ["1", "ü"], Date.now() + 50_000);
      expect(await new RedisSelections(client(), { prefix }).get("s")).toEqual(["1", "ü"]);
      const life = await ioredis.pttl(`${prefix}s`);
      expect(life).toBeGreaterThan(40_000);
      expect(life).toBeLessThanOrEqual(50_000);
      expect(await new RedisSelections(client(), { prefix }).get("other")).toBeUndefined();
    });
  });

  it("a Redis that does not answer costs a fingerprint its time and a selection a 503", async () => {
    const silent = { defineCommand: undefined, eval: () => new Promise<never>(() => {}) };
    await expect(new RedisFingerprints(silent, { timeout: 0.01 }).get("a")).rejects.toMatchObject({ status: 503 });
    await expect(new RedisSelections(silent, { timeout: 0.01 }).get("a")).rejects.toMatchObject({ status: 503 });
  });
});
