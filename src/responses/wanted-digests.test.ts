import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { DownloadFile, FileStat } from "../files/download-file.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import { MemoryStorage } from "../storages/memory-storage.ts";
import { StorageFile } from "../storages/storage-file.ts";
import { toResponse } from "../adapters/fetch.ts";
import { download } from "../views/download.ts";

const hash = (bytes: string | Uint8Array, algorithm = "sha256"): string =>
  `${algorithm.replace("sha", "sha-")}=:${createHash(algorithm).update(bytes).digest("base64")}:`;

const text = "0123456789";
const known = { "sha-256": new Uint8Array(createHash("sha256").update(text).digest()) };
const knownMD5 = { md5: new Uint8Array(16), ...known };

function ask(file: DownloadFile, headers: Record<string, string>, method = "GET"): Promise<Response> {
  return toResponse(download(file), new Request("http://localhost/", { method, headers }));
}

class WithDigests extends VirtualFile {
  readonly #digests: NonNullable<FileStat["digests"]>;
  constructor(digests: NonNullable<FileStat["digests"]>) {
    super(text, { name: "a.txt" });
    this.#digests = digests;
  }
  override async stat(): Promise<FileStat> {
    return { ...(await super.stat()), digests: this.#digests };
  }
}

const storage = new MemoryStorage();
await storage.save("small.txt", text);
await storage.save("large.bin", new Uint8Array(1 << 20).fill(7));
await storage.save("larger.bin", new Uint8Array((1 << 20) + 1).fill(7));
const large = new Uint8Array(1 << 20).fill(7);

async function* generated(): AsyncGenerator<string> {
  yield "01234";
  yield "56789";
}

describe("a digest that the client asks for", () => {
  it.each<[string, DownloadFile, string | Uint8Array]>([
    ["text", new VirtualFile(text), text],
    ["bytes", new VirtualFile(large), large],
    ["an empty file", new VirtualFile(""), ""],
    ["a Blob", new VirtualFile(new Blob([text])), text],
    ["generated content of known length", new VirtualFile(generated, { size: 10 }), text],
    ["a file in memory", new StorageFile(storage, "small.txt"), text],
    ["a large file in memory", new StorageFile(storage, "large.bin"), large],
  ])("is computed of %s", async (_, file, bytes) => {
    const response = await ask(file, {
      "Want-Content-Digest": "sha-512=3, sha-256=10",
      "Want-Repr-Digest": "sha-512=1",
    });
    expect(response.headers.get("Content-Digest")).toBe(hash(bytes));
    expect(response.headers.get("Repr-Digest")).toBe(hash(bytes, "sha512"));
    expect(response.headers.get("Cache-Control")).toMatch(/\bno-transform\b/);
    expect(Buffer.from(await response.arrayBuffer()).equals(Buffer.from(bytes))).toBe(true);
  });

  it.each<[string, DownloadFile]>([
    ["more than a MiB", new StorageFile(storage, "larger.bin")],
    ["content of unknown length", new VirtualFile(generated)],
  ])("is not computed of %s", async (_, file) => {
    const { headers } = await ask(file, { "Want-Content-Digest": "sha-256=1", "Want-Repr-Digest": "sha-256=1" });
    expect([headers.get("Content-Digest"), headers.get("Repr-Digest")]).toEqual([null, null]);
  });

  it("is that of the part for a 206, whose whole is not read", async () => {
    const response = await ask(new VirtualFile(text), {
      Range: "bytes=2-4",
      "Want-Content-Digest": "sha-256=1",
      "Want-Repr-Digest": "sha-256=1",
    });
    expect(response.status).toBe(206);
    expect(response.headers.get("Content-Digest")).toBe(hash("234"));
    expect(response.headers.get("Repr-Digest")).toBeNull();
    expect(await response.text()).toBe("234");
  });

  it.each<[string, Record<string, string>, string | null, string | null]>([
    ["nothing", {}, null, `md5=:AAAAAAAAAAAAAAAAAAAAAA==:, ${hash(text)}`],
    ["one of the known", { "Want-Repr-Digest": "sha-256=5" }, null, hash(text)],
    [
      "both fields",
      { "Want-Content-Digest": "sha-256=1", "Want-Repr-Digest": "md5=1" },
      hash(text),
      "md5=:AAAAAAAAAAAAAAAAAAAAAA==:",
    ],
    [
      "an unknown algorithm",
      { "Want-Repr-Digest": "crc32c=10" },
      null,
      `md5=:AAAAAAAAAAAAAAAAAAAAAA==:, ${hash(text)}`,
    ],
    ["no MD5", { "Want-Repr-Digest": "md5=0" }, null, hash(text)],
    ["none at all", { "Want-Repr-Digest": "md5=0, sha-256=0", "Want-Content-Digest": "sha-256=0" }, null, null],
    ["one that is not known", { "Want-Repr-Digest": "sha-512=10, md5=1" }, null, hash(text, "sha512")],
    ["nonsense", { "Want-Content-Digest": "sha-256;=yes" }, null, `md5=:AAAAAAAAAAAAAAAAAAAAAA==:, ${hash(text)}`],
  ])("of a file with digests: the client wants %s", async (_, headers, contentDigest, reprDigest) => {
    const response = await ask(new WithDigests(knownMD5), headers);
    expect([response.headers.get("Content-Digest"), response.headers.get("Repr-Digest")]).toEqual([
      contentDigest,
      reprDigest,
    ]);
    expect(await response.text()).toBe(text);
  });

  it("has the known digest of the whole beside the digest of a part", async () => {
    const { headers } = await ask(new WithDigests(known), { Range: "bytes=0-1", "Want-Content-Digest": "sha-256=1" });
    expect([headers.get("Content-Digest"), headers.get("Repr-Digest")]).toEqual([hash("01"), hash(text)]);
  });

  it("costs a client that does not ask nothing, and leaves the next response alone", async () => {
    const file = new StorageFile(storage, "small.txt");
    await ask(file, { "Want-Content-Digest": "sha-256=1" });
    const { headers } = await ask(file, {});
    expect([headers.get("Content-Digest"), headers.get("Repr-Digest")]).toEqual([null, null]);
  });

  it("of several parts, of a HEAD, a 304 and a 416 is not sent", async () => {
    const file = new VirtualFile(text, { etag: '"1"' });
    const wanted = { "Want-Content-Digest": "sha-256=1" };
    const answers = [
      await ask(file, { ...wanted, Range: "bytes=0-1,5-6" }),
      await ask(file, wanted, "HEAD"),
      await ask(file, { ...wanted, "If-None-Match": '"1"' }),
      await ask(file, { ...wanted, Range: "bytes=99-" }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([206, 200, 304, 416]);
    expect(answers.map(({ headers }) => headers.get("Content-Digest"))).toEqual([null, null, null, null]);
  });

  it("keeps what the application says", async () => {
    const own = { "Content-Digest": "sha-256=:own:", "Repr-Digest": "sha-256=:all:" };
    const wanted = { "Want-Content-Digest": "sha-256=1", "Want-Repr-Digest": "sha-256=1" };
    const request = new Request("http://localhost/", { headers: wanted });
    const { headers } = await toResponse(download(text, { headers: own }), request);
    expect([headers.get("Content-Digest"), headers.get("Repr-Digest")]).toEqual(["sha-256=:own:", "sha-256=:all:"]);
  });

  it("is the failure of a source that ends early, with a status", async () => {
    const short = new VirtualFile(generated, { size: 11 });
    await expect(ask(short, { "Want-Content-Digest": "sha-256=1" })).rejects.toThrow();
  });
});

it("is of the bytes that are sent, also if their source uses one Buffer again and again", async () => {
  const piece = Buffer.alloc(1000);
  const source = function* (): Generator<Uint8Array> {
    for (let value = 0; value < 5; value += 1) yield piece.fill(value);
  };
  const file = new VirtualFile(source, { name: "a.bin", size: 5000 });
  const response = await ask(file, { "Want-Content-Digest": "sha-256=1" });
  const body = new Uint8Array(await response.arrayBuffer());
  expect(body.findIndex((byte, index) => byte !== Math.floor(index / 1000))).toBe(-1);
  expect(response.headers.get("Content-Digest")).toBe(hash(body));
});
