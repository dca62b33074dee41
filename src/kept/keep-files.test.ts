import { mkdtemp, readdir, readlink, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  DescribedFile,
  download,
  FileNotFoundError,
  HTTPFile,
  PermissionDeniedError,
  smartDownloadMiddleware,
  VirtualFile,
} from "../index.ts";
import { nginx } from "../offload/nginx/index.ts";
import { closeBody, readBody } from "../responses/rendered-response.ts";
import { withMiddleware, type DownloadHandler, type DownloadMiddleware } from "../responses/handler.ts";
import { renderResult } from "../responses/render.ts";
import type { DownloadFile } from "../files/download-file.ts";
import { keepFiles, KeptFiles, type KeepFilesOptions, type KeptKey } from "./index.ts";

let folder: string;
let kept: KeptFiles;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kept-"));
  kept = new KeptFiles({ folder, failureMemory: 200 });
});

/** The files below the folder that this process holds open. */
async function heldOpen(): Promise<string[]> {
  const descriptors = await readdir("/proc/self/fd").catch(() => []);
  const places = await Promise.all(descriptors.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => "")));
  return places.filter((place) => place.startsWith(folder));
}

afterEach(async () => {
  await quiet();
  await expect.poll(heldOpen).toEqual([]);
  await kept.close();
  await rm(folder, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

async function ask(handler: DownloadHandler, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  const request = new Request("http://localhost/", { headers, method });
  const result = await handler(request, { params: {}, native: undefined });
  const rendered = await renderResult(result, request);
  let text = "";
  try {
    if (rendered.body.kind !== "none")
      for await (const chunk of readBody(rendered.body)) text += Buffer.from(chunk).toString();
  } finally {
    await closeBody(rendered.body);
  }
  const fields = new Headers();
  for (let at = 0; at < rendered.headers.length; at += 2)
    fields.append(rendered.headers[at]!, rendered.headers[at + 1]!);
  return { status: rendered.status, headers: fields, text };
}

type Options = Partial<KeepFilesOptions>;

function view(make: () => DownloadFile, options: Options = {}, ...more: DownloadMiddleware[]): DownloadHandler {
  return withMiddleware(
    async () => download(make()),
    keepFiles(kept, { key: () => ["report", 7], ...options }),
    ...more,
  );
}

/** A generated file that counts how often it was made. */
function counted(text: (time: number) => string | AsyncIterable<string> = (time) => `report ${time}`) {
  const counter = { made: 0, file: () => file };
  const file = new VirtualFile(() => text((counter.made += 1)), { name: "report.txt", contentType: "text/plain" });
  return counter;
}

/** A file whose end comes when the test says so. */
function gated() {
  let open!: () => void;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const counter = { made: 0, open, aborted: 0 };
  const make = (): VirtualFile =>
    new VirtualFile(
      async function* ({ signal }: { signal: AbortSignal }) {
        counter.made += 1;
        signal.addEventListener("abort", () => (counter.aborted += 1));
        yield "begin ";
        await Promise.race([
          gate,
          new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
        ]);
        yield "end";
      },
      { name: "report.txt" },
    );
  return { ...counter, counter, make };
}

async function filesBelow(...names: string[]): Promise<string[]> {
  const entries = await readdir(join(folder, ...names), { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

async function quiet(): Promise<void> {
  await expect.poll(() => filesBelow("making"), { timeout: 5000 }).toEqual([]);
  await expect.poll(() => filesBelow("locks"), { timeout: 5000 }).toEqual([]);
}

test("A generated file is made once, and then has length, entity tag, ranges and digests", async () => {
  const report = counted();
  const handler = view(report.file);
  const first = await ask(handler);
  expect([first.status, first.text]).toEqual([200, "report 1"]);
  expect(first.headers.get("accept-ranges")).toBeNull();
  await quiet();
  const second = await ask(handler);
  expect([second.text, second.headers.get("content-length"), report.made]).toEqual(["report 1", "8", 1]);
  expect(second.headers.get("etag")).toMatch(/^"[\w-]{43}"$/);
  expect(second.headers.get("repr-digest")).toMatch(/^sha-256=:/);
  expect(second.headers.get("content-type")).toBe("text/plain");
  expect(second.headers.get("content-disposition")).toBe('attachment; filename="report.txt"');
  const part = await ask(handler, { Range: "bytes=2-4" });
  expect([part.status, part.text]).toEqual([206, "por"]);
  const again = await ask(handler, { "If-None-Match": second.headers.get("etag")! });
  expect([again.status, report.made]).toEqual([304, 1]);
  expect(kept.statistics).toMatchObject({ hits: 3, misses: 1, made: 1 });
});

test("A hundred clients of one miss run the maker once, and each gets all bytes", async () => {
  const report = gated();
  const handler = view(report.make);
  const answers = Array.from({ length: 100 }, () => ask(handler));
  await expect.poll(() => kept.statistics.misses).toBe(100);
  report.open();
  const texts = (await Promise.all(answers)).map(({ text }) => text);
  expect(new Set(texts)).toEqual(new Set(["begin end"]));
  expect(report.counter.made).toBe(1);
});

test("The first client gets the first bytes before the last are made", async () => {
  const report = gated();
  const handler = view(report.make);
  const request = new Request("http://localhost/");
  const rendered = await renderResult(await handler(request, { params: {}, native: undefined }), request);
  if (rendered.body.kind === "none") throw new Error("no body");
  const body = readBody(rendered.body);
  expect(Buffer.from((await body.next()).value as Uint8Array).toString()).toBe("begin ");
  report.open();
  expect(Buffer.from((await body.next()).value as Uint8Array).toString()).toBe("end");
  await body.return(undefined);
  await closeBody(rendered.body);
});

for (const [name, headers, method] of [
  ["HEAD", {}, "HEAD"],
  ["a range", { Range: "bytes=0-3" }, "GET"],
  ["If-Match", { "If-Match": '"x"' }, "GET"],
] as const) {
  test(`${name} waits for the making`, async () => {
    const report = gated();
    const handler = view(report.make);
    const answer = ask(handler, headers, method);
    await expect.poll(() => report.counter.made).toBe(1);
    report.open();
    expect((await answer).status).toBe(name === "HEAD" ? 200 : name === "If-Match" ? 412 : 206);
    if (name === "HEAD") expect((await answer).headers.get("content-length")).toBe("9");
  });

  test(`${name} gets a 503 with Retry-After once its patience is over, and the making goes on`, async () => {
    const report = gated();
    const handler = view(report.make, { patience: 20 });
    await expect(ask(handler, headers, method)).rejects.toMatchObject({ status: 503, headers: { "Retry-After": "2" } });
    const accepted = await ask(view(report.make, { patience: 20, lateStatus: 202 }), headers, method);
    expect([accepted.status, accepted.headers.get("retry-after")]).toEqual([202, "2"]);
    report.open();
    await quiet();
    expect((await ask(handler)).text).toBe("begin end");
    expect(report.counter.made).toBe(1);
  });
}

test("A making whose every client leaves ends, and leaves nothing behind", async () => {
  const report = gated();
  const handler = view(report.make);
  const request = new Request("http://localhost/");
  const rendered = await renderResult(await handler(request, { params: {}, native: undefined }), request);
  await closeBody(rendered.body);
  await quiet();
  expect(report.counter).toMatchObject({ made: 1, aborted: 1 });
  expect(await filesBelow()).toEqual([]);
});

test("A file of a known length is kept, though its client leaves with the last byte", async () => {
  const original = new VirtualFile("x".repeat(100), { name: "report.txt" });
  const handler = view(() => original);
  for (let time = 0; time < 20; time += 1) {
    const request = new Request("http://localhost/");
    const rendered = await renderResult(await handler(request, { params: {}, native: undefined }), request);
    if (rendered.body.kind !== "none") await readBody(rendered.body).next();
    await closeBody(rendered.body);
    await quiet();
    expect(await kept.delete(["report", 7])).toBe(true);
  }
});

test("With finishAnyway a making goes on without its clients", async () => {
  const report = gated();
  const handler = view(report.make, { finishAnyway: true });
  const request = new Request("http://localhost/");
  const rendered = await renderResult(await handler(request, { params: {}, native: undefined }), request);
  await closeBody(rendered.body);
  report.open();
  await quiet();
  expect((await ask(handler)).text).toBe("begin end");
  expect(report.counter.made).toBe(1);
});

const broken: readonly (readonly [name: string, make: () => DownloadFile])[] = [
  [
    "a source that throws midway",
    () =>
      new VirtualFile(async function* () {
        yield "begin";
        throw new Error("midway");
      }),
  ],
  [
    "a source that is shorter than it said",
    () =>
      new VirtualFile(
        async function* () {
          yield "abc";
        },
        { size: 5 },
      ),
  ],
  [
    "a source that is longer than it said",
    () =>
      new VirtualFile(
        async function* () {
          yield "abcdefg";
        },
        { size: 5 },
      ),
  ],
  [
    "an upstream whose digest is another one",
    () =>
      new HTTPFile("https://files.example/a", {
        fetch: async () =>
          new Response("abc", {
            headers: {
              "Cache-Control": "max-age=60",
              "Repr-Digest": "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
            },
          }),
      }),
  ],
  [
    "an upstream that ends early",
    () =>
      new HTTPFile("https://files.example/a", {
        fetch: async () => new Response("abc", { headers: { "Cache-Control": "max-age=60", "Content-Length": "5" } }),
      }),
  ],
];

for (const [name, make] of broken) {
  test(`Nothing is kept of ${name}`, async () => {
    await ask(view(make)).catch(() => undefined);
    await quiet();
    expect(await kept.get(["report", 7])).toBeUndefined();
    expect(await filesBelow()).toEqual([]);
  });
}

test("A failure is remembered for a moment: a thousand clients do not retry a generator that throws", async () => {
  let made = 0;
  const handler = view(
    () =>
      new VirtualFile(() => {
        made += 1;
        throw new FileNotFoundError();
      }),
  );
  const results = await Promise.allSettled(Array.from({ length: 1000 }, () => ask(handler)));
  expect(results.every(({ status }) => status === "rejected")).toBe(true);
  expect(made).toBe(1);
  await expect.poll(() => ask(handler).catch(() => made)).toBe(2);
});

test("The view decides before the cache: a permission that was withdrawn counts for what is kept, and for a 304", async () => {
  const report = counted();
  let isAllowed = true;
  const handler = withMiddleware(
    async () => {
      if (!isAllowed) throw new PermissionDeniedError();
      return download(report.file());
    },
    keepFiles(kept, { key: () => ["report"], staleWhileRevalidate: 60, freshFor: 0 }),
  );
  await ask(handler);
  await quiet();
  const etag = (await ask(handler)).headers.get("etag")!;
  isAllowed = false;
  await expect(ask(handler)).rejects.toMatchObject({ status: 403 });
  await expect(ask(handler, { "If-None-Match": etag })).rejects.toMatchObject({ status: 403 });
  await expect(ask(handler, {}, "HEAD")).rejects.toMatchObject({ status: 403 });
});

test.each([
  { name: "says that it is unmodified", isModified: false, status: 304 },
  { name: "says that it was modified", isModified: true, status: 200 },
])("A kept file whose original $name is answered with $status, whatever its date", async ({ isModified, status }) => {
  const dates: Date[] = [];
  const wasModifiedSince = (since: Date): boolean => (dates.push(since), isModified);
  const handler = view(() => new VirtualFile("report", { name: "report.txt", wasModifiedSince }));
  await ask(handler);
  await quiet();
  for (const year of [1999, 2100]) {
    const since = new Date(Date.UTC(year, 0, 1)).toUTCString();
    expect((await ask(handler, { "If-Modified-Since": since })).status).toBe(status);
    expect((await ask(handler, { "If-Modified-Since": since }, "HEAD")).status).toBe(status);
  }
  expect(dates).toHaveLength(4);
});

const badKeys: readonly (readonly [name: string, key: unknown])[] = [
  ["an empty array", []],
  ["a text", "report"],
  ["undefined in it", ["report", undefined]],
  ["a missing member", ["report", { user: undefined }]],
  ["a hole", [, "report"]], // oxlint-disable-line no-sparse-arrays
  ["NaN", ["report", Number.NaN]],
  ["a Date", ["report", new Date(0)]],
  ["a Map", ["report", new Map()]],
  ["a bigint", ["report", 1n]],
];

for (const [name, key] of badKeys) {
  test(`A key that is, or has, ${name} is refused: it would be the key of others too`, async () => {
    await expect(ask(view(counted().file, { key: () => key as KeptKey }))).rejects.toBeInstanceOf(TypeError);
  });
}

test("Without a key nothing is kept, and there is no default key", async () => {
  const report = counted();
  const handler = view(report.file, { key: () => undefined });
  expect([(await ask(handler)).text, (await ask(handler)).text]).toEqual(["report 1", "report 2"]);
  expect(() => keepFiles(kept, {} as KeepFilesOptions)).toThrow("key must be a function");
});

const pairs: readonly (readonly [KeptKey, KeptKey, boolean])[] = [
  [["a", "b"], ["a,b"], false],
  [["1"], [1], false],
  [[["a"], "b"], [["a", "b"]], false],
  [[null], ["null"], false],
  [[{ a: 1, b: 2 }], [{ b: 2, a: 1 }], true],
  [[{ 10: "x", 2: "y" }], [{ 2: "y", 10: "x" }], true],
];

for (const [one, other, isSame] of pairs) {
  test(`${JSON.stringify(one)} and ${JSON.stringify(other)} are ${isSame ? "one key" : "two keys"}`, async () => {
    const report = counted();
    await kept.make(one, report.file());
    await kept.make(one, report.file());
    expect(report.made).toBe(1);
    await kept.make(other, report.file());
    expect(report.made).toBe(isSame ? 1 : 2);
  });
}

test("A record that lies under another key's name is not served", async () => {
  await kept.make(["secret"], new VirtualFile("secret"));
  const [name] = await filesBelow("entries");
  const { hashKey } = await import("./key.ts");
  const { hash } = hashKey(["public"]);
  const { copyFile, mkdir } = await import("node:fs/promises");
  await mkdir(join(folder, "entries", hash.slice(0, 2)), { recursive: true });
  await copyFile(
    join(folder, "entries", name!.slice(0, 2), name!),
    join(folder, "entries", hash.slice(0, 2), `${hash}.json`),
  );
  expect(await new KeptFiles({ folder }).get(["public"])).toBeUndefined();
});

test("A kept file that was removed, cut or emptied is made again", async () => {
  const report = counted();
  const handler = view(report.file);
  const place = async (): Promise<string> => (await kept.get(["report", 7]))!.path;
  await ask(handler);
  await quiet();
  await rm(await place());
  expect((await ask(handler)).text).toBe("report 2");
  await quiet();
  await truncate(await place(), 3);
  expect((await ask(handler)).text).toBe("report 3");
  await quiet();
  await truncate(await place(), 0);
  expect((await ask(handler, { Range: "bytes=0-5" })).text).toBe("report 4");
});

test("Once it is stale, a file is served and made anew in the background", async () => {
  const report = counted();
  const handler = view(report.file, { freshFor: 0, staleWhileRevalidate: 60, cacheStatus: true });
  await ask(handler);
  await quiet();
  const stale = await ask(handler);
  expect(stale.text).toBe("report 1");
  expect(stale.headers.get("cache-status")).toMatch(/^downloadview; hit; ttl=-\d+$/);
  await expect.poll(() => report.made).toBe(2);
  await quiet();
  expect((await ask(handler)).text).toBe("report 2");
});

test("If making it anew fails, a file is served stale within staleIfError, and not without", async () => {
  let failure: Error | undefined;
  const make = (): DownloadFile =>
    new VirtualFile(() => {
      if (failure) throw failure;
      return "good";
    });
  const tolerant = view(make, { freshFor: 0, staleIfError: 60 });
  await ask(tolerant);
  await quiet();
  failure = new Error("broken");
  expect((await ask(tolerant)).text).toBe("good");
  expect((await ask(tolerant, { Range: "bytes=0-1" })).text).toBe("go");
  await expect(ask(view(make, { freshFor: 0 }))).rejects.toThrow("broken");
});

for (const gone of [new FileNotFoundError(), new PermissionDeniedError()]) {
  test(`A file whose original answers ${gone.status} by now is not served stale`, async () => {
    let failure: Error | undefined;
    const make = (): DownloadFile =>
      new VirtualFile(() => {
        if (failure) throw failure;
        return "good";
      });
    const tolerant = view(make, { freshFor: 0, staleIfError: 60 });
    await ask(tolerant);
    await quiet();
    failure = gone;
    await expect(ask(tolerant)).rejects.toBe(gone);
    await expect(ask(tolerant, { Range: "bytes=0-1" })).rejects.toBe(gone);
  });
}

test("Once the background finds that the original is gone, the stale file is not served again", async () => {
  let isGone = false;
  const make = (): DownloadFile =>
    new VirtualFile(() => {
      if (isGone) throw new FileNotFoundError();
      return "good";
    });
  const handler = view(make, { freshFor: 0, staleWhileRevalidate: 60 });
  await ask(handler);
  await quiet();
  isGone = true;
  expect((await ask(handler)).text).toBe("good");
  await expect.poll(() => kept.statistics.failed).toBe(1);
  await expect(ask(handler)).rejects.toMatchObject({ status: 404 });
  await expect.poll(() => kept.get(["report", 7])).toBeUndefined();
});

test("Bytes that are made anew and are the same keep their file, date and entity tag", async () => {
  const report = counted(() => "same");
  const handler = view(report.file, { freshFor: 0 });
  await ask(handler);
  await quiet();
  const before = (await kept.get(["report", 7]))!;
  await ask(handler);
  await quiet();
  const after = (await kept.get(["report", 7]))!;
  expect([report.made, after.path]).toEqual([2, before.path]);
  expect(await after.stat()).toEqual(await before.stat());
});

test("Two versions of one length differ in their dates, of which nginx makes its entity tag", async () => {
  const report = counted();
  const handler = view(report.file, { freshFor: 0 });
  const dates = new Set<number>();
  for (let time = 0; time < 3; time += 1) {
    await ask(handler);
    await quiet();
    dates.add(Math.floor((await stat((await kept.get(["report", 7]))!.path)).mtimeMs / 1000));
  }
  expect(dates.size).toBe(3);
});

test("What was deleted while it was made is served, and not kept", async () => {
  const report = gated();
  const handler = view(report.make);
  const answer = ask(handler);
  await expect.poll(() => report.counter.made).toBe(1);
  await kept.delete(["report", 7]);
  report.open();
  expect((await answer).text).toBe("begin end");
  await quiet();
  expect(await kept.get(["report", 7])).toBeUndefined();
});

test("delete() and clear() drop files at once, and say whether there was one", async () => {
  await kept.make(["a"], new VirtualFile("a"));
  await kept.make(["b"], new VirtualFile("b"));
  expect([await kept.delete(["a"]), await kept.delete(["a"])]).toEqual([true, false]);
  expect(await kept.get(["a"])).toBeUndefined();
  await kept.clear();
  expect(await kept.get(["b"])).toBeUndefined();
  for await (const entry of kept.list()) expect(entry).toBeUndefined();
});

test("What was deleted is not there, however long those take that looked for it before", async () => {
  // A record that takes longer to read than to delete.
  const key = ["report", 7, "x".repeat(4_000_000)];
  await kept.make(key, new VirtualFile("report 1"));
  const looking = kept.get(key);
  await kept.delete(key);
  await looking;
  expect(await kept.get(key)).toBeUndefined();
});

test("A kept file matches the rules of the server in front, a miss and a changed one are sent by the application", async () => {
  const report = counted();
  const rules = [{ sourceDir: join(folder, "files"), destinationUrl: "/_kept/" }];
  const handler = view(report.file, {}, smartDownloadMiddleware({ backend: nginx(), rules }));
  const first = await ask(handler);
  expect([first.text, first.headers.get("x-accel-redirect")]).toEqual(["report 1", null]);
  await quiet();
  const second = await ask(handler);
  expect(second.text).toBe("");
  expect(second.headers.get("x-accel-redirect")).toMatch(/^\/_kept\/[0-9a-f]{2}\/[0-9a-f]{64}-[0-9a-f]+$/);
});

test("A folder that cannot be written to passes everything through", async () => {
  const place = join(folder, "file");
  await writeFile(place, "no folder");
  const report = counted();
  const broken = new KeptFiles({ folder: join(place, "below") });
  const handler = withMiddleware(async () => download(report.file()), keepFiles(broken, { key: () => ["report"] }));
  expect([(await ask(handler)).text, (await ask(handler)).text]).toEqual(["report 1", "report 2"]);
  expect((await ask(handler, {}, "HEAD")).status).toBe(200);
  expect(broken.statistics.passed).toBe(3);
});

test("A file that is longer than maxBytes reaches every client whole, and is not kept", async () => {
  kept = new KeptFiles({ folder, maxBytes: 300_000 });
  const piece = "x".repeat(100_000);
  const big = counted(async function* () {
    for (let time = 0; time < 30; time += 1) yield piece;
  });
  const handler = view(big.file);
  const answers = await Promise.all([ask(handler), ask(handler), ask(handler)]);
  expect(answers.map(({ text }) => text.length)).toEqual([3_000_000, 3_000_000, 3_000_000]);
  await quiet();
  expect(await filesBelow()).toEqual([]);
});

test("A name comes from this request's original, not from that of the request that had it made", async () => {
  const names = ["alice.pdf", "bob.pdf"];
  const handler = view(() => new VirtualFile("same", { name: names.shift()! }));
  await ask(handler);
  await quiet();
  expect((await ask(handler)).headers.get("content-disposition")).toBe('attachment; filename="bob.pdf"');
});

test("A stream that is not read, since the file is kept, is released", async () => {
  let released = 0;
  const handler = view(
    () =>
      new VirtualFile(
        new ReadableStream({
          pull: (controller) => {
            controller.enqueue("x");
            controller.close();
          },
          cancel: () => void (released += 1),
        }),
      ),
  );
  await ask(handler);
  await quiet();
  expect((await ask(handler)).text).toBe("x");
  expect(released).toBe(1);
});

/** A stream of a view that opens one for each request, and what was done with it. */
function streams(...pieces: string[]) {
  const counter = { opened: 0, ended: 0 };
  const make = (): VirtualFile => {
    counter.opened += 1;
    const left = [...pieces];
    return new VirtualFile(
      new ReadableStream({
        pull: (controller) => {
          const piece = left.shift();
          if (piece !== undefined) return controller.enqueue(piece);
          counter.ended += 1;
          controller.close();
        },
        cancel: () => void (counter.ended += 1),
      }),
      { name: "report.txt" },
    );
  };
  return { counter, make };
}

test.each([
  { to: "GET", headers: {}, method: "GET" },
  { to: "HEAD", headers: {}, method: "HEAD" },
  { to: "a request for a part", headers: { Range: "bytes=0-9" }, method: "GET" },
] as const)("A stream whose first piece is longer than maxBytes is the answer to $to", async ({ headers, method }) => {
  kept = new KeptFiles({ folder, maxBytes: 1000 });
  const { counter, make } = streams("x".repeat(2000), "y".repeat(2_000_000), "z");
  const { status, text } = await ask(view(make), headers, method);
  expect([status, text.length]).toEqual([200, method === "HEAD" ? 0 : 2_002_001]);
  await expect.poll(() => counter).toEqual({ opened: 1, ended: 1 });
  await quiet();
});

test("A stream whose disk is full half-way is the answer to each of those that asked for it", async () => {
  kept = new KeptFiles({ folder, maxBytes: 1000 });
  const { counter, make } = streams("x".repeat(900), "y".repeat(2_000_000), "z");
  const handler = view(make);
  const answers = await Promise.all([
    ask(handler, { Range: "bytes=0-9" }),
    ask(handler),
    ask(handler, {}, "HEAD"),
    ask(handler),
  ]);
  expect(answers.map(({ status, text }) => [status, text.length])).toEqual([
    [200, 2_000_901],
    [200, 2_000_901],
    [200, 0],
    [200, 2_000_901],
  ]);
  await expect.poll(() => counter).toEqual({ opened: 4, ended: 4 });
});

test("A client that does not read a file too long to be kept holds up no other one", async () => {
  kept = new KeptFiles({ folder, maxBytes: 1000 });
  const piece = "x".repeat(100_000);
  const big = counted(async function* () {
    for (let time = 0; time < 50; time += 1) yield piece;
  });
  const handler = view(big.file, { patience: 100_000 });
  const request = new Request("http://localhost/");
  const stalled = await renderResult(await handler(request, { params: {}, native: undefined }), request);
  await expect.poll(() => kept.statistics.misses).toBe(1);
  expect((await ask(handler)).text.length).toBe(5_000_000);
  expect((await ask(handler, {}, "HEAD")).status).toBe(200);
  expect((await ask(handler, { Range: "bytes=0-9" })).text.length).toBe(5_000_000);
  await closeBody(stalled.body);
});

test("A file of known length is kept, though its only client leaves with the last byte", async () => {
  const { counter, make } = gated();
  const handler = view(() => new DescribedFile(make(), { size: "begin end".length }));
  const request = new Request("http://localhost/");
  const rendered = await renderResult(await handler(request, { params: {}, native: undefined }), request);
  let text = "";
  if (rendered.body.kind === "none") throw new Error("There is no body");
  for await (const chunk of readBody(rendered.body)) {
    text += Buffer.from(chunk).toString();
    counter.open();
    if (text === "begin end") break;
  }
  await closeBody(rendered.body);
  await quiet();
  expect((await ask(handler)).text).toBe("begin end");
  expect([counter.made, kept.statistics.made]).toEqual([1, 1]);
});

test("Each stream that a view opens is read or released: by hits, stale hits, followers, parts and failures", async () => {
  const { counter, make } = streams("x".repeat(1000));
  const handler = view(make, { freshFor: 0, staleWhileRevalidate: 3600 });
  const kinds = [{ headers: {} }, { headers: { Range: "bytes=0-9" } }, { headers: {}, method: "HEAD" }];
  for (let round = 0; round < 3; round += 1) {
    await Promise.all(
      Array.from({ length: 12 }, (_, index) => kinds[index % 3]!).map((kind) =>
        ask(handler, kind.headers, kind.method),
      ),
    );
    await quiet();
    if (round === 1) await kept.delete(["report", 7]);
  }
  await expect.poll(() => counter).toEqual({ opened: 36, ended: 36 });
});

/** An upstream that counts how often it sent its bytes. */
function upstream(fields: Record<string, string>, status: () => number = () => 200) {
  const counter = { sent: 0, asked: 0 };
  const answer = async (_: unknown, init?: RequestInit): Promise<Response> => {
    counter.asked += 1;
    const headers = new Headers(init?.headers);
    const [tag, date] = [headers.get("if-none-match"), headers.get("if-modified-since")];
    const isSame = tag === null ? date !== null && date === fields["Last-Modified"] : tag === fields.ETag;
    if (isSame) return new Response(null, { status: 304, headers: fields });
    counter.sent += 1;
    return new Response(`remote ${counter.sent}`, { status: status(), headers: fields });
  };
  const file = (headers: Record<string, string> = {}): DownloadFile =>
    new HTTPFile("https://files.example/a.txt", { fetch: answer, requestInit: { headers } });
  return { counter, file };
}

const hourAgo = new Date(Date.now() - 3_600_000).toUTCString();

const lifetimes: readonly (readonly [fields: Record<string, string>, sent: number])[] = [
  [{ "Cache-Control": "max-age=60" }, 1],
  [{ "Cache-Control": "max-age=0, s-maxage=60" }, 1],
  [{ "Cache-Control": "max-age=60, s-maxage=0" }, 2],
  [{ "Cache-Control": "max-age=60", Age: "61" }, 2],
  [{ "Cache-Control": "max-age=60", Date: hourAgo }, 2],
  [{ "Cache-Control": "no-store" }, 2],
  [{ "Cache-Control": "private, max-age=60" }, 2],
  [{ "Cache-Control": 'private="x-token", max-age=60' }, 2],
  [{ "Cache-Control": "no-cache, max-age=60" }, 2],
  [{ "Cache-Control": "max-age=60, max-age=0" }, 2],
  [{ "Cache-Control": "max-age=soon" }, 2],
  [{ "Cache-Control": "max-age=60", Vary: "Cookie" }, 2],
  [{ "Cache-Control": "max-age=60", Vary: "*" }, 2],
  [{ "Cache-Control": "max-age=60", Vary: "Accept-Encoding" }, 1],
  [{ Expires: new Date(Date.now() + 60_000).toUTCString() }, 1],
  [{ Expires: "0" }, 2],
  [{ "Cache-Control": "max-age=0", Expires: new Date(Date.now() + 60_000).toUTCString() }, 2],
  [{}, 2],
  [{ ETag: '"v1"' }, 1],
  [{ ETag: '"v1"', "Cache-Control": "no-cache" }, 1],
  [{ "Last-Modified": hourAgo }, 1],
  [{ "Last-Modified": hourAgo, "Cache-Control": "no-cache" }, 1],
  // It may have been written twice in this second.
  [{ "Last-Modified": hourAgo, Date: hourAgo }, 2],
];

const credentials: readonly (readonly [cacheControl: string, sent: number])[] = [
  ["max-age=60", 2],
  ["public, max-age=60", 1],
  ["s-maxage=60", 1],
];

for (const [cacheControl, sent] of credentials) {
  test(`What was fetched with Authorization, and came with "${cacheControl}", is fetched ${sent} times for two`, async () => {
    const remote = upstream({ "Cache-Control": cacheControl });
    const handler = view(() => new DescribedFile(remote.file({ Authorization: "Bearer secret" }), { name: "x.txt" }));
    await ask(handler);
    await quiet();
    expect((await ask(handler)).text).toBe(`remote ${sent}`);
  });
}

for (const [fields, sent] of lifetimes) {
  test(`Of two downloads of a remote file with ${JSON.stringify(fields)}, ${sent} came from the upstream`, async () => {
    const remote = upstream(fields);
    const handler = view(remote.file);
    await ask(handler);
    await quiet();
    expect((await ask(handler)).text).toBe(`remote ${sent}`);
    expect(remote.counter.sent).toBe(sent);
  });
}

test("What says how a remote file is described does not hide that it is private", async () => {
  const remote = upstream({ "Cache-Control": "private, max-age=60" });
  const handler = view(() => new DescribedFile(remote.file(), { name: "x.txt" }));
  await ask(handler);
  await quiet();
  expect((await ask(handler)).text).toBe("remote 2");
  expect(await kept.get(["report", 7])).toBeUndefined();
});

test("Two clients of a private answer that come at the same time each get one of their own", async () => {
  const remote = upstream({ "Cache-Control": "private" });
  const handler = view(remote.file);
  const texts = (await Promise.all([ask(handler), ask(handler), ask(handler)])).map(({ text }) => text);
  expect(new Set(texts).size).toBe(3);
});

test("freshFor shortens what a remote file's upstream says, and never lengthens it", async () => {
  const long = upstream({ "Cache-Control": "max-age=3600" });
  await ask(view(long.file, { freshFor: 0 }));
  await quiet();
  expect((await ask(view(long.file, { freshFor: 0 }))).text).toBe("remote 2");
  await kept.clear();
  const short = upstream({ "Cache-Control": "max-age=0" });
  await ask(view(short.file, { freshFor: 3600 }));
  await quiet();
  expect((await ask(view(short.file, { freshFor: 3600 }))).text).toBe("remote 2");
});

test("must-revalidate keeps a stale file from being served, also while it is made anew and if that fails", async () => {
  let status = 200;
  const remote = upstream({ "Cache-Control": "max-age=0, must-revalidate" }, () => status);
  const handler = view(remote.file, { staleWhileRevalidate: 60, staleIfError: 60 });
  await ask(handler);
  await quiet();
  expect((await ask(handler)).text).toBe("remote 2");
  await quiet();
  status = 500;
  await expect(ask(handler)).rejects.toMatchObject({ status: 502 });
});

test("A key is told the parameters of the request, and of middleware for a whole application none", async () => {
  const keys: unknown[] = [];
  const middleware = keepFiles(kept, {
    key: ({ context }) => {
      keys.push(context.params);
      return undefined;
    },
  });
  const handler = withMiddleware(async () => download(counted().file()), middleware);
  const request = new Request("http://localhost/");
  await handler(request, { params: { id: "7" }, native: undefined });
  await middleware(download(counted().file()), request);
  expect(keys).toEqual([{ id: "7" }, {}]);
});
