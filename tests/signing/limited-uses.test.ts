import { Redis } from "ioredis";
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  download,
  FileNotFoundError,
  MemoryStorage,
  StorageFile,
  withMiddleware,
  type DownloadHandler,
  type DownloadMiddleware,
} from "../../src/index.ts";
import { nginx } from "../../src/offload/nginx/index.ts";
import { OffloadedDownloadResponse } from "../../src/offload/offloaded-download-response.ts";
import { redirectToStorage } from "../../src/offload/redirect/index.ts";
import { RedisDownloadCounter } from "../../src/redis/index.ts";
import { renderResult } from "../../src/responses/render.ts";
import { limitedDownloads, MemoryDownloadCounter, type DownloadCounter } from "../../src/signing/index.ts";
import { requires } from "../support/requires.ts";
import { startRedis, type RedisServer } from "./redis-server.ts";

/** How the application's own transfer ends: all of it is sent, or so many bytes, or it does not end. */
type End = "all" | "open" | number;

interface Step {
  readonly who: "alice" | "bob" | "nowhere";
  readonly headers?: Record<string, string>;
  readonly method?: string;
  readonly end?: End;
  /** A new version is stored before the request. */
  readonly replaced?: true;
  readonly missing?: true;
}

interface Case {
  readonly what: string;
  readonly limit?: number;
  readonly steps: readonly Step[];
  /** The status of each response if the application sends the file: a whole one of 1000 bytes, or a part of it. */
  readonly sent: readonly number[];
  /** `+`: handed over. Otherwise the status. */
  readonly handedOver: readonly ("+" | number)[];
}

function alice(range?: string, end: End = "all"): Step {
  return { who: "alice", end, ...(range === undefined ? {} : { headers: { Range: `bytes=${range}` } }) };
}

function bob(range?: string): Step {
  return { ...alice(range), who: "bob" };
}

