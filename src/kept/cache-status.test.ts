import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { download, HTTPFile, VirtualFile, withMiddleware, type DownloadFile } from "../index.ts";
import { renderResult } from "../responses/render.ts";
import { closeBody, readBody } from "../responses/rendered-response.ts";
import { cacheStatus, type CacheOutcome } from "./cache-status.ts";
import { keepFiles, KeptFiles, type KeepFilesOptions } from "./index.ts";

const outcomes: readonly (readonly [outcome: CacheOutcome, expected: string | undefined])[] = [
  [{ event: "hit", ttl: Infinity }, "hit"],
  [{ event: "hit", ttl: 59.99 }, "hit; ttl=59"],
  [{ event: "hit", ttl: 0 }, "hit; ttl=0"],
  [{ event: "hit", ttl: 1e300 }, "hit; ttl=999999999999999"],
  [{ event: "stale", ttl: -0.001 }, "hit; ttl=-1"],
  [{ event: "stale", ttl: -412 }, "hit; ttl=-412"],
  [{ event: "stale", ttl: -412, isAfterFailure: true }, "fwd=stale; detail=stale-if-error"],
  [{ event: "miss", ttl: undefined }, "fwd=miss; stored"],
  [{ event: "miss", ttl: -412 }, "fwd=stale; stored"],
  [{ event: "miss", ttl: -412, isRevalidated: true }, "fwd=stale; fwd-status=304; stored"],
  [{ event: "collapsed", ttl: undefined }, "fwd=miss; collapsed"],
  [{ event: "collapsed", ttl: -412 }, "fwd=stale; collapsed"],
  [{ event: "collapsed", ttl: -412, isRevalidated: true }, "fwd=stale; fwd-status=304; collapsed"],
  [{ event: "passed", ttl: undefined }, "fwd=miss; detail=not-kept"],
  [{ event: "passed", ttl: -412 }, "fwd=stale; detail=not-kept"],
  [{ event: "made", ttl: undefined }, undefined],
  [{ event: "failed", ttl: -412 }, undefined],
  [{ event: "evicted", ttl: undefined }, undefined],
];

test.each(outcomes)("%o is %s", (outcome, expected) => {
  expect(cacheStatus(outcome)).toBe(expected);
});

let folder: string;
let kept: KeptFiles;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kept-"));
  kept = new KeptFiles({ folder });
});

afterEach(async () => {
  await quiet();
  await kept.close();
  await rm(folder, { recursive: true, force: true });
});

async function quiet(): Promise<void> {
  const locks = async (): Promise<string[]> => readdir(join(folder, "locks")).catch(() => []);
  await expect.poll(locks, { timeout: 5000 }).toEqual([]);
}

interface Step {
  readonly init?: RequestInit;
  readonly options?: Partial<KeepFilesOptions>;
  readonly make: (time: number) => DownloadFile;
  readonly expected: string | null;
}

/** Undefined if the request fails. */
async function statusOf({ init, options, make }: Step, time: number): Promise<string | null | undefined> {
  const handler = withMiddleware(
    async () => download(make(time)),
    keepFiles(kept, { key: () => ["file"], cacheStatus: "keep", ...options }),
  );
  const request = new Request("http://localhost/", init);
  const rendered = await renderResult(await handler(request, { params: {}, native: undefined }), request);
  if (rendered.body.kind !== "none") for await (const chunk of readBody(rendered.body)) expect(chunk).toBeDefined();
  await closeBody(rendered.body);
  const at = rendered.headers.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === "cache-status");
  // However long the steps take.
  return at === -1 ? null : rendered.headers[at + 1]?.replace(/ttl=-\d+$/, "ttl=-N").replace(/ttl=9\d\d$/, "ttl=9NN");
}

const generated = (time: number): DownloadFile => new VirtualFile(() => `report ${time}`);
const broken = (): DownloadFile =>
  new VirtualFile(() => {
    throw new Error("broken");
  });
const remote =
  (fields: Record<string, string>): (() => DownloadFile) =>
  () =>
    new HTTPFile("https://files.example/a.txt", {
      fetch: async (_, init) => {
        const isSame = new Headers(init?.headers).get("if-none-match") === fields["ETag"];
        return new Response(isSame && fields["ETag"] ? null : "remote", {
          status: isSame && fields["ETag"] ? 304 : 200,
          headers: fields,
        });
      },
    });

