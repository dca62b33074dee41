import type { SignedUrlOptions } from "../files/download-file.ts";
import { describe, expect, it } from "vitest";
import { FileNotFoundError, ImproperlyConfiguredError, InvalidPathError } from "../errors.ts";
import { DescribedFile, unwrap } from "../files/described-file.ts";
import { FileSystemStorage } from "./file-system/file-system-storage.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { StorageFile } from "./storage-file.ts";

describe("StorageFile", () => {
  it("is what the storage has under its name", async () => {
    const storage = new MemoryStorage();
    await storage.save("a/b.txt", "Hello");
    const file = new StorageFile(storage, "a/b.txt");
    expect(file.name).toBe("a/b.txt");
    expect((await file.stat()).size).toBe(5);
    expect((await file.open()).stat.size).toBe(5);
    await expect(new StorageFile(storage, "b.txt").stat()).rejects.toThrow(FileNotFoundError);
  });

  it("has the path and the URL that the storage returns", () => {
    const storage = new FileSystemStorage("/srv/media", { baseUrl: "/media" });
    expect(new StorageFile(storage, "a b.txt")).toMatchObject({ path: "/srv/media/a b.txt", url: "/media/a%20b.txt" });
  });

  it("has no path or URL if the storage returns none, or only asynchronously", () => {
    const storage = Object.assign(new MemoryStorage(), { url: async () => "https://a.example/signed" });
    const file = new StorageFile(storage, "a");
    expect(file.path).toBeUndefined();
    expect(file.url).toBeUndefined();
  });

  it("has none, and takes no harm, where the work for a URL fails", async () => {
    const unhandled: unknown[] = [];
    const listen = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", listen);
    const url = (): Promise<string> => Promise.reject(new Error("no credentials"));
    expect(new StorageFile(Object.assign(new MemoryStorage(), { url }), "a").url).toBeUndefined();
    // Unhandled rejections are told of once the microtasks of the turn are done.
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", listen);
    expect(unhandled).toEqual([]);
  });

  it("asks for a URL only when it is needed", () => {
    let asked = 0;
    const storage = Object.assign(new MemoryStorage(), { url: () => `/${++asked}` });
    const file = new StorageFile(storage, "a");
    expect(asked).toBe(0);
    expect(file.url).toBe("/1");
  });

  it("with a name that the storage refuses can be made, and is not found", async () => {
    const file = new StorageFile(new FileSystemStorage("/srv", { baseUrl: "/" }), "../etc/passwd");
    expect(file.path).toBeUndefined();
    expect(file.url).toBeUndefined();
    await expect(file.stat()).rejects.toThrow(InvalidPathError);
    await expect(file.open()).rejects.toThrow(InvalidPathError);
  });

  it("does not hide a mistake of the storage", () => {
    const url = (): string => {
      throw new ImproperlyConfiguredError("no secret");
    };
    expect(() => new StorageFile(Object.assign(new MemoryStorage(), { url }), "a").url).toThrow("no secret");
  });

  it("is saved, looked for and removed under its own name", async () => {
    const storage = new MemoryStorage();
    const file = new StorageFile(storage, "a/b.txt");
    expect(await file.exists()).toBe(false);
    expect(await file.save("Hello", { contentType: "text/x-note" })).toBe("a/b.txt");
    expect(await file.stat()).toMatchObject({ size: 5, contentType: "text/x-note" });
    expect(await file.save("Bye", { ifExists: "rename" })).toMatch(/^a\/b_\w{7}\.txt$/);
    expect(await file.exists()).toBe(true);
    await file.delete();
    expect(await file.exists()).toBe(false);
  });

  it("has the times that its storage knows", async () => {
    const [accessed, created, modified] = [new Date(3000), new Date(1000), new Date(2000)];
    const storage = Object.assign(new MemoryStorage(), { times: async () => ({ accessed, created, modified }) });
    const file = new StorageFile(storage, "a");
    expect([await file.accessedTime(), await file.createdTime(), await file.modifiedTime()]).toEqual([
      accessed,
      created,
      modified,
    ]);
  });

  it("knows when it was changed where its storage knows no other times", async () => {
    const storage = new MemoryStorage();
    await storage.save("a", "x");
    const file = new StorageFile(storage, "a");
    expect(await file.modifiedTime()).toEqual((await file.stat()).lastModified);
    expect([await file.accessedTime(), await file.createdTime()]).toEqual([undefined, undefined]);
    await expect(new StorageFile(storage, "b").modifiedTime()).rejects.toThrow(FileNotFoundError);
  });

  it("has a signed URL where its storage has URLs, also when it is described, under its own name", async () => {
    const url = async (name: string, { expiresIn }: SignedUrlOptions = {}): Promise<string> => `/${name}?${expiresIn}`;
    const file = new StorageFile(Object.assign(new MemoryStorage(), { url }), "a");
    const described = new DescribedFile(new DescribedFile(file, { name: "b" }), { name: "c" });
    expect(await file.signedUrl?.({ expiresIn: 60 })).toBe("/a?60");
    expect(await described.signedUrl?.({ expiresIn: 60 })).toBe("/a?60");
    expect(unwrap(described)).toBe(file);
    expect(unwrap(file)).toBe(file);
    expect(new StorageFile(new MemoryStorage(), "a").signedUrl).toBeUndefined();
    expect(new DescribedFile(new StorageFile(new MemoryStorage(), "a"), {}).signedUrl).toBeUndefined();
  });
});
