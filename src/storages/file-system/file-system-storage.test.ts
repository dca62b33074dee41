import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FileNotFoundError, InvalidPathError } from "../../errors.ts";
import { collectBytes } from "../../files/byte-reader.ts";
import { readOpened } from "../../files/content.ts";
import { FileSystemStorage } from "./file-system-storage.ts";
import { StorageFile } from "../storage-file.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "storage-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function namesOf(storage: FileSystemStorage): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of storage.list()) names.push(name);
  return names.toSorted();
}

describe.runIf(process.platform !== "win32")("A file whose name no other storage could keep", () => {
  it.each(["back\\slash.txt", "tab\there.txt", "line\nbreak.txt", "folder/a\\b.txt", "..\\a.txt"])(
    "is served and listed where it exists: %j",
    async (name) => {
      await mkdir(join(root, "folder"));
      await writeFile(join(root, name), "text");
      const storage = new FileSystemStorage(root);
      const file = new StorageFile(storage, name);
      expect(await storage.exists(name)).toBe(true);
      expect((await file.stat()).size).toBe(4);
      await using opened = await file.open();
      expect(new TextDecoder().decode(await collectBytes(readOpened(opened)))).toBe("text");
      expect(await namesOf(storage)).toEqual([name]);
      await expect(storage.save(name, "new")).rejects.toThrow(InvalidPathError);
      await storage.delete(name);
      expect(await storage.exists(name)).toBe(false);
    },
  );

  it.each(["../a.txt", "folder/../../a.txt", "/etc/passwd", "a\0b", "", ".", "..", "a//b", "a/", "a\uD800b"])(
    "is refused where it could lead out, or be no name: %j",
    async (name) => {
      const storage = new FileSystemStorage(root);
      await expect(storage.open(name)).rejects.toThrow(InvalidPathError);
      await expect(storage.delete(name)).rejects.toThrow(InvalidPathError);
    },
  );
});

describe("What a killed save left", () => {
  const part = (letter: string): string => `.${letter.repeat(16)}.downloadview-part`;
  const daysAgo = (days: number): Date => new Date(Date.now() - days * 86_400_000);

  beforeEach(async () => {
    await mkdir(join(root, "folder"));
    for (const name of [part("a"), `folder/${part("b")}`, part("c"), ".hidden-part", "old.txt"]) {
      await writeFile(join(root, name), "x");
      await utimes(join(root, name), daysAgo(2), daysAgo(2));
    }
    await utimes(join(root, part("c")), daysAgo(0.5), daysAgo(0.5));
  });

  it("is removed from a folder at the first save there, once it is a day old, and that is said once", async () => {
    const warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const storage = new FileSystemStorage(root);
    await storage.save("a.txt", "x");
    expect((await readdir(root)).toSorted()).toEqual(
      [".hidden-part", part("c"), "a.txt", "folder", "old.txt"].toSorted(),
    );
    await storage.save("folder/a.txt", "x");
    expect(await readdir(join(root, "folder"))).toEqual(["a.txt"]);
    expect(warnings.mock.calls.map(([, options]) => options)).toEqual([
      expect.objectContaining({ code: "DOWNLOADVIEW_ABANDONED_SAVES" }),
    ]);
    warnings.mockRestore();
  });

  it("is removed from all folders by sweep()", async () => {
    const warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    expect(await new FileSystemStorage(root).sweep()).toBe(2);
    expect(await readdir(join(root, "folder"))).toEqual([]);
    expect(await new FileSystemStorage(join(root, "missing")).sweep()).toBe(0);
    warnings.mockRestore();
  });
});

describe("The times of a file", () => {
  it("are those of the file system", async () => {
    const storage = new FileSystemStorage(root);
    await storage.save("a.txt", "x");
    await utimes(join(root, "a.txt"), 1_600_000_000, 1_700_000_000);
    const { birthtime } = await stat(join(root, "a.txt"));
    const file = new StorageFile(storage, "a.txt");
    expect(await file.accessedTime()).toEqual(new Date(1_600_000_000_000));
    expect(await file.modifiedTime()).toEqual(new Date(1_700_000_000_000));
    expect(await file.createdTime()).toEqual(birthtime);
    await expect(new StorageFile(storage, "missing.txt").modifiedTime()).rejects.toThrow(FileNotFoundError);
  });
});
