import { lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileSystemStorage } from "../storages/file-system/file-system-storage.ts";
import { temporaryStorage } from "./temporary-storage.ts";

let outside: string;
beforeEach(async () => {
  outside = await mkdtemp(join(tmpdir(), "outside-"));
  await writeFile(join(outside, "kept.txt"), "kept");
});
afterEach(() => rm(outside, { recursive: true }));

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

describe("temporaryStorage", () => {
  it("is a file system storage in a folder of its own, that no other user can read", async () => {
    const storage = await temporaryStorage({ baseUrl: "/media" });
    const other = await temporaryStorage();
    expect(storage).toBeInstanceOf(FileSystemStorage);
    expect(storage.root).not.toBe(other.root);
    expect(dirname(storage.root)).toBe(tmpdir());
    expect((await lstat(storage.root)).mode & 0o777).toBe(0o700);
    await storage.save("a/b.txt", "hello");
    expect(storage.url?.("a/b.txt")).toBe("/media/a/b.txt");
    expect(await readFile(join(storage.root, "a/b.txt"), "utf8")).toBe("hello");
    await storage.dispose();
    await other.dispose();
  });

  it("removes the folder with all that is in it, once", async () => {
    const storage = await temporaryStorage();
    await storage.save("a/b/c.txt", "hello");
    await writeFile(join(storage.root, "beside.txt"), "");
    await Promise.all([storage.dispose(), storage.dispose()]);
    await storage.dispose();
    expect(await exists(storage.root)).toBe(false);
  });

  it("is removed at the end of its block", async () => {
    let root: string;
    {
      await using storage = await temporaryStorage();
      root = storage.root;
      expect(await exists(root)).toBe(true);
    }
    expect(await exists(root)).toBe(false);
  });

  it("removes a symlink, not what it leads to", async () => {
    const storage = await temporaryStorage();
    await symlink(outside, join(storage.root, "folder"));
    await symlink(join(outside, "kept.txt"), join(storage.root, "file"));
    await storage.dispose();
    expect(await exists(storage.root)).toBe(false);
    expect(await readdir(outside)).toEqual(["kept.txt"]);
  });

  it("leaves a symlink that stands in its place, and what it leads to", async () => {
    const storage = await temporaryStorage();
    await rm(storage.root, { recursive: true });
    await symlink(outside, storage.root);
    await storage.dispose();
    expect(await exists(storage.root)).toBe(true);
    expect(await readdir(outside)).toEqual(["kept.txt"]);
    await rm(storage.root);
  });

  it("leaves a folder that another process put in its place", async () => {
    // Often enough for a file system that gives the number of a removed inode to the next one to do so.
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const storage = await temporaryStorage();
      await rm(storage.root, { recursive: true });
      await mkdir(storage.root);
      await storage.dispose();
      expect(await readdir(storage.root)).toEqual([]);
      await rm(storage.root, { recursive: true });
    }
  });

  it("leaves itself where it was moved to", async () => {
    const storage = await temporaryStorage();
    await storage.save("a.txt", "hello");
    await rename(storage.root, join(outside, "moved"));
    await storage.dispose();
    expect(await readdir(join(outside, "moved"))).toEqual(["a.txt"]);
  });

  it("holds no descriptor when it is gone", async () => {
    const before = (await readdir("/proc/self/fd")).length;
    const storages = await Promise.all(Array.from({ length: 20 }, () => temporaryStorage()));
    await Promise.all(storages.map((storage) => storage.dispose()));
    expect((await readdir("/proc/self/fd")).length).toBeLessThanOrEqual(before);
  });
});
