import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { RedisKeptLeases } from "downloadview/redis";
import { startRedis, type RedisServer } from "../signing/redis-server.ts";
import { requires } from "../support/requires.ts";

const present = requires("redis-server", "apt-get install redis-server");

const chunks = 8;
const digest = createHash("sha256")
  .update(Buffer.concat(Array.from({ length: chunks }, (_, index) => Buffer.alloc(65_536, index))))
  .digest("hex");

describe.runIf(present)("machines with a Redis and a shared storage", () => {
  let server: RedisServer;
  let redis: Redis;
  let nodeRedis: ReturnType<typeof createClient>;
  let folder: string;
  const started: ChildProcess[] = [];

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
    nodeRedis = createClient({ url: server.url });
    await nodeRedis.connect();
  });
  afterAll(async () => {
    redis?.disconnect();
    nodeRedis?.destroy();
    await server?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "kept-"));
  });
  afterEach(async () => {
    for (const child of started.splice(0)) child.kill("SIGKILL");
    await redis.flushall();
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  });

  /** A machine: a process with a folder of its own. */
  async function startMachine(name: string, pause: number) {
    const script = fileURLToPath(new URL("maker.ts", import.meta.url));
    const places = [join(folder, name), String(chunks), String(pause), join(folder, "log"), join(folder, "shared")];
    const child = spawn(process.execPath, ["--import", "tsx", script, ...places, server.url], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    started.push(child);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe("ready");
    const ask = async (): Promise<string> => {
      child.stdin.write("file\n");
      return String((await lines.next()).value);
    };
    return { child, ask };
  }

  const makers = async (): Promise<number> => (await readFile(join(folder, "log"), "utf8")).trim().split("\n").length;

  it("make a file once, and all have all of its bytes", async () => {
    const machines = await Promise.all(["a", "b", "c"].map((name) => startMachine(name, 20)));
    expect(await Promise.all(machines.map(({ ask }) => ask()))).toEqual([digest, digest, digest]);
    expect(await makers()).toBe(1);
    await expect.poll(() => redis.keys("*")).toEqual([]);
  });

  it("replace one that is killed while it makes a file", async () => {
    const [first, second] = await Promise.all([startMachine("a", 100), startMachine("b", 0)]);
    void first.ask();
    await expect.poll(() => redis.keys("*")).toHaveLength(1);
    const answer = second.ask();
    await expect.poll(() => makers()).toBe(1);
    first.child.kill("SIGKILL");
    expect([await answer, await makers()]).toEqual([digest, 2]);
  });

  it.each(["ioredis", "node-redis"])(
    "%s: one holder has a lease until it ends it, is replaced, or dies",
    async (name) => {
      const leases = new RedisKeptLeases(name === "ioredis" ? redis : nodeRedis);
      const long = 60_000;
      expect(await leases.take("key", "a", long)).toBe(true);
      expect(await redis.pttl("downloadview:kept:key")).toBeGreaterThan(50_000);
      expect([await leases.take("key", "b", long), await leases.renew("key", "b", long)]).toEqual([false, false]);
      await leases.release("key", "b");
      expect(await leases.renew("key", "a", 20)).toBe(true);
      await expect.poll(() => leases.take("key", "b", long)).toBe(true);
      expect(await leases.renew("key", "a", long)).toBe(false);
      await leases.revoke("key");
      expect(await leases.renew("key", "b", long)).toBe(false);
      expect(await leases.take("key", "a", long)).toBe(true);
      await leases.release("key", "a");
      expect(await redis.exists("downloadview:kept:key")).toBe(0);
    },
  );

  it("a Redis that does not answer leaves each machine to itself", async () => {
    const silent = new RedisKeptLeases({ eval: () => new Promise(() => undefined) }, { timeout: 0.01 });
    await expect(silent.take("key", "a", 1000)).rejects.toMatchObject({ status: 503 });
  });
});