// What counts, in the order of the table in docs/signing.md.
const cases: readonly Case[] = [
  { what: "the whole file, twice", steps: [alice(), alice()], sent: [200, 403], handedOver: ["+", 403] },
  { what: "the whole file, by two", steps: [alice(), bob()], sent: [200, 403], handedOver: ["+", 403] },
  {
    what: "as many as the limit says",
    limit: 2,
    steps: [alice(), bob(), alice()],
    sent: [200, 200, 403],
    handedOver: ["+", "+", 403],
  },
  {
    what: "a range that is the whole file",
    steps: [alice("0-"), alice("0-"), alice("0-999"), alice("-1000"), alice("0-,5-9")],
    sent: [206, 403, 403, 403, 403],
    handedOver: ["+", 403, 403, 403, 403],
  },
  {
    what: "a range that is nearly all of the file",
    steps: [alice("1-"), alice("0-998")],
    sent: [206, 403],
    handedOver: ["+", 403],
  },
  {
    what: "the whole file by ranges, each byte once",
    steps: [alice("0-299"), alice("300-599"), alice("600-999"), alice("0-299"), alice()],
    sent: [206, 206, 206, 403, 403],
    handedOver: ["+", "+", "+", 403, 403],
  },
  {
    what: "several ranges in one request",
    steps: [alice("0-299,600-999"), alice("300-599"), alice("0-299,600-999")],
    sent: [206, 206, 403],
    handedOver: ["+", "+", 403],
  },
  {
    what: "the same range twice",
    steps: [alice("0-599"), alice("0-599")],
    sent: [206, 403],
    handedOver: ["+", 403],
  },
  {
    what: "ranges at once",
    steps: [alice("0-299", "open"), alice("300-599", "open"), alice("600-999", "open"), bob("600-999")],
    sent: [206, 206, 206, 403],
    handedOver: ["+", "+", "+", 403],
  },
  {
    what: "the whole file, many times at once",
    steps: [alice(undefined, "open"), alice(undefined, "open"), alice("0-", "open"), bob()],
    sent: [200, 403, 403, 403],
    handedOver: ["+", 403, 403, 403],
  },
  {
    what: "a look at two bytes, then the file",
    steps: [alice("0-1"), alice("0-"), alice()],
    sent: [206, 206, 403],
    handedOver: ["+", "+", 403],
  },
  {
    what: "the rest of what broke off",
    steps: [alice(undefined, 400), alice("400-"), alice()],
    sent: [200, 206, 403],
    handedOver: ["+", "+", 403],
  },
  {
    what: "the rest of what broke off, before the server knows",
    steps: [alice(undefined, "open"), alice("400-"), bob("400-")],
    sent: [200, 206, 403],
    handedOver: ["+", "+", 403],
  },
  {
    what: "the rest of what broke off, by another client",
    steps: [alice(undefined, 400), bob("400-"), bob()],
    sent: [200, 403, 403],
    handedOver: ["+", 403, 403],
  },
  {
    what: "anew what broke off, three times",
    steps: [alice(undefined, 900), alice(undefined, 999), alice("0-", 999), alice(undefined, 999), alice()],
    sent: [200, 200, 206, 200, 403],
    handedOver: ["+", 403, 403, 403, 403],
  },
  {
    what: "what broke off before its first byte",
    steps: [alice(undefined, 0), bob()],
    sent: [200, 200],
    handedOver: ["+", 403],
  },
  {
    what: "HEAD",
    steps: [{ who: "alice", method: "HEAD" }, bob(), { who: "alice", method: "HEAD" }],
    sent: [200, 200, 403],
    handedOver: [200, "+", 403],
  },
  {
    what: "a copy that is still good",
    steps: [{ who: "alice", headers: { "If-None-Match": "*" } }, bob()],
    sent: [304, 200],
    handedOver: [304, "+"],
  },
  {
    what: "a version that is gone",
    steps: [{ who: "alice", headers: { "If-Match": '"gone"' } }, bob()],
    sent: [412, 200],
    handedOver: [412, "+"],
  },
  {
    what: "a file that is missing",
    steps: [{ who: "alice", missing: true }, bob()],
    sent: [404, 200],
    handedOver: [404, "+"],
  },
  {
    what: "another version",
    steps: [alice(), { ...alice(), replaced: true }],
    sent: [200, 403],
    handedOver: ["+", 403],
  },
  {
    what: "the rest, which is of another version",
    steps: [alice("0-499"), { who: "alice", headers: { Range: "bytes=500-", "If-Range": '"gone"' } }],
    sent: [206, 403],
    handedOver: ["+", 403],
  },
  {
    what: "another version in place of one that broke off",
    steps: [alice(undefined, 400), { ...alice(), replaced: true }],
    sent: [200, 200],
    handedOver: ["+", 403],
  },
  {
    what: "ranges of a client without an address",
    steps: [
      { who: "nowhere", headers: { Range: "bytes=0-499" } },
      { who: "nowhere", headers: { Range: "bytes=500-" } },
    ],
    sent: [206, 403],
    handedOver: ["+", 403],
  },
  {
    what: "prefetches and previews",
    steps: [
      { who: "alice", headers: { "Sec-Purpose": "prefetch;prerender" } },
      { who: "bob", headers: { "User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)" } },
      alice(),
    ],
    sent: [403, 403, 200],
    handedOver: [403, 403, "+"],
  },
];

const offload: DownloadMiddleware = (response) =>
  new OffloadedDownloadResponse(response, nginx(), { "X-Accel-Redirect": "/_files/a.bin" });
const redirect = redirectToStorage({ expiresIn: 600, url: () => "https://cdn.example/a.bin?signature" });

type Wrap = (view: DownloadHandler, limited: (inner: DownloadHandler) => DownloadHandler) => DownloadHandler;

