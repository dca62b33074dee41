import { readOpened } from "../content.ts";
import { appendFile, chmod, link, mkdtemp, open, rename, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileChangedError } from "../../errors.ts";
import type { OpenFile } from "../download-file.ts";
import { LocalFile } from "./local-file.ts";

const size = 600_000;
const longAgo = 1_700_000_000;
let root: string;
let path: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "changes-"));
  path = join(root, "app.log");
  await writeFile(path, Buffer.alloc(size, "first version, "));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function overwrite(at: number, text: string): Promise<void> {
  const file = await open(path, "r+");
  await file.write(text, at);
  await file.close();
}

/** Reads as a response writer does: into its own memory, and says which read is its last one. */
async function fill(opened: OpenFile, start: number, end: number, between: () => Promise<unknown>): Promise<number> {
  const target = Buffer.alloc(100_000);
  const content = await opened.content({ start, end: end - 1 });
  if (content.kind !== "seekable") throw new TypeError("The file is too small to be read from the disk");
  let changed = false;
  let position = 0;
  while (position < end - start) {
    const left = end - start - position;
    const part = target.subarray(0, Math.min(left, target.byteLength));
    position += (await content.readInto(part, position)) || left;
    if (!changed) await between();
    changed = true;
  }
  return position;
}

async function textOf(opened: OpenFile): Promise<string> {
  let text = "";
  for await (const chunk of readOpened(opened)) text += Buffer.from(chunk).toString();
  return text;
}

async function iterate(opened: OpenFile, start: number, end: number, between: () => Promise<unknown>): Promise<number> {
  let count = 0;
  for await (const chunk of readOpened(opened, { start, end: end - 1 })) {
    if (count === 0) await between();
    count += chunk.byteLength;
  }
  return count;
}

const readers = [
  ["by a writer that fills its own memory", fill],
  ["chunk by chunk", iterate],
] as const;
const parts = [
  ["whole", 0, size],
  ["a part of it", 1000, 500_000],
] as const;
const kept: readonly (readonly [string, () => Promise<unknown>])[] = [
  ["got another line", () => appendFile(path, "one more line\n")],
  ["got many lines", () => appendFile(path, Buffer.alloc(size, "line\n"))],
  ["was replaced", () => writeFile(`${path}.new`, "other").then(() => rename(`${path}.new`, path))],
  ["was removed", () => rm(path)],
  ["was renamed", () => rename(path, `${path}.1`)],
  ["got another name", () => link(path, `${path}.link`)],
  ["got other permissions", () => chmod(path, 0o640)],
];
const mixed: readonly (readonly [string, () => Promise<unknown>])[] = [
  ["was overwritten at its beginning", () => overwrite(0, "SECOND")],
  ["was overwritten at its end", () => overwrite(size - 10, "SECOND")],
  ["was written anew, as long as before", () => writeFile(path, Buffer.alloc(size, "second version,"))],
  ["was written anew, longer than before", () => writeFile(path, Buffer.alloc(size + 1, "second version,"))],
  [
    "was rotated and grew beyond what it was",
    () => truncate(path).then(() => appendFile(path, Buffer.alloc(2 * size))),
  ],
  [
    "was overwritten and got its old time back",
    () => overwrite(0, "SECOND".repeat(200)).then(() => utimes(path, longAgo, longAgo)),
  ],
];

describe.each(readers)("A file that is read %s", (_, read) => {
  describe.each(parts)("(%s)", (__, start, end) => {
    it.each(kept)("is read to its end though it %s meanwhile", async (___, change) => {
      await utimes(path, longAgo, longAgo);
      await using opened = await new LocalFile(path, { root }).open();
      expect(await read(opened, start, end, change)).toBe(end - start);
    });

    it.each(mixed)("is not read to its end if it %s meanwhile", async (___, change) => {
      await utimes(path, longAgo, longAgo);
      await using opened = await new LocalFile(path, { root }).open();
      await expect(read(opened, start, end, change)).rejects.toThrow(FileChangedError);
    });
  });
});

describe("A file that has grown between its description and its opening", () => {
  it("is served as it was described if it was being written", async () => {
    await using opened = await new LocalFile(path, { root }).open();
    await appendFile(path, "one more line\n");
    expect(await iterate(opened, 0, size, () => Promise.resolve())).toBe(size);
  });

  it("is served as it was described, also from memory", async () => {
    await writeFile(path, "a line\n");
    await using opened = await new LocalFile(path, { root }).open();
    await appendFile(path, "one more line\n");
    expect(await textOf(opened)).toBe("a line\n");
  });

  it("is described anew if it had been left alone, since a strong tag promises the very bytes", async () => {
    await utimes(path, longAgo, longAgo);
    // Its ctime is that of a moment ago, so only a clock that is ahead takes it for settled.
    const now = Date.now;
    Date.now = () => now() + 10_000;
    try {
      await using opened = await new LocalFile(path, { root }).open();
      expect(opened.stat.etag).toMatch(/^"/);
      await appendFile(path, "one more line\n");
      await expect(opened.content()).rejects.toThrow(FileChangedError);
    } finally {
      Date.now = now;
    }
  });
});

describe("A small file that is written in place while it is loaded", () => {
  it.each([
    ["as long as before", "second"],
    ["longer than before, after it had been left alone", "second version"],
  ])("is not taken for what was described: %s", async (_, text) => {
    await writeFile(path, "first!");
    await utimes(path, longAgo, longAgo);
    const now = Date.now;
    Date.now = () => now() + 10_000;
    try {
      await using opened = await new LocalFile(path, { root }).open();
      await writeFile(path, text);
      await expect(opened.content()).rejects.toThrow(FileChangedError);
    } finally {
      Date.now = now;
    }
  });
});
