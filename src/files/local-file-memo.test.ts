import { mkdtemp, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
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
afterEach(() => rm(folder, { recursive: true }));

async function serve(): Promise<{ text: string; etag: string | undefined }> {
  await using opened = await new LocalFile(path).open();
  const bytes = opened.bytes ?? (await opened.load?.());
  return { text: Buffer.from(bytes ?? []).toString(), etag: opened.stat.etag };
}

/** Waits until the last change of the inode, which nobody can set, is old enough for its content to be kept. */
async function settle(): Promise<void> {
  const { ctimeMs } = await stat(path);
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, ctimeMs + 2_050 - Date.now())));
}

describe("the content of small local files", () => {
  it("is kept in memory once the file has settled, and counted", async () => {
    await utimes(path, longAgo, longAgo);
    await settle();
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
    await settle();
    expect((await serve()).text).toBe("first");
    await writeFile(path, "other");
    await utimes(path, longAgo, longAgo);
    expect((await serve()).text).toBe("other");
  });

  it("is never served stale: not after another file took the name", async () => {
    await utimes(path, longAgo, longAgo);
    await settle();
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
      await settle();
      expect((await serve()).text).toBe("first");
      expect(localFileCache.bytes).toBe(0);
    } finally {
      localFileCache.maxBytes = before;
    }
  });
});
