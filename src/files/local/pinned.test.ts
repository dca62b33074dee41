import { mkdir, mkdtemp, rename, rm, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readOpened } from "../content.ts";
import type { OpenFile } from "../download-file.ts";
import { LocalFile } from "./local-file.ts";

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
