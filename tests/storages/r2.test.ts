import { existsSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { randomBytes } from "node:crypto";
import { FileChangedError, readOpened, StorageDownloadView } from "downloadview";
import { toFetchHandler } from "downloadview/fetch";
import { R2Storage, type R2BucketBinding } from "downloadview/r2";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { describeStorage } from "./contract.ts";
import { collect } from "./object-store-contract.ts";
import { R2BucketInMemory } from "./support/r2-bucket.ts";

const kinds = { keepsContentType: true, keys: "slashes and backslashes" } as const;

describeStorage(
  "R2Storage",
  async () => ({
    storage: new R2Storage(new R2BucketInMemory(), { bucket: "documents", prefix: "media" }),
    dispose: async () => {},
  }),
  kinds,
);

/** A binding of miniflare, which runs Cloudflare's own runtime. */
interface Miniflare {
  getR2Bucket(name: string): Promise<R2BucketBinding>;
  dispose(): Promise<void>;
}

const module =
  process.env["MINIFLARE"] ??
  fileURLToPath(new URL("../frameworks/node_modules/miniflare/dist/src/index.js", import.meta.url));

const buckets: [name: string, make: () => Promise<R2BucketBinding>][] = [
  ["a bucket in memory", async () => new R2BucketInMemory()],
];
let miniflare: Miniflare | undefined;
if (existsSync(module)) {
  const { Miniflare: Runtime } = (await import(pathToFileURL(module).href)) as {
    Miniflare: new (options: object) => Miniflare;
  };
  const names = Array.from({ length: 250 }, (_, at) => `BUCKET${at}`);
  miniflare = new Runtime({ modules: true, script: "export default {}", cf: false, r2Buckets: names });
  const next = async (): Promise<R2BucketBinding> => miniflare!.getR2Bucket(names.shift()!);
  buckets.push(["miniflare", next]);
  describeStorage(
    "R2Storage on miniflare",
    async () => ({ storage: new R2Storage(await next(), { bucket: "documents" }), dispose: async () => {} }),
    kinds,
  );
}
afterAll(() => miniflare?.dispose());

describe.each(buckets)("R2Storage on %s", (_, make) => {
  let bucket: R2BucketBinding;
  let storage: R2Storage;
  beforeEach(async () => {
    bucket = await make();
    storage = new R2Storage(bucket, { bucket: "documents" });
  });

  const ask = (init: RequestInit = {}): Promise<Response> =>
    toFetchHandler(StorageDownloadView.asView({ storage }))(new Request("http://localhost/", init), {
      params: { path: "a.txt" },
    });

  const ranges: [range: string, status: number, body: string, contentRange: string | null][] = [
    ["bytes=2-4", 206, "234", "bytes 2-4/10"],
    ["bytes=7-", 206, "789", "bytes 7-9/10"],
    ["bytes=-3", 206, "789", "bytes 7-9/10"],
    ["bytes=-99", 206, "0123456789", "bytes 0-9/10"],
    ["bytes=8-99", 206, "89", "bytes 8-9/10"],
    ["bytes=10-", 416, "", "bytes */10"],
    ["bytes=99-100", 416, "", "bytes */10"],
    ["lines=1-2", 200, "0123456789", null],
  ];
  it.each(ranges)("answers %s with %i", async (range, status, body, contentRange) => {
    await storage.save("a.txt", "0123456789");
    const response = await ask({ headers: { Range: range } });
    expect([response.status, response.headers.get("Content-Range")]).toEqual([status, contentRange]);
    const text = await response.text();
    if (status < 400) expect(text).toBe(body);
  });

  it("answers 304 to its own tag, and the new object to an old one", async () => {
    await storage.save("a.txt", "0123456789");
    const first = await ask();
    await first.text();
    const headers = { "If-None-Match": first.headers.get("ETag") ?? "" };
    expect((await ask({ headers })).status).toBe(304);
    await storage.save("a.txt", "another");
    const changed = await ask({ headers });
    expect([changed.status, await changed.text()]).toEqual([200, "another"]);
    const range = await ask({ headers: { Range: "bytes=2-", "If-Range": first.headers.get("ETag") ?? "" } });
    expect([range.status, await range.text()]).toEqual([200, "another"]);
  });

  it("describes an object without reading it", async () => {
    await storage.save("a.txt", "0123456789", { contentType: "text/x-own" });
    const { lastModified, ...stat } = await storage.stat("a.txt");
    expect(stat).toMatchObject({ size: 10, contentType: "text/x-own", etag: expect.stringMatching(/^"[^"]+"$/) });
    expect(Math.abs(Date.now() - (lastModified?.getTime() ?? 0))).toBeLessThan(60_000);
    await using opened = await storage.open("a.txt");
    expect(opened.stat.etag).toBe(stat.etag);
  });

  it.each([0, 1, 8 * 2 ** 20 - 1, 8 * 2 ** 20, 8 * 2 ** 20 + 1, 20_000_000])(
    "keeps %i bytes of a stream, whole",
    async (size) => {
      const bytes = randomBytes(size);
      const chunks = async function* (): AsyncGenerator<Uint8Array> {
        for (let at = 0, step = 1; at < size; at += step, step = (step * 3) % 999_983 || 1)
          yield bytes.subarray(at, at + step);
      };
      await storage.save("a.bin", chunks());
      await using opened = await storage.open("a.bin");
      expect((await collect(readOpened(opened))).equals(bytes)).toBe(true);
    },
  );

  it("reads no part of another version", async () => {
    await storage.save("a.txt", "0123456789");
    await using opened = await storage.open("a.txt", {
      ranges: [
        { start: 0, end: 1 },
        { start: 4, end: 5 },
      ],
    });
    await storage.save("a.txt", "abcdefghij");
    const part = (start: number, end: number): Promise<Buffer> => collect(readOpened(opened, { start, end }));
    expect((await part(0, 1)).toString()).toBe("01");
    await expect(part(4, 5)).rejects.toThrow(FileChangedError);
    await using again = await storage.open("a.txt");
    expect((await collect(readOpened(again))).toString()).toBe("abcdefghij");
  });

  it("has no URLs", () => expect((storage as { url?: unknown }).url).toBeUndefined());
});

describe("R2Storage", () => {
  it("is one operation a download", async () => {
    const bucket = new R2BucketInMemory();
    const storage = new R2Storage(bucket, { bucket: "documents" });
    await storage.save("a.txt", "0123456789");
    bucket.asked.length = 0;
    await using opened = await storage.open("a.txt", { range: { start: 2 } });
    await collect(readOpened(opened, { start: 2, end: 9 }));
    expect(bucket.asked).toEqual(["get a.txt"]);
  });

  it("leaves no parts behind of an upload that fails", async () => {
    const bucket = new R2BucketInMemory();
    const storage = new R2Storage(bucket, { bucket: "documents" });
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(9 * 2 ** 20);
      throw new Error("source");
    };
    await expect(storage.save("a.bin", broken())).rejects.toThrow("source");
    expect([bucket.uploads, await storage.exists("a.bin")]).toEqual([0, false]);
    await storage.save("a.bin", "there");
    await expect(storage.save("a.bin", new Uint8Array(9 * 2 ** 20), { ifExists: "fail" })).rejects.toThrow();
    expect(bucket.uploads).toBe(0);
  });

  it("lists all pages", async () => {
    const bucket = new R2BucketInMemory();
    bucket.pageSize = 2;
    const storage = new R2Storage(bucket, { bucket: "documents" });
    for (let at = 0; at < 5; at += 1) await storage.save(`${at}.txt`, "a");
    const names: string[] = [];
    for await (const { name } of storage.list()) names.push(name);
    expect(names).toEqual(["0.txt", "1.txt", "2.txt", "3.txt", "4.txt"]);
  });

  const failures: [message: string, status: number][] = [
    ["get: The specified key does not exist. (10007)", 404],
    ["get: Reduce your rate of simultaneous reads on the same object. (10058)", 503],
    ["get: We encountered an internal error. Please try again. (10001)", 502],
    ["network", 502],
  ];
  it.each(failures)("tells %s as %i", async (message, status) => {
    const bucket = new R2BucketInMemory();
    bucket.get = () => Promise.reject(new Error(message));
    await expect(new R2Storage(bucket, { bucket: "documents" }).open("a")).rejects.toMatchObject({ status });
  });

  const wrong: [what: string, make: () => unknown][] = [
    ["no binding", () => new R2Storage(undefined as never, { bucket: "a" })],
    ["the name of a binding", () => new R2Storage("DOCUMENTS" as never, { bucket: "a" })],
    ["no bucket", () => new R2Storage(new R2BucketInMemory(), {} as never)],
  ];
  it.each(wrong)("refuses %s", (_, make) => expect(make).toThrow(/new R2Storage\(env.DOCUMENTS/));

  it("is a changed file, if the version is gone", async () => {
    const bucket = new R2BucketInMemory();
    const storage = new R2Storage(bucket, { bucket: "documents" });
    await storage.save("a.txt", "0123456789");
    await using opened = await storage.open("a.txt", {
      ranges: [
        { start: 0, end: 1 },
        { start: 4, end: 5 },
      ],
    });
    await storage.delete("a.txt");
    const part = (start: number, end: number): Promise<Buffer> => collect(readOpened(opened, { start, end }));
    await part(0, 1);
    await expect(part(4, 5)).rejects.toThrow(FileChangedError);
  });
});
