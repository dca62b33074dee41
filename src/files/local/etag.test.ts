import { createHash } from "node:crypto";
import { mkdtemp, rename, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ImproperlyConfiguredError } from "../../errors.ts";
import { FileSystemStorage } from "../../storages/file-system/file-system-storage.ts";
import { DownloadResponse } from "../../responses/download-response.ts";
import { MemoryStorage } from "../../storages/memory-storage.ts";
import { PathDownloadView } from "../../views/path-download-view.ts";
import { sendFile } from "../../views/send-file.ts";
import { StorageDownloadView } from "../../views/storage-download-view.ts";
import type { FileStat } from "../download-file.ts";
import * as fileSystem from "./file-system.ts";
import { LocalFile } from "./local-file.ts";
import { PrecompressedFile } from "./precompressed-file.ts";

let root: string;
let path: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "etag-"));
  path = join(root, "app.js");
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function put(text: string, seconds: number): Promise<FileStat> {
  await writeFile(`${path}.new`, text);
  await utimes(`${path}.new`, seconds, seconds);
  await rename(`${path}.new`, path);
  return new LocalFile(path).stat();
}

describe("A file with a time that says nothing", () => {
  it.each([
    ["the epoch, as in container images", 0],
    ["Nix's", 1],
    ["that of ZIP", 315_532_800],
    ["npm's", 499_162_500],
    ["Bazel's", 946_684_800],
    ["Cargo's", 1_153_704_088],
  ])("has a weak tag that each version changes, and no date: %s", async (_, seconds) => {
    const one = await put("version 1", seconds);
    const two = await put("version 2", seconds);
    expect(one.etag).toMatch(/^W\//);
    expect(two.etag).toMatch(/^W\//);
    expect(one.etag).not.toBe(two.etag);
    expect([one.lastModified, two.lastModified]).toEqual([undefined, undefined]);
  });

  it("keeps its tag as long as it stays", async () => {
    await put("version 1", 499_162_500);
    const later = Date.now() + 60_000;
    const now = vi.spyOn(Date, "now").mockReturnValue(later);
    const one = await new LocalFile(path).stat();
    const two = await new LocalFile(path).stat();
    expect(one.etag).toBe(two.etag);
    now.mockRestore();
  });
});

describe("A file of tomorrow", () => {
  it("has one tag, which is weak", async () => {
    await put("text", Math.floor(Date.now() / 1000) + 86_400);
    await new Promise((resolve) => setTimeout(resolve, 40));
    const one = await new LocalFile(path).stat();
    await new Promise((resolve) => setTimeout(resolve, 5));
    const two = await new LocalFile(path).stat();
    expect(one.etag).toMatch(/^W\//);
    expect(two.etag).toBe(one.etag);
  });
});

describe("The variants of a file", () => {
  const codings = ["br", "gzip", "zstd"] as const;

  it("have tags of their own, though sizes and times are equal", async () => {
    for (const ending of ["", ".br", ".gz", ".zst"]) {
      await writeFile(path + ending, "12345");
      await utimes(path + ending, 1.7e9, 1.7e9);
    }
    const tags = [null, ...codings].map(async (accepted) => {
      const file = new PrecompressedFile(path, codings, accepted);
      const opened = await file.open();
      await opened.close();
      expect(opened.stat.etag).toBe((await file.stat()).etag);
      return opened.stat.etag;
    });
    expect(await Promise.all(tags)).toEqual([
      '"6553f100-5"',
      '"6553f100-5-br"',
      '"6553f100-5-gzip"',
      '"6553f100-5-zstd"',
    ]);
  });

  it.each([
    ["older than its file", 1_700_000_000, undefined],
    ["as old as its file", 1_700_000_100.25, "gzip"],
    ["as old as its file, but for the fraction", 1_700_000_100, "gzip"],
    ["newer than its file", 1_700_000_200, "gzip"],
  ])("are sent or not: one that is %s", async (_, seconds, coding) => {
    await writeFile(path, "text");
    await utimes(path, 1_700_000_100.25, 1_700_000_100.25);
    await writeFile(`${path}.gz`, "gz");
    await utimes(`${path}.gz`, seconds, seconds);
    const file = new PrecompressedFile(path, codings, "gzip", { root });
    expect((await file.stat()).contentEncoding).toBe(coding);
    await using opened = await file.open();
    expect(opened.stat.contentEncoding).toBe(coding);
  });
});

describe('etag: "content"', () => {
  const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest();
  const statOf = (text: string): FileStat => ({
    size: text.length,
    etag: `"${digestOf(text).toString("base64url")}"`,
    digests: { "sha-256": digestOf(text) },
  });

  it("is a strong tag and a digest of the bytes, whatever the time", async () => {
    await put("version 1", 1);
    expect(await new LocalFile(path, { etag: "content" }).stat()).toMatchObject(statOf("version 1"));
    await put("version 2", 1);
    expect(await new LocalFile(path, { etag: "content" }).stat()).toMatchObject(statOf("version 2"));
    await put("", 1);
    expect(await new LocalFile(path, { etag: "content" }).stat()).toMatchObject(statOf(""));
  });

  it("is computed once for all who ask, and remembered", async () => {
    await put("x".repeat(300_000), 1);
    const later = Date.now() + 60_000;
    const now = vi.spyOn(Date, "now").mockReturnValue(later);
    const reads = vi.spyOn(fileSystem, "readDescriptor");
    const ask = (): Promise<FileStat> => new LocalFile(path, { root, etag: "content" }).stat();
    await Promise.all([ask(), ask(), ask()]);
    await ask();
    expect(reads.mock.calls.length).toBeLessThanOrEqual(6);
    reads.mockRestore();
    now.mockRestore();
  });

  const request = new Request("http://localhost/");
  const context = { params: { path: "app.js" }, native: undefined };
  const fileOf = (result: unknown): DownloadResponse["file"] => {
    if (!(result instanceof DownloadResponse)) throw new TypeError("not a download");
    return result.file;
  };
  it.each([
    [
      "PathDownloadView",
      async () => fileOf(await PathDownloadView.asView({ root, etag: "content" })(request, context)),
    ],
    ["sendFile", async () => fileOf(await sendFile(request, "app.js", { root, etag: "content" }))],
    [
      "StorageDownloadView",
      async () => {
        const storage = new FileSystemStorage(root);
        return fileOf(await StorageDownloadView.asView({ storage, etag: "content" })(request, context));
      },
    ],
    [
      "FileSystemStorage",
      async () => {
        const storage = new FileSystemStorage(root, { etag: "content" });
        return fileOf(await StorageDownloadView.asView({ storage })(request, context));
      },
    ],
  ])("is an option of %s", async (_, make) => {
    await put("text", 1);
    const file = await make();
    expect(await file.stat()).toMatchObject(statOf("text"));
    await using opened = await file.open();
    expect(opened.stat).toMatchObject(statOf("text"));
  });

  it("is refused where a storage can't hash, and so is what is no option", () => {
    expect(() => StorageDownloadView.asView({ storage: new MemoryStorage(), etag: "content" })).toThrow(
      ImproperlyConfiguredError,
    );
    expect(() => PathDownloadView.asView({ root, etag: "strong" as "content" })).toThrow(ImproperlyConfiguredError);
    expect(() => new FileSystemStorage(root, { etag: true as never })).toThrow(ImproperlyConfiguredError);
  });
});

describe("The etag of a StorageDownloadView", () => {
  it.each([
    ["none", false as const, undefined],
    ["a function of size and time", ({ size }: { size: number }) => `"${size}"`, '"4"'],
  ])("is %s, for a storage of any kind", async (_, etag, expected) => {
    const storage = new MemoryStorage();
    await storage.save("app.js", "text");
    const handler = StorageDownloadView.asView({ storage, etag });
    const result = await handler(new Request("http://localhost/"), { params: { path: "app.js" }, native: undefined });
    if (!(result instanceof DownloadResponse)) throw new TypeError("not a download");
    expect((await result.file.stat()).etag).toBe(expected);
    await using opened = await result.file.open();
    expect(opened.stat.etag).toBe(expected);
    const content = await opened.content();
    expect(content.kind === "bytes" && new TextDecoder().decode(content.bytes)).toBe("text");
  });

  it("is not asked for a dotfile that the URL names", async () => {
    const storage = new MemoryStorage();
    await storage.save(".env", "secret");
    await storage.save(".well-known/x", "public");
    const ask = (path: string, dotfiles?: readonly string[]): Promise<unknown> =>
      StorageDownloadView.asView({ storage, ...(dotfiles ? { dotfiles } : {}) })(new Request("http://localhost/"), {
        params: { path },
        native: undefined,
      });
    await expect(ask(".env")).rejects.toMatchObject({ status: 404 });
    await expect(ask(".well-known/x")).rejects.toMatchObject({ status: 404 });
    await expect(ask(".well-known/x", [".well-known"])).resolves.toBeInstanceOf(DownloadResponse);
  });
});
