import { collectBytes } from "../byte-reader.ts";
import { readContent, readOpened, type SeekableContent } from "../content.ts";
import { execFileSync } from "node:child_process";
import fs, { readdirSync, readlinkSync } from "node:fs";
import { mkdir, mkdtemp, open, rename, rm, stat, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { FileChangedError, FileNotFoundError, IncompleteBodyError, InvalidPathError } from "../../errors.ts";
import type { EntityTagFormat } from "../../http/etag.ts";
import type { ByteRange } from "../../http/range.ts";
import type { OpenFile } from "../download-file.ts";
import { fileSystemError } from "./file-system.ts";
import { LocalFile } from "./local-file.ts";

let base: string;
let root: string;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "local-file-"));
});
afterAll(() => rm(base, { recursive: true, force: true }));
beforeEach(async () => {
  root = await mkdtemp(join(base, "root-"));
});

async function seekable(opened: OpenFile, range?: ByteRange): Promise<SeekableContent> {
  const content = await opened.content(range);
  if (content.kind !== "seekable") throw new TypeError(`The content is ${content.kind}`);
  return content;
}

async function bytesOf(opened: OpenFile, range: ByteRange): Promise<Uint8Array> {
  const content = await opened.content(range);
  if (content.kind !== "bytes") throw new TypeError(`The content is ${content.kind}`);
  return content.bytes;
}

async function textOf(opened: OpenFile, range?: ByteRange): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readOpened(opened, range)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function read(file: LocalFile): Promise<string> {
  await using opened = await file.open();
  return await textOf(opened);
}