const range = { headers: { Range: "bytes=0-1" } };
const head = { method: "HEAD" };
const cacheFor = { freshFor: 1000 };
const stale = { freshFor: 0 };

const sequences: readonly (readonly [name: string, steps: readonly Step[]])[] = [
  [
    "A file that never gets stale",
    [
      { make: generated, expected: "keep; fwd=miss; stored" },
      { make: generated, expected: "keep; hit" },
      { make: generated, init: range, expected: "keep; hit" },
      { make: generated, init: head, expected: "keep; hit" },
    ],
  ],
  [
    "A file that is fresh for a while",
    [
      { make: generated, options: cacheFor, init: range, expected: "keep; fwd=miss; stored" },
      { make: generated, options: cacheFor, expected: "keep; hit; ttl=9NN" },
    ],
  ],
  [
    "A file that is made anew in the background",
    [
      { make: generated, options: stale, init: head, expected: "keep; fwd=miss; stored" },
      { make: generated, options: { ...stale, staleWhileRevalidate: 60 }, expected: "keep; hit; ttl=-N" },
      { make: generated, options: { ...stale, staleWhileRevalidate: 60 }, init: range, expected: "keep; hit; ttl=-N" },
    ],
  ],
  [
    "A stale file",
    [
      { make: generated, expected: "keep; fwd=miss; stored" },
      { make: generated, options: stale, expected: "keep; fwd=stale; stored" },
      { make: generated, options: stale, init: range, expected: "keep; fwd=stale; stored" },
    ],
  ],
  [
    "A stale file whose original fails, at first and a moment later",
    [
      { make: generated, expected: "keep; fwd=miss; stored" },
      { make: broken, options: { ...stale, staleIfError: 60 }, expected: "keep; fwd=stale; detail=stale-if-error" },
      { make: broken, options: { ...stale, staleIfError: 60 }, expected: "keep; hit; ttl=-N" },
      { make: broken, options: { ...stale, staleIfError: 60 }, init: range, expected: "keep; hit; ttl=-N" },
    ],
  ],
  [
    "A remote file that is revalidated",
    [
      { make: remote({ ETag: '"v1"', "Cache-Control": "no-cache" }), expected: "keep; fwd=miss; stored" },
      {
        make: remote({ ETag: '"v1"', "Cache-Control": "no-cache" }),
        expected: "keep; fwd=stale; fwd-status=304; stored",
      },
      {
        make: remote({ ETag: '"v1"', "Cache-Control": "no-cache" }),
        init: range,
        expected: "keep; fwd=stale; fwd-status=304; stored",
      },
    ],
  ],
  [
    "A remote file that must not be kept",
    [
      { make: remote({ "Cache-Control": "no-store" }), expected: "keep; fwd=miss; detail=not-kept" },
      { make: remote({ "Cache-Control": "no-store" }), init: range, expected: "keep; fwd=miss; detail=not-kept" },
    ],
  ],
  [
    "A file without a key, or where clients are not told",
    [
      { make: generated, options: { key: () => undefined }, expected: null },
      { make: generated, options: { cacheStatus: false }, expected: null },
      { make: generated, options: { cacheStatus: true }, expected: "downloadview; hit" },
    ],
  ],
];

for (const [name, steps] of sequences) {
  test(`${name} has the Cache-Status of each step`, async () => {
    for (const [time, step] of steps.entries()) {
      expect([time, await statusOf(step, time)]).toEqual([time, step.expected]);
      await quiet();
    }
  });
}

test("Of several clients that wait for one file, the first one forwards and the others are collapsed", async () => {
  let release!: () => void;
  const gate = new Promise<void>((resolve) => (release = resolve));
  const make = (): DownloadFile =>
    new VirtualFile(async function* () {
      await gate;
      yield "whole";
    });
  const asks = [{}, range, head, {}].map((init) => statusOf({ make, init, expected: null }, 0));
  await expect.poll(() => kept.statistics.misses + kept.statistics.collapsed).toBeGreaterThanOrEqual(2);
  release();
  expect((await Promise.all(asks)).toSorted((one, other) => (one ?? "").localeCompare(other ?? ""))).toEqual([
    "keep; fwd=miss; collapsed",
    "keep; fwd=miss; collapsed",
    "keep; fwd=miss; collapsed",
    "keep; fwd=miss; stored",
  ]);
});
