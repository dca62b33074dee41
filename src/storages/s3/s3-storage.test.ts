import { readOpened } from "../../files/content.ts";
import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { ImproperlyConfiguredError, IncompleteBodyError, InvalidPathError, UpstreamError } from "../../errors.ts";
import type { OpenFile } from "../../files/download-file.ts";
import type { ByteRange } from "../../http/range.ts";
import { S3Storage, type S3StorageOptions } from "./s3-storage.ts";
import { StorageFile } from "../storage-file.ts";

/** As much of an answer of S3 as a case is about. */
interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Readable;
  /** It never comes. */
  readonly hangs?: boolean;
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A client of a store that answers as it is told, one answer a request, and the requests that it got. */
function clientOf(answers: readonly Answer[], config: object = {}): { client: S3Client; asked: Asked[] } {
  const asked: Asked[] = [];
  const handle = async (request: Asked) => {
    const { status = 200, headers = {}, body = "", hangs } = answers[asked.length] ?? { status: 500 };
    asked.push(request);
    if (hangs) await new Promise(() => undefined);
    return { response: { statusCode: status, headers, body: typeof body === "string" ? Readable.from([body]) : body } };
  };
  const requestHandler = { handle, metadata: { handlerProtocol: "http/1.1" } } as S3ClientConfig["requestHandler"] & {};
  const credentials = { accessKeyId: "key", secretAccessKey: "secret" };
  const client = new S3Client({ region: "x", credentials, maxAttempts: 1, ...config, requestHandler });
  return { client, asked };
}

function storageOf(answers: readonly Answer[], options: Partial<S3StorageOptions> = {}) {
  const { client, asked } = clientOf(answers);
  return { storage: new S3Storage(client, { bucket: "bucket", ...options }), asked };
}

