import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileNotFoundError, ImproperlyConfiguredError, InvalidPathError } from "../../src/errors.ts";
import { FileSystemStorage } from "../../src/storages/file-system/file-system-storage.ts";
import { describeStorage, type StorageUnderTest } from "./contract.ts";

async function makeStorage(): Promise<StorageUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), "storage-"));
  return {
    storage: new FileSystemStorage(join(folder, "made/when/needed")),
    dispose: () => rm(folder, { recursive: true }),
  };
}

describeStorage("FileSystemStorage", makeStorage, { looksUpLocalNames: process.platform !== "win32" });

describe("FileSystemStorage on its disk", () => {
  let folder: string;
  let root: string;
  let storage: FileSystemStorage;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "storage-"));
    root = join(folder, "media");
    await mkdir(root);
    await mkdir(join(folder, "private"));
    await writeFile(join(folder, "private/secret.txt"), "secret");
    storage = new FileSystemStorage(root, { baseUrl: "https://cdn.example/media/" });
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function listed(): Promise<string[]> {
    const names: string[] = [];
    for await (const { name } of storage.list()) names.push(name);
    return names.toSorted();
  }

  it("gives the path and the URL of a file", () => {
    const name = "ünï/a b?#%+&'😀.txt";
    expect(storage.path(name)).toBe(join(root, name));
    expect(storage.url?.(name)).toBe("https://cdn.example/media/%C3%BCn%C3%AF/a%20b%3F%23%25%2B%26'%F0%9F%98%80.txt");
    expect(() => storage.path("../a")).toThrow(InvalidPathError);
    expect(() => storage.url?.("../a")).toThrow(InvalidPathError);
  });

  it.each([
    ["/media", "/media/a.txt"],
    ["/media/", "/media/a.txt"],
    ["/", "/a.txt"],
    ["", "/a.txt"],
  ])("joins the base URL %j and a name with one slash", (baseUrl, url) => {
    expect(new FileSystemStorage(root, { baseUrl }).url?.("a.txt")).toBe(url);
  });

  it("has no URL without a base URL, and takes none with a query", () => {
    expect(new FileSystemStorage(root).url).toBeUndefined();
    expect(() => new FileSystemStorage(root, { baseUrl: "/media?a=1" })).toThrow(ImproperlyConfiguredError);
  });

  it("leaves one file on the disk for each that was saved, and none of a failed save", async () => {
    await storage.save("a.txt", "1");
    await storage.save("a.txt", "2");
    await storage.save("a.txt", "3", { ifExists: "rename" });
    await storage.save("a.txt", "4", { ifExists: "fail" }).catch(() => undefined);
    await storage.save("a.txt", throwing()).catch(() => undefined);
    expect(await readdir(root)).toHaveLength(2);
    expect(await readFile(join(root, "a.txt"), "utf8")).toBe("2");
  });

  it("sets the modes that it is told", async () => {
    const strict = new FileSystemStorage(root, { fileMode: 0o600, directoryMode: 0o700 });
    await strict.save("folder/a.txt", "x");
    expect((await stat(join(root, "folder"))).mode & 0o777).toBe(0o700);
    expect((await stat(join(root, "folder/a.txt"))).mode & 0o777).toBe(0o600);
  });

  it("hides the file that is being saved until it is whole", async () => {
    let release!: () => void;
    const rest = new Promise<void>((resolve) => (release = resolve));
    let begin!: () => void;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const saving = storage.save(
      "a.txt",
      (async function* () {
        yield "a".repeat(100_000);
        begin();
        await rest;
        yield "b";
      })(),
    );
    await begun;
    const [part = ""] = await readdir(root);
    expect(part).not.toBe("");
    expect(await listed()).toEqual([]);
    await expect(storage.open(part)).rejects.toThrow(InvalidPathError);
    await expect(storage.save(part, "x")).rejects.toThrow(InvalidPathError);
    expect(await storage.exists("a.txt")).toBe(false);
    release();
    await saving;
    expect(await listed()).toEqual(["a.txt"]);
  });

  describe("with symlinks", () => {
    beforeEach(async () => {
      await storage.save("inside/a.txt", "inside");
      await symlink("a.txt", join(root, "inside/link.txt"));
      await symlink("inside", join(root, "folder-inside"));
      await symlink("../private", join(root, "folder-outside"));
      await symlink("../private/secret.txt", join(root, "file-outside.txt"));
      await symlink("../private/nothing", join(root, "dangling"));
    });

    it("opens those to files inside, and none to files outside", async () => {
      expect((await storage.stat("inside/link.txt")).size).toBe(6);
      expect((await storage.stat("folder-inside/a.txt")).size).toBe(6);
      for (const name of ["folder-outside/secret.txt", "file-outside.txt"]) {
        await expect(storage.open(name)).rejects.toThrow(FileNotFoundError);
        expect(await storage.exists(name)).toBe(false);
      }
    });

    it("saves through a folder inside, and through none outside", async () => {
      await storage.save("folder-inside/b.txt", "b");
      expect(await readFile(join(root, "inside/b.txt"), "utf8")).toBe("b");
      for (const name of ["folder-outside/b.txt", "folder-outside/c/b.txt", "dangling/b.txt"]) {
        await expect(storage.save(name, "b")).rejects.toThrow(FileNotFoundError);
      }
      expect(await readdir(join(folder, "private"))).toEqual(["secret.txt"]);
    });

    it("replaces a symlink, not what it points to", async () => {
      await storage.save("file-outside.txt", "mine");
      expect(await readFile(join(folder, "private/secret.txt"), "utf8")).toBe("secret");
      expect(await readFile(join(root, "file-outside.txt"), "utf8")).toBe("mine");
    });

    it("deletes nothing outside", async () => {
      await storage.delete("folder-outside/secret.txt");
      await storage.delete("file-outside.txt");
      expect(await readdir(join(folder, "private"))).toEqual(["secret.txt"]);
      expect(await readdir(root)).not.toContain("file-outside.txt");
    });

    it("lists what can be opened, each once", async () => {
      expect(await listed()).toEqual(["inside/a.txt", "inside/link.txt"]);
    });
  });

  it.each([
    ["a folder", "folder"],
    ["below a file", "file/a.txt"],
    ["a segment that is too long", "x".repeat(256)],
  ])("refuses to save as %s", async (_, name) => {
    await storage.save("folder/a.txt", "x");
    await storage.save("file", "x");
    for (const ifExists of ["replace", "rename"] as const) {
      if (name === "folder" && ifExists === "rename") continue;
      await expect(storage.save(name, "x", { ifExists })).rejects.toThrow(InvalidPathError);
    }
    expect(await listed()).toEqual(["file", "folder/a.txt"]);
  });

  it("lists files whose names it would not save, and nothing that is no file", async () => {
    await writeFile(join(root, "back\\slash"), "x");
    await writeFile(join(root, "new\nline"), "x");
    await mkdir(join(root, "empty"));
    expect(await listed()).toEqual(["back\\slash", "new\nline"]);
  });
});

async function* throwing(): AsyncGenerator<string> {
  yield "x";
  throw new Error("no more");
}
