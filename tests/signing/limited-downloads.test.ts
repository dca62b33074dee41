import express from "express";
import { Redis } from "ioredis";
import { EventEmitter, once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DownloadResponse, LocalFile } from "../../src/index.ts";
import { toExpressHandler } from "../../src/adapters/express.ts";
import { RedisDownloadCounter } from "../../src/redis/index.ts";
import {
  limitedDownloads,
  MemoryDownloadCounter,
  signatureRequired,
  URLSigner,
  type DownloadCounter,
} from "../../src/signing/index.ts";
import { requires } from "../support/requires.ts";
import { listen } from "../support/sockets.ts";
import { startRedis, type RedisServer } from "./redis-server.ts";

const signer = new URLSigner({ secrets: "0123456789abcdef0123456789abcdef" });
const size = 8 * 1024 * 1024;
let folder: string;
let path: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "limited-"));
  path = join(folder, "a.bin");
  await writeFile(path, Buffer.alloc(size, "downloadview"));
});

afterAll(() => rm(folder, { recursive: true }));

const present = requires("redis-server", "apt-get install redis-server");

describe("a limited link on Express", () => {
  describeLimitedLinks(() => new MemoryDownloadCounter());
});

describe.runIf(present)("a limited link on Express, counted in Redis", () => {
  let server: RedisServer;
  let redis: Redis;

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
  });

  afterAll(async () => {
    redis.disconnect();
    await server[Symbol.asyncDispose]();
  });

  describeLimitedLinks(() => new RedisDownloadCounter(redis));
});

function describeLimitedLinks(makeCounter: () => DownloadCounter): void {
  it("is used by the first of many that ask at once, and by nobody after it", async () => {
    await using site = await serve({ counter: makeCounter() });
    const url = await site.link();
    const statuses = await Promise.all(Array.from({ length: 20 }, () => statusOf(url)));
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(await statusOf(url)).toBe(403);
    expect(await statusOf(await site.link())).toBe(200);
  });

  it("lets a download go on that broke off, and counts it once", async () => {
    await using site = await serve({ counter: makeCounter() });
    const url = await site.link();
    await breakOff(url, site);
    const rest = await fetch(url, { headers: { Range: "bytes=1000-", "User-Agent": "Browser" } });
    expect(rest.status).toBe(206);
    expect((await rest.arrayBuffer()).byteLength).toBe(size - 1000);
    expect(await statusOf(url, { "User-Agent": "Another" })).toBe(403);
    expect(await statusOf(url, { "User-Agent": "Another", Range: "bytes=1000-" })).toBe(403);
  });

  it("works until the first download that arrived, if it is to", async () => {
    await using site = await serve({ counter: makeCounter(), count: "completed" });
    const url = await site.link();
    await breakOff(url, site);
    expect(await statusOf(url, { "User-Agent": "Another" })).toBe(200);
    expect(await statusOf(url)).toBe(403);
  });
}

interface Site extends AsyncDisposable {
  link(): Promise<string>;
  /** Resolves when the server has told the counter of the end of a download. */
  ended(): Promise<void>;
}

let links = 0;

async function serve(options: { counter: DownloadCounter; count?: "completed" }): Promise<Site> {
  const ends = new EventEmitter();
  const counter: DownloadCounter = {
    begin: (link, terms) => options.counter.begin(link, terms),
    charge: (link, grant, charge, terms) => options.counter.charge(link, grant, charge, terms),
    allows: (link, terms) => options.counter.allows(link, terms),
    end: async (link, grant, result) => {
      await options.counter.end(link, grant, result);
      ends.emit("end");
    },
  };
  const limited = limitedDownloads(async () => new DownloadResponse(new LocalFile(path)), {
    limit: 1,
    ...options,
    counter,
  });
  const app = express();
  app.use("/files", express.Router().get("/a", toExpressHandler(signatureRequired(limited, { signer }))));
  const server = await listen(app);
  return {
    link: () => signer.sign(`${server.url}/files/a?number=${(links += 1)}`),
    ended: async () => void (await once(ends, "end")),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function statusOf(url: string, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(url, { headers });
  await response.arrayBuffer();
  return response.status;
}

async function breakOff(url: string, site: Site): Promise<void> {
  const request = get(url, { headers: { "User-Agent": "Browser" } });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  await once(response, "data");
  const ended = site.ended();
  request.destroy();
  await ended;
}
