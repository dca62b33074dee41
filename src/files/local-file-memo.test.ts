import { mkdtemp, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { localFileCache } from "./local-file-memo.ts";
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

async function serve(): Promise<{ text: string; etag: string | undefined }> {
  await using opened = await new LocalFile(path).open();
  const bytes = opened.bytes ?? (await opened.load?.());
  return { text: Buffer.from(bytes ?? []).toString(), etag: opened.stat.etag };
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
    expect(Buffer.from(opened.bytes ?? []).toString()).toBe("first");
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
