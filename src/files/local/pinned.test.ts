import fs from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readOpened } from "../content.ts";
import type { OpenFile } from "../download-file.ts";
import { LocalFile, type LocalFileOptions } from "./local-file.ts";

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), "pinned-"))));
afterEach(() => rm(folder, { recursive: true }));

const old = new Date("2020-01-01T00:00:00Z");

async function write(path: string, content: string): Promise<void> {
  await writeFile(path, content);
  await utimes(path, old, old);
}

async function read(opening: Promise<OpenFile>): Promise<string> {
  const opened = await opening;
  try {
    let text = "";
    for await (const chunk of readOpened(opened)) text += Buffer.from(chunk).toString();
    return text;
  } finally {
    await opened.close();
  }
}

// Small files are read at once when they are opened, larger ones later.
describe.each([5, 100_000])("a file of %d bytes that is opened as the version that was described", (size) => {
  const content = "a".repeat(size);

  it("is that version", async () => {
    await write(join(folder, "a"), content);
    const file = new LocalFile("a", { root: folder });
    expect(await read(file.open({ pinned: await file.stat() }))).toBe(content);
  });

  it.each<[string, (path: string) => Promise<unknown>, string]>([
    [
      "was replaced by one of the same length and time",
      async (path) => {
        await write(`${path}2`, "b".repeat(size));
        await rename(`${path}2`, path);
      },
      "FileChangedError",
    ],
    ["was written over", (path) => write(path, "b".repeat(size)), "FileChangedError"],
    ["shrank", (path) => truncate(path, 2), "FileChangedError"],
    ["grew", (path) => writeFile(path, "b", { flag: "a" }), "FileChangedError"],
    ["is gone", (path) => rm(path), "FileNotFoundError"],
  ])("fails if it %s", async (_, change, name) => {
    await write(join(folder, "a"), content);
    const file = new LocalFile("a", { root: folder });
    const pinned = await file.stat();
    await change(join(folder, "a"));
    await expect(read(file.open({ pinned }))).rejects.toMatchObject({ name });
  });

  it("fails if it is outside the root, also where another root has it in memory", async () => {
    await mkdir(join(folder, "root"));
    await write(join(folder, "secret"), content);
    await symlink(join(folder, "secret"), join(folder, "root", "a"));
    const anywhere = new LocalFile(join(folder, "root", "a"));
    const pinned = await anywhere.stat();
    expect(await read(anywhere.open())).toBe(content);
    await expect(read(new LocalFile("a", { root: join(folder, "root") }).open({ pinned }))).rejects.toMatchObject({
      name: "InvalidPathError",
    });
  });
});

describe("files of one folder that are read at the same time", () => {
  const names = ["a", "b", "c"];
  let root: string;
  beforeEach(async () => {
    root = join(folder, "root");
    await mkdir(join(root, "in"), { recursive: true });
    for (const name of names) await write(join(root, "in", name), name);
  });

  /** What reading all of them returns, if they are what they were before `change`. */
  async function readAll(change: () => Promise<unknown>, options: LocalFileOptions = {}): Promise<string[]> {
    const files = names.map((name) => new LocalFile(join("in", name), { root, ...options }));
    const pinned = await Promise.all(files.map((file) => file.stat()));
    await change();
    const reads = files.map((file, at) => read(file.open({ pinned: pinned[at] })));
    return (await Promise.allSettled(reads)).map((result) =>
      result.status === "fulfilled" ? result.value : (result.reason as Error).name,
    );
  }

  it("are opened relative to the folder, which is checked once", async () => {
    const links = vi.spyOn(fs, "readlink");
    expect(await readAll(async () => undefined)).toEqual(names);
    // One of the first file alone, and one of the folder.
    expect(links).toHaveBeenCalledTimes(process.platform === "linux" ? 2 : names.length);
    links.mockRestore();
  });

  it("may be symlinks into the root, but not out of it", async () => {
    await rename(join(root, "in", "b"), join(root, "b"));
    await symlink(join(root, "b"), join(root, "in", "b"));
    expect(await readAll(async () => undefined)).toEqual(names);
    const leave = async (): Promise<void> => {
      // The same file, in every respect but its place.
      await rename(join(root, "b"), join(folder, "b"));
      await rm(join(root, "in", "b"));
      await symlink(join(folder, "b"), join(root, "in", "b"));
    };
    expect(await readAll(leave)).toEqual(["a", "InvalidPathError", "c"]);
  });

  it("are not read where their folder is a symlink out of the root by now", async () => {
    const leave = async (): Promise<void> => {
      await rename(join(root, "in"), join(folder, "outside"));
      await symlink(join(folder, "outside"), join(root, "in"));
    };
    expect(await readAll(leave)).toEqual(names.map(() => "InvalidPathError"));
  });

  it("leave no descriptor open", async () => {
    const before = (await readdir("/proc/self/fd")).length;
    await readAll(async () => undefined);
    await readAll(() => rm(join(root, "in", "b")));
    await vi.waitFor(async () => expect((await readdir("/proc/self/fd")).length).toBeLessThanOrEqual(before));
  });
});
