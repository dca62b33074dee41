import { readContent, readOpened } from "../content.ts";
import { mkdtemp, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FileChangedError } from "../../errors.ts";
import { localFileCache } from "./memory.ts";
import type { OpenFile } from "../download-file.ts";
import type { ByteRange } from "../../http/range.ts";
import { LocalFile } from "./local-file.ts";

let folder: string;
let path: string;
const longAgo = new Date(Date.now() - 3_600_000);

beforeEach(async () => {
  localFileCache.clear();
  folder = await mkdtemp(join(tmpdir(), "memo-"));
  path = join(folder, "a.txt");
  await writeFile(path, "first");
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(folder, { recursive: true });
});

async function inMemory(opened: OpenFile, range?: ByteRange): Promise<Uint8Array | undefined> {
  const content = await opened.content(range);
  return content.kind === "bytes" ? content.bytes : undefined;
}

async function serve(): Promise<{ text: string; etag: string | undefined }> {
  await using opened = await new LocalFile(path).open();
  return { text: Buffer.from((await inMemory(opened)) ?? []).toString(), etag: opened.stat.etag };
}

/** Lets time pass, but for the disk: nobody can set the time of an inode's last change. */
function settle(): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 10_000 });
}

describe("the content of small local files", () => {
  it("is kept in memory once the file has settled, and counted", async () => {
    await utimes(path, longAgo, longAgo);
    settle();
    await serve();
    expect(localFileCache.bytes).toBe(5);
    await using opened = await new LocalFile(path).open();
    expect(Buffer.from((await inMemory(opened)) ?? []).toString()).toBe("first");
  });

  it("is not kept while the file may change without its times telling", async () => {
    await serve();
    expect(localFileCache.bytes).toBe(0);
  });

  it("is never served stale: not after a rewrite of the same size with the same mtime", async () => {
    await utimes(path, longAgo, longAgo);
    settle();
    expect((await serve()).text).toBe("first");
    await writeFile(path, "other");
    await utimes(path, longAgo, longAgo);
    expect((await serve()).text).toBe("other");
  });

  it("is never served stale: not after another file took the name", async () => {
    await utimes(path, longAgo, longAgo);
    settle();
    await serve();
    await writeFile(`${path}.new`, "other");
    await utimes(`${path}.new`, longAgo, longAgo);
    await rename(`${path}.new`, path);
    expect((await serve()).text).toBe("other");
  });

  it("is the newest after each of many rewrites in a row", async () => {
    for (let round = 100; round < 200; round += 1) {
      await writeFile(path, `v${round}`);
      expect((await serve()).text).toBe(`v${round}`);
      expect(await readFile(path, "utf8")).toBe(`v${round}`);
    }
  });

  it("gives way to a bound in bytes", async () => {
    const before = localFileCache.maxBytes;
    try {
      localFileCache.maxBytes = 3;
      await utimes(path, longAgo, longAgo);
      settle();
      expect((await serve()).text).toBe("first");
      expect(localFileCache.bytes).toBe(0);
    } finally {
      localFileCache.maxBytes = before;
    }
  });
});

const size = 200 * 1024;

/** As a writer does with a body that is too large to be loaded at once. */
async function send(): Promise<{ resident: Uint8Array | undefined; read: Buffer }> {
  await using opened = await new LocalFile(path).open();
  const content = await opened.content();
  const resident = content.kind === "bytes" ? content.bytes : undefined;
  const chunks: Uint8Array[] = [];
  for await (const chunk of readContent(content)) chunks.push(chunk);
  return { resident, read: Buffer.concat(chunks) };
}

describe("the content of a local file of middle size", () => {
  beforeEach(async () => {
    await writeFile(path, Buffer.alloc(size, "1"));
    await utimes(path, longAgo, longAgo);
    settle();
  });

  it("is kept in memory when it is asked for again, and counted", async () => {
    expect((await send()).resident).toBeUndefined();
    expect(localFileCache.bytes).toBe(0);
    const { resident, read } = await send();
    expect(resident?.byteLength).toBe(size);
    expect(read.equals(resident!)).toBe(true);
    expect(localFileCache.bytes).toBe(size);
    expect((await send()).resident?.buffer).toBe(resident?.buffer);
  });

  it("is read in chunks that are nobody else's memory", async () => {
    await send();
    await send();
    await using opened = await new LocalFile(path).open();
    for await (const chunk of readOpened(opened)) chunk.fill(0);
    expect((await send()).read.equals(Buffer.alloc(size, "1"))).toBe(true);
  });

  it("is given in part", async () => {
    await send();
    await using opened = await new LocalFile(path).open();
    expect((await inMemory(opened, { start: 10, end: 70_009 }))?.byteLength).toBe(70_000);
    expect((await inMemory(opened, { start: size - 7, end: size - 1 }))?.byteLength).toBe(7);
  });

  it("is never served stale", async () => {
    await send();
    await send();
    await writeFile(path, Buffer.alloc(size, "2"));
    await utimes(path, longAgo, longAgo);
    const { resident, read } = await send();
    expect(resident).toBeUndefined();
    expect(read.equals(Buffer.alloc(size, "2"))).toBe(true);
    expect(localFileCache.bytes).toBe(0);
  });

  it("counts until it is sent, though the file has changed", async () => {
    await send();
    const opened = await new LocalFile(path).open();
    await opened.content();
    await writeFile(path, "another");
    await utimes(path, longAgo, longAgo);
    await new LocalFile(path).stat();
    expect(localFileCache.bytes).toBe(size);
    await opened.close();
    await opened.close();
    expect(localFileCache.bytes).toBe(0);
  });

  it("is given back by a reader that leaves while it is read, and not lent to one that has left", async () => {
    await send();
    const opened = await new LocalFile(path).open();
    const loading = expect(opened.content()).rejects.toThrow("closed");
    await opened.close();
    await loading;
    await expect(opened.content()).rejects.toThrow("closed");
    await writeFile(path, "another");
    await new LocalFile(path).stat();
    expect(localFileCache.bytes).toBe(0);
  });

  it("is not read when the file has changed since it was described", async () => {
    await send();
    const opened = await new LocalFile(path).open();
    await writeFile(path, "another");
    await expect(opened.content()).rejects.toThrow(FileChangedError);
    await opened.close();
    expect(localFileCache.bytes).toBe(0);
  });

  it("does not fill more than half of the memory, and leaves it to small files above that", async () => {
    const before = localFileCache.maxBytes;
    try {
      localFileCache.maxBytes = 2 * size - 1;
      await send();
      expect((await send()).resident).toBeUndefined();
      localFileCache.maxBytes = 2 * size;
      expect((await send()).resident?.byteLength).toBe(size);
    } finally {
      localFileCache.maxBytes = before;
    }
  });
});