const ways: Record<string, { wrap: Wrap; column: "sent" | "handedOver" }> = {
  "sent by the application": { wrap: (view, limited) => limited(view), column: "sent" },
  "offloaded inside of the limit": {
    wrap: (view, limited) => limited(withMiddleware(view, offload)),
    column: "handedOver",
  },
  "offloaded by the whole application": {
    wrap: (view, limited) => withMiddleware(limited(view), offload),
    column: "handedOver",
  },
  "redirected inside of the limit": {
    wrap: (view, limited) => limited(withMiddleware(view, redirect)),
    column: "handedOver",
  },
  "redirected by the whole application": {
    wrap: (view, limited) => withMiddleware(limited(view), redirect),
    column: "handedOver",
  },
};

const present = requires("redis-server", "apt-get install redis-server");
let server: RedisServer;
let redis: Redis;

beforeAll(async () => {
  if (!present) return;
  server = await startRedis();
  redis = new Redis(server.url);
});

afterAll(async () => {
  if (!present) return;
  redis.disconnect();
  await server[Symbol.asyncDispose]();
});

describe("a limited link, counted in memory", () => describeUses(() => new MemoryDownloadCounter()));
describe.runIf(present)("a limited link, counted in Redis", () => describeUses(() => new RedisDownloadCounter(redis)));

function describeUses(counter: () => DownloadCounter): void {
  describe.each(Object.entries(ways))("%s", (_, { wrap, column }) => {
    it.each(cases)("$what", async (example) => {
      const site = await siteOf(wrap, counter(), example.limit ?? 1);
      const statuses: unknown[] = [];
      for (const step of example.steps) statuses.push(await site.ask(step));
      expect(statuses).toEqual(example[column]);
    });
  });
}

interface Site {
  ask(step: Step): Promise<number | "+">;
}

async function siteOf(wrap: Wrap, counter: DownloadCounter, limit: number): Promise<Site> {
  const storage = new MemoryStorage();
  await storage.save("a.bin", new Uint8Array(1000).fill(1));
  const ended = new Ends(counter);
  const view: DownloadHandler<Step> = async (_, { native }) => {
    if (native.missing) throw new FileNotFoundError();
    return download(new StorageFile(storage, "a.bin"));
  };
  const key = randomUUID();
  const client = (): string | undefined => (asked.who === "nowhere" ? undefined : asked.who);
  let asked: Step;
  const handler = wrap(view as DownloadHandler, (inner) =>
    limitedDownloads(inner, { limit, counter: ended, key: () => key, client }),
  );
  return {
    async ask(step) {
      asked = step;
      if (step.replaced) {
        await storage.delete("a.bin");
        await storage.save("a.bin", new Uint8Array(1000).fill(2));
      }
      const request = new Request("http://localhost/", { method: step.method ?? "GET", headers: step.headers ?? {} });
      try {
        const { status, headers, delivery } = await renderResult(
          await handler(request, { params: {}, native: step }),
          request,
        );
        const handedOver = headers.some((value) => value === "X-Accel-Redirect" || value === "Location");
        if (step.end === "all" || step.end === undefined || status >= 300 || handedOver) delivery.finish(status, 1000);
        else if (step.end !== "open") delivery.abort(status, step.end);
        return handedOver ? "+" : status;
      } catch (error) {
        return (error as { status: number }).status;
      } finally {
        await ended.settled();
      }
    },
  };
}

/** A counter, and when it has been told of every end so far. */
class Ends implements DownloadCounter {
  readonly #counter: DownloadCounter;
  #ends: Promise<unknown> = Promise.resolve();
  readonly begin: DownloadCounter["begin"];
  readonly charge: DownloadCounter["charge"];
  readonly allows: DownloadCounter["allows"];

  constructor(counter: DownloadCounter) {
    this.#counter = counter;
    this.begin = counter.begin.bind(counter);
    this.charge = counter.charge.bind(counter);
    this.allows = counter.allows.bind(counter);
  }

  end: DownloadCounter["end"] = (...args) => {
    const end = this.#counter.end(...args);
    this.#ends = this.#ends.then(() => end);
    return end;
  };

  async settled(): Promise<void> {
    // An end is told in a microtask of its own.
    await new Promise((resolve) => setImmediate(resolve));
    await this.#ends;
  }
}