describe("S3Storage", () => {
  it.each<[string, unknown, unknown]>([
    ["no client", undefined, { bucket: "b" }],
    ["the options alone", { client: clientOf([]).client, bucket: "b" }, undefined],
    ["no bucket", clientOf([]).client, { bucket: undefined }],
    ["an empty bucket", clientOf([]).client, { bucket: "" }],
  ])("refuses %s", (_, client, options) => {
    expect(() => new S3Storage(client as S3Client, options as S3StorageOptions)).toThrow(ImproperlyConfiguredError);
  });

  it("signs no URL for longer than its credentials, or a week, last", async () => {
    const expiration = new Date(Date.now() + 60_000);
    const credentials = { accessKeyId: "a", secretAccessKey: "b", sessionToken: "t", expiration };
    const endOf = async (client: S3Client, expiresIn: number): Promise<number> => {
      const { searchParams } = new URL(await new S3Storage(client, { bucket: "b" }).url("k", { expiresIn }));
      const from = searchParams.get("X-Amz-Date")!.replace(/(....)(..)(.....)(..)(...)/, "$1-$2-$3:$4:$5");
      return Date.parse(from) + Number(searchParams.get("X-Amz-Expires")) * 1000;
    };
    const temporary = await endOf(clientOf([], { credentials }).client, 3600);
    expect(temporary).toBe(Math.floor(expiration.getTime() / 1000) * 1000);
    const lasting = await endOf(clientOf([]).client, 20 * 24 * 3600);
    expect(lasting).toBeLessThanOrEqual(Date.now() + 7 * 24 * 3_600_000);
  });

  it.each<[string, Answer, number | undefined]>([
    ["with a length", { headers: { "content-length": "5" }, body: "hello" }, 5],
    ["without a length", { body: "hello" }, undefined],
    ["with a length that is none", { headers: { "content-length": "-1" }, body: "hello" }, undefined],
    ["that is empty", { headers: { "content-length": "0" } }, 0],
  ])("knows the size of an answer %s, and of no other", async (_, answer, size) => {
    const { storage } = storageOf([answer, answer]);
    expect((await storage.stat("k")).size).toBe(size);
    await using opened = await storage.open("k");
    expect(opened.stat.size).toBe(size);
    expect(await textOf(opened)).toBe(answer.body ?? "");
  });

  it.each<[string, string | undefined]>([
    ['"v1"', '"v1"'],
    ["v1", '"v1"'],
    ['W/"v1"', 'W/"v1"'],
    ['"9b2cf535f27731c974343645a3985328-38"', '"9b2cf535f27731c974343645a3985328-38"'],
    ["a b", undefined],
  ])("takes the store's tag %s for %s", async (tag, etag) => {
    const { storage } = storageOf([{ headers: { etag: tag } }]);
    expect((await storage.stat("k")).etag).toBe(etag);
  });

  it.each<[string, Answer]>([
    ["no range", { status: 206, headers: { etag: '"v1"', "content-length": "3" }, body: "234" }],
    ["a range that is none", { status: 206, headers: { etag: '"v1"', "content-range": "bytes 4-2/10" }, body: "234" }],
  ])("does not take a part with %s for the whole", async (_, answer) => {
    await expect(storageOf([answer]).storage.open("k")).rejects.toThrow(UpstreamError);
    await expect(storageOf([answer]).storage.open("k", { range: { start: 2, end: 4 } })).rejects.toThrow(UpstreamError);
  });

  it.each<[string, Answer, string]>([
    ["the same strong tag", { status: 206, headers: { etag: '"v1"', "content-range": "bytes 3-9/10" } }, "0123456789"],
    ["no tag", { status: 206, headers: { "content-range": "bytes 3-9/10" } }, "broken"],
    ["a weak tag", { status: 206, headers: { etag: 'W/"v1"', "content-range": "bytes 3-9/10" } }, "broken"],
    ["another tag", { status: 206, headers: { etag: '"v2"', "content-range": "bytes 3-9/10" } }, "broken"],
    ["another size", { status: 206, headers: { etag: '"v1"', "content-range": "bytes 3-9/11" } }, "broken"],
    ["412", { status: 412 }, "broken"],
  ])("joins a body that broke to a second answer only by proof: %s", async (_, second, text) => {
    const first = { headers: { etag: '"v1"', "content-length": "10" }, body: breakingAfter("012") };
    const { storage, asked } = storageOf([first, { ...second, body: "3456789" }]);
    await using opened = await storage.open("k");
    expect(await textOf(opened).catch(() => "broken")).toBe(text);
    expect(asked[1]?.headers).toMatchObject({ range: "bytes=3-9", "if-match": '"v1"' });
  });

  it("breaks where a connection is reset that a body of unknown length was to end with", async () => {
    const body = Object.assign(Readable.from(["hello"]), { socket: { errored: new Error("ECONNRESET") } });
    await using opened = await storageOf([{ body }]).storage.open("k");
    await expect(textOf(opened)).rejects.toThrow(IncompleteBodyError);
  });

  it("asks for each of several ranges, and for nothing else", async () => {
    const part = (range: string, body: string): Answer => ({
      status: 206,
      headers: { etag: '"v1"', "content-range": range, "content-length": String(body.length) },
      body,
    });
    const { storage, asked } = storageOf([part("bytes 1-2/10", "12"), part("bytes 6-7/10", "67")]);
    const ranges = [
      { start: 1, end: 2 },
      { start: 6, end: 7 },
    ];
    await using opened = await storage.open("k", { ranges });
    expect([await textOf(opened, ranges[0]), await textOf(opened, ranges[1])]).toEqual(["12", "67"]);
    expect(asked.map(({ headers }) => headers["range"])).toEqual(["bytes=1-2", "bytes=6-7"]);
  });

  it.each(["open", "stat", "exists", "delete", "list", "times"] as const)(
    "answers 504 when the store does not answer %s in time",
    async (method) => {
      const { client } = clientOf([{ hangs: true }]);
      const storage = new S3Storage(client, { bucket: "b", timeout: 20 });
      const ask = method === "list" ? all(storage.list()) : storage[method]("k");
      await expect(ask).rejects.toMatchObject({ name: "UpstreamError", status: 504 });
    },
  );

  it("answers 504 when a body stalls, and frees it", async () => {
    const body = new Readable({ read: () => undefined });
    const { storage } = storageOf([{ headers: { "content-length": "9" }, body }], { idleTimeout: 20 });
    await using opened = await storage.open("k");
    await expect(textOf(opened)).rejects.toMatchObject({ name: "UpstreamError", status: 504 });
    expect(body.destroyed).toBe(true);
  });

  it.each([{ timeout: 0 }, { timeout: Number.NaN }, { idleTimeout: -1 }])("refuses the limit %j", (limits) => {
    expect(() => storageOf([], limits)).toThrow(ImproperlyConfiguredError);
  });

  it.each([
    ["report.pdf", undefined, "application/pdf"],
    ["notes.txt", undefined, "text/plain; charset=utf-8"],
    ["page.html", undefined, "text/html; charset=utf-8"],
    ["data", undefined, "application/octet-stream"],
    ["data.unheard-of", undefined, "application/octet-stream"],
    ["data", "text/csv", "text/csv"],
  ])("keeps %s, saved as %s, as %s", async (name, contentType, kept) => {
    const { storage, asked } = storageOf([{}]);
    await storage.save(name, "x", { ...(contentType && { contentType }) });
    expect(asked[0]?.headers["content-type"]).toBe(kept);
  });

  it.each([
    ["a//b", "/bucket/a//b"],
    ["/a", "/bucket//a"],
    ["a/", "/bucket/a/"],
    ["//a//", "/bucket///a//"],
    ["a\\b", "/bucket/a%5Cb"],
    ["a%2Fb", "/bucket/a%252Fb"],
    ["a+b c", "/bucket/a%2Bb%20c"],
    ["日.txt", "/bucket/%E6%97%A5.txt"],
  ])("asks for the key %j as it is, and signs it so", async (key, path) => {
    const { client, asked } = clientOf([{}, {}, {}], { forcePathStyle: true });
    const storage = new S3Storage(client, { bucket: "bucket" });
    await (await storage.open(key)).close();
    await storage.stat(key);
    await storage.save(key, "x");
    expect(asked.map((request) => request.path)).toEqual([path, path, path]);
    expect(new URL(await storage.url(key)).pathname).toBe(path);
  });

  it.each(["", "a/../b", "..", "./a", "a\\..\\b", "a\0", "a\n"])("refuses the key %j", async (key) => {
    const { storage, asked } = storageOf([{}, {}]);
    await expect(storage.open(key)).rejects.toThrow(InvalidPathError);
    await expect(storage.url(key)).rejects.toThrow(InvalidPathError);
    expect(asked).toEqual([]);
  });

  it("reads, signs and deletes the version that it is made for, and at whose cost", async () => {
    const options = { versionId: "v+1", requestPayer: "requester", expectedBucketOwner: "123456789012" } as const;
    const { storage, asked } = storageOf([{}, {}, {}], options);
    await (await storage.open("k")).close();
    await storage.stat("k");
    await storage.delete("k");
    for (const { query, headers } of asked) {
      expect(query["versionId"]).toBe("v+1");
      expect(headers).toMatchObject({
        "x-amz-request-payer": "requester",
        "x-amz-expected-bucket-owner": "123456789012",
      });
    }
    const { searchParams } = new URL(await storage.url("k"));
    expect(searchParams.get("versionId")).toBe("v+1");
    expect(searchParams.get("x-amz-request-payer")).toBe("requester");
  });

  it("sends the customer's key with each request, and has no URLs, since a browser can't send it", async () => {
    const key = "0123456789abcdef0123456789abcdef";
    const { storage, asked } = storageOf([{}, {}, {}], { sseCustomer: { key } });
    await (await storage.open("k")).close();
    await storage.stat("k");
    await storage.save("k", "x");
    for (const { headers } of asked) {
      expect(headers).toMatchObject({
        "x-amz-server-side-encryption-customer-algorithm": "AES256",
        "x-amz-server-side-encryption-customer-key": Buffer.from(key).toString("base64"),
      });
      expect(headers["x-amz-server-side-encryption-customer-key-md5"]).toMatch(/==$/);
    }
    expect(new StorageFile(storage, "k").signedUrl).toBeUndefined();
    expect(new StorageFile(storage, "k").url).toBeUndefined();
  });

  const sha256 = Buffer.alloc(32, 1).toString("base64");
  const crc32 = Buffer.from([0xff, 0, 0, 1]).toString("base64");

  it.each<[string, Record<string, string>, object]>([
    [
      "of the whole object",
      { "checksum-type": "FULL_OBJECT", "checksum-sha256": sha256 },
      { digests: { "sha-256": new Uint8Array(32).fill(1) } },
    ],
    ["CRC-32", { "checksum-type": "FULL_OBJECT", "checksum-crc32": crc32 }, { crc32: 0xff000001 }],
    ["of parts", { "checksum-type": "COMPOSITE", "checksum-sha256": `${sha256}-2` }, {}],
    ["of which is not said what it is of", { "checksum-sha256": sha256, "checksum-crc32": crc32 }, {}],
    ["of the wrong length", { "checksum-type": "FULL_OBJECT", "checksum-crc32": sha256 }, {}],
  ])("knows a checksum %s", async (_, checksums, known) => {
    const headers = Object.fromEntries(Object.entries(checksums).map(([name, value]) => [`x-amz-${name}`, value]));
    const { storage, asked } = storageOf([{ headers }]);
    const { digests, crc32: crc } = await storage.stat("k");
    expect({ ...(digests && { digests }), ...(crc !== undefined && { crc32: crc }) }).toEqual(known);
    expect(asked[0]?.headers["x-amz-checksum-mode"]).toBe("ENABLED");
  });

  it("takes no checksum of a part for one of the object", async () => {
    const headers = {
      "content-range": "bytes 0-4/10",
      "x-amz-checksum-type": "FULL_OBJECT",
      "x-amz-checksum-crc32": crc32,
    };
    const { client } = clientOf([{ status: 206, headers, body: "01234" }], {
      responseChecksumValidation: "WHEN_REQUIRED",
    });
    await using opened = await new S3Storage(client, { bucket: "b" }).open("k", { range: { start: 0, end: 4 } });
    expect([opened.stat.crc32, opened.stat.digests]).toEqual([undefined, undefined]);
  });

  it("saves with a CRC-32 of the whole, in one request and in parts", async () => {
    const { storage, asked } = storageOf([{}, { body: "<r><UploadId>u</UploadId></r>" }, {}, {}, { body: "<r></r>" }]);
    await storage.save("k", "hello");
    expect(asked[0]?.headers["x-amz-checksum-crc32"]).toBe("NhCmhg==");
    await storage.save(
      "k",
      Array.from({ length: 9 }, () => new Uint8Array(1 << 20)),
    );
    expect(asked[1]?.headers).toMatchObject({
      "x-amz-checksum-algorithm": "CRC32",
      "x-amz-checksum-type": "FULL_OBJECT",
    });
    for (const part of asked.slice(2, 4)) expect(part.headers["x-amz-checksum-crc32"]).toMatch(/^.{6}==$/);
    expect(asked[4]?.headers["x-amz-checksum-type"]).toBe("FULL_OBJECT");
  });

  it("asks for no checksums where the client says that the store knows none", async () => {
    const { client, asked } = clientOf([{}], { requestChecksumCalculation: "WHEN_REQUIRED" });
    await new S3Storage(client, { bucket: "b" }).save("k", "hello");
    expect(Object.keys(asked[0]?.headers ?? {}).filter((name) => name.includes("checksum"))).toEqual([]);
  });
});

function breakingAfter(text: string): Readable {
  return Readable.from(
    (async function* () {
      yield Buffer.from(text);
      throw new Error("ECONNRESET");
    })(),
  );
}

async function textOf(opened: OpenFile, range?: ByteRange): Promise<string> {
  return Buffer.concat(await all(readOpened(opened, range))).toString();
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}