/** Open descriptors of this process on anything in our folder. */
function descriptors(): string[] {
  const targets = readdirSync("/proc/self/fd").map((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`);
    } catch {
      return "";
    }
  });
  return targets.filter((target) => target.startsWith(base));
}

describe("LocalFile", () => {
  it("describes a file with nginx's entity tag", async () => {
    await writeFile(at("a.txt"), "Hello");
    await utimes(at("a.txt"), 1_700_000_000, 1_700_000_000);
    expect(await new LocalFile(at("a.txt")).stat()).toEqual({
      size: 5,
      lastModified: new Date(1_700_000_000_000),
      etag: '"6553f100-5"',
    });
  });

  it("gives a file that has just changed a weak tag", async () => {
    await writeFile(at("a.txt"), "Hello");
    expect((await new LocalFile(at("a.txt")).stat()).etag).toMatch(/^W\//);
  });

  it("takes another format of entity tag, or none", async () => {
    await writeFile(at("a.txt"), "Hello");
    const { mtimeNs } = await stat(at("a.txt"), { bigint: true });
    const format: EntityTagFormat = (file) => `"${file.size}.${file.mtimeNanoseconds}"`;
    expect((await new LocalFile(at("a.txt"), { etag: format }).stat()).etag).toBe(`"5.${mtimeNs}"`);
    expect(await new LocalFile(at("a.txt"), { etag: false }).stat()).not.toHaveProperty("etag");
  });

  it("has the last segment of its path as name, or the name that it is given", () => {
    expect(new LocalFile("/a/b.txt").name).toBe("b.txt");
    expect(new LocalFile("/a/b.txt", { name: "c.txt" }).name).toBe("c.txt");
  });

  it("takes a relative path from its root, or else from the working directory", () => {
    expect(new LocalFile("a/b.txt", { root: "/srv" }).path).toBe("/srv/a/b.txt");
    expect(new LocalFile("a/b.txt").path).toBe(join(process.cwd(), "a/b.txt"));
  });

  it("reads all bytes, a range, and nothing of an empty file", async () => {
    await writeFile(at("a.txt"), "0123456789");
    await writeFile(at("empty"), "");
    await using opened = await new LocalFile(at("a.txt")).open();
    expect(await textOf(opened)).toBe("0123456789");
    expect(await textOf(opened, { start: 2, end: 4 })).toBe("234");
    expect(await textOf(opened, { start: 9, end: 20 })).toBe("9");
    expect(await textOf(opened, { start: 10, end: 20 })).toBe("");
    expect(await read(new LocalFile(at("empty")))).toBe("");
  });

  it("reads a large file in chunks of bounded size that are nobody else's memory", async () => {
    const content = Buffer.alloc(1_500_000, "0123456789abcdefg");
    await writeFile(at("large"), content);
    const chunks: Uint8Array[] = [];
    await using opened = await new LocalFile(at("large")).open();
    for await (const chunk of readOpened(opened)) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(content)).toBe(true);
    expect(Math.max(...chunks.map((chunk) => chunk.buffer.byteLength))).toBe(256 * 1024);
    expect(new Set(chunks.map((chunk) => chunk.buffer)).size).toBe(chunks.length);
  });

  it("fills the reader's own buffer", async () => {
    await writeFile(at("a.txt"), "0123456789".repeat(10_000));
    await using opened = await new LocalFile(at("a.txt")).open();
    const content = await seekable(opened, { start: 10, end: 80_009 });
    expect(content.length).toBe(80_000);
    const target = Buffer.alloc(6);
    expect(await content.readInto(target, 2)).toBe(6);
    expect(target.toString()).toBe("234567");
    expect(await content.readInto(target.subarray(0, 2), 79_998)).toBe(2);
    expect(target.toString("latin1", 0, 2)).toBe("89");
  });

  it("ends early when the file is shorter than it was", async () => {
    await writeFile(at("a.txt"), "0123456789".repeat(10_000));
    await using opened = await new LocalFile(at("a.txt")).open();
    const content = await seekable(opened);
    await truncate(at("a.txt"), 4);
    expect(await content.readInto(Buffer.alloc(10), 0)).toBe(4);
    const reading = collectBytes(readContent(content));
    await expect(reading).rejects.toThrow(IncompleteBodyError);
  });

  it("gives no more than it described when the file has grown", async () => {
    await writeFile(at("a.txt"), "0123");
    await using opened = await new LocalFile(at("a.txt")).open();
    await writeFile(at("a.txt"), "0123456789");
    expect(await textOf(opened)).toBe("0123");
  });
});

describe("A LocalFile that is not there", () => {
  it.each([
    ["a missing file", "missing"],
    ["a folder", "folder"],
    ["a name with NUL in it", "a\0b"],
    ["a name that is too long", "x".repeat(300)],
    ["a file as folder", "file/x"],
    ["a circle of symlinks", "circle"],
    ["a FIFO", "fifo"],
    ["a socket", "socket"],
  ])("is not found: %s", async (_, name) => {
    await mkdir(at("folder"));
    await writeFile(at("file"), "x");
    await symlink(at("circle"), at("circle"));
    execFileSync("mkfifo", [at("fifo")]);
    const server = createServer().listen(at("socket"));
    const file = new LocalFile(at(name));
    await expect(file.stat()).rejects.toThrow(FileNotFoundError);
    await expect(file.open()).rejects.toThrow(FileNotFoundError);
    await new Promise((resolve) => server.close(resolve));
  });

  it.each([
    ["ENOENT", 404],
    ["ENOTDIR", 404],
    ["EACCES", 404],
    ["ELOOP", 404],
    ["ENAMETOOLONG", 404],
    ["EMFILE", 503],
    ["EIO", 503],
  ])("answers %s with %i, says why in the cause alone", (code, status) => {
    const cause = Object.assign(new Error(`${code}: open '/secret/path'`), { code });
    const error = fileSystemError(cause);
    expect(error).toMatchObject({ status, cause });
    expect(error.message).not.toContain("/secret");
  });
});

describe("A LocalFile with a root", () => {
  beforeEach(async () => {
    await mkdir(at("media"));
    await mkdir(at("media-private"));
    await writeFile(at("media/inside.txt"), "inside");
    await writeFile(at("media-private/secret.txt"), "secret");
    await symlink("inside.txt", at("media/link-inside.txt"));
    await symlink("../media-private/secret.txt", at("media/link-outside.txt"));
    await symlink(at("media-private"), at("media/folder-outside"));
    await symlink("media", at("link-to-media"));
  });

  it.each([
    ["a file", "media", "inside.txt"],
    ["a symlink to a file inside", "media", "link-inside.txt"],
    ["a file, where the root is a symlink", "link-to-media", "inside.txt"],
    ["a file, where the root has a slash at its end", "media/", "inside.txt"],
    ["an absolute path", "media", "/media/inside.txt"],
  ])("serves %s", async (_, folder, name) => {
    const file = new LocalFile(name.startsWith("/") ? root + name : name, { root: at(folder) });
    expect((await file.stat()).size).toBe(6);
    expect(await read(file)).toBe("inside");
  });

  it.each([
    ["a symlink out of the root", "link-outside.txt"],
    ["a folder that is a symlink out of the root", "folder-outside/secret.txt"],
    ["a path with ..", "../media-private/secret.txt"],
    ["an absolute path elsewhere", "/etc/passwd"],
  ])("does not serve %s", async (_, name) => {
    const file = new LocalFile(name, { root: at("media") });
    await expect(file.stat()).rejects.toThrow(InvalidPathError);
    await expect(file.open()).rejects.toThrow(InvalidPathError);
    expect(descriptors()).toEqual([]);
  });

  it("does not serve what becomes a symlink out of the root after it was described", async () => {
    await writeFile(at("media/race.txt"), "inside");
    await using opened = await new LocalFile("race.txt", { root: at("media") }).open();
    await rm(at("media/race.txt"));
    await symlink("../media-private/secret.txt", at("media/race.txt"));
    await expect(textOf(opened)).rejects.toThrow(FileChangedError);
  });

  it("does not serve a file that was moved out of the root after it was described", async () => {
    await mkdir(at("media/sub"));
    await writeFile(at("media/sub/a.txt"), "secret");
    await using opened = await new LocalFile("sub/a.txt", { root: at("media") }).open();
    // The same inode, with the same times: only where it is tells.
    await rename(at("media/sub"), at("media-private/sub"));
    await symlink(at("media-private/sub"), at("media/sub"));
    await expect(textOf(opened)).rejects.toThrow(InvalidPathError);
    expect(descriptors()).toEqual([]);
  });

  it("is not found when its folder was moved out of the root and linked back, though it was served before", async () => {
    await mkdir(at("media/moved"));
    await writeFile(at("media/moved/a.txt"), "was inside");
    const file = new LocalFile("moved/a.txt", { root: at("media") });
    expect(await read(file)).toBe("was inside");
    await rename(at("media/moved"), at("media-private/moved"));
    await symlink(at("media-private/moved"), at("media/moved"));
    await expect(file.stat()).rejects.toThrow(InvalidPathError);
  });

  it("serves from where a root that is a symlink points to now", async () => {
    await mkdir(at("next"));
    await writeFile(at("next/inside.txt"), "next");
    const file = new LocalFile("inside.txt", { root: at("link-to-media") });
    expect(await read(file)).toBe("inside");
    await symlink("next", at("new-link"));
    await rename(at("new-link"), at("link-to-media"));
    expect(await read(file)).toBe("next");
  });

  it("is not found when the root is missing, and is once that is there", async () => {
    const file = new LocalFile("a.txt", { root: at("later") });
    await expect(file.stat()).rejects.toThrow(FileNotFoundError);
    await mkdir(at("later"));
    await writeFile(at("later/a.txt"), "x");
    expect(await read(file)).toBe("x");
  });

  it("takes a relative root from the working directory", async () => {
    const file = new LocalFile("inside.txt", { root: relative(process.cwd(), at("media")) });
    expect(await read(file)).toBe("inside");
  });
});

describe("A LocalFile that changes between its description and its first byte", () => {
  it.each([
    ["replaced", (path: string) => writeFile(`${path}.new`, "01234").then(() => rename(`${path}.new`, path))],
    ["rewritten", (path: string) => writeFile(path, "56789")],
    ["truncated", (path: string) => truncate(path, 2)],
    ["touched", (path: string) => utimes(path, 5, 5)],
  ])("is not read when it was %s", async (_, change) => {
    await writeFile(at("a.txt"), "01234");
    await utimes(at("a.txt"), 1_700_000_000, 1_700_000_000);
    await using opened = await new LocalFile(at("a.txt")).open();
    await change(at("a.txt"));
    await expect(opened.content()).rejects.toThrow(FileChangedError);
    await expect(textOf(opened)).rejects.toThrow(FileChangedError);
    expect(descriptors()).toEqual([]);
  });

  it("is not found when it was removed", async () => {
    await writeFile(at("a.txt"), "01234");
    await using opened = await new LocalFile(at("a.txt")).open();
    await rm(at("a.txt"));
    await expect(textOf(opened)).rejects.toThrow(FileNotFoundError);
  });

  it("does not hang when a FIFO takes its place", async () => {
    await writeFile(at("a.txt"), "01234");
    await using opened = await new LocalFile(at("a.txt")).open();
    await rm(at("a.txt"));
    execFileSync("mkfifo", [at("a.txt")]);
    await expect(textOf(opened)).rejects.toThrow(FileChangedError);
  });

  it("is read to its end from the version that was opened when it is replaced while it is read", async () => {
    await writeFile(at("a.txt"), "a".repeat(300_000));
    await using opened = await new LocalFile(at("a.txt")).open();
    await opened.content();
    await writeFile(at("b.txt"), "b".repeat(300_000));
    await rename(at("b.txt"), at("a.txt"));
    expect(await textOf(opened)).toBe("a".repeat(300_000));
  });
});

describe("The descriptor of a LocalFile", () => {
  beforeEach(() => writeFile(at("a.txt"), "a".repeat(1_000_000)));

  it("is not opened to describe the file", async () => {
    const opening = vi.spyOn(fs, "open");
    await new LocalFile(at("a.txt"), { root }).stat();
    expect(opening).not.toHaveBeenCalled();
    opening.mockRestore();
  });

  it("is opened once to find out whether a version can be read, and not again by an opening that is never read", async () => {
    await utimes(at("a.txt"), 1_700_000_000, 1_700_000_000);
    const now = Date.now;
    const opening = vi.spyOn(fs, "open");
    Date.now = () => now() + 10_000;
    try {
      const file = new LocalFile(at("a.txt"), { root });
      for (let count = 0; count < 3; count += 1) {
        const opened = await file.open();
        readOpened(opened);
        await opened.close();
        await file.stat({ readable: true });
      }
      expect(opening).toHaveBeenCalledTimes(1);
      await vi.waitFor(() => expect(descriptors()).toEqual([]));
    } finally {
      Date.now = now;
      opening.mockRestore();
    }
  });

  it("is one for many reads at once, and closed with the file", async () => {
    const opened = await new LocalFile(at("a.txt")).open();
    await Promise.all([textOf(opened), textOf(opened), opened.content()]);
    expect(descriptors()).toEqual([at("a.txt")]);
    await opened.close();
    expect(descriptors()).toEqual([]);
  });

  it("reads a small part once for all who ask for it at the same time", async () => {
    await writeFile(at("parts.bin"), Buffer.alloc(200_000, "0123456789"));
    const files = await Promise.all(Array.from({ length: 3 }, () => new LocalFile(at("parts.bin")).open()));
    const [one, same, other] = await Promise.all([
      bytesOf(files[0]!, { start: 1, end: 5 }),
      bytesOf(files[1]!, { start: 1, end: 5 }),
      bytesOf(files[2]!, { start: 2, end: 5 }),
    ]);
    expect(Buffer.from(one).toString()).toBe("12345");
    expect(same.buffer).toBe(one.buffer);
    expect(Buffer.from(other).toString()).toBe("2345");
    await truncate(at("parts.bin"), 100_000);
    await expect(files[0]!.content({ start: 99_999, end: 100_001 })).rejects.toThrow(FileChangedError);
    await Promise.all(files.map((file) => file.close()));
    expect(descriptors()).toEqual([]);
  });

  it("stays open when a reader stops early, until the file is closed", async () => {
    const opened = await new LocalFile(at("a.txt")).open();
    const chunks = readOpened(opened)[Symbol.asyncIterator]();
    await chunks.next();
    await chunks.return(undefined);
    expect(descriptors()).toEqual([at("a.txt")]);
    await opened.close();
    expect(descriptors()).toEqual([]);
  });

  it("is closed after the read that is under way, which gets its bytes", async () => {
    const opened = await new LocalFile(at("a.txt")).open();
    const content = await seekable(opened);
    const target = Buffer.alloc(1000);
    const [count] = await Promise.all([content.readInto(target, 0), opened.close()]);
    expect(count).toBe(1000);
    expect(target.toString()).toBe("a".repeat(1000));
    expect(descriptors()).toEqual([]);
  });

  it("is closed after the opening that is under way", async () => {
    const opened = await new LocalFile(at("a.txt")).open();
    const reading = expect(textOf(opened)).rejects.toThrow(IncompleteBodyError);
    await opened.close();
    await reading;
    await vi.waitFor(() => expect(descriptors()).toEqual([]));
  });

  it("is not opened again after the file was closed, and never closed twice", async () => {
    const opened = await new LocalFile(at("a.txt")).open();
    await opened.content();
    await Promise.all([opened.close(), opened.close()]);
    // Takes the number that was freed: a second close would close this one.
    const other = await open(at("a.txt"));
    await opened.close();
    expect((await other.stat()).size).toBe(1_000_000);
    await other.close();
    await expect(textOf(opened)).rejects.toThrow(IncompleteBodyError);
    await expect(opened.content()).rejects.toThrow(IncompleteBodyError);
  });
});
