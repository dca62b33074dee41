import { readOpened } from "../files/content.ts";
import { describe, expect, it } from "vitest";
import { ImproperlyConfiguredError, InvalidPathError } from "../errors.ts";
import { DjangoURLSigner } from "./django-url-signer.ts";
import { URLSigner } from "./url-signer.ts";
import { FileSystemStorage } from "../storages/file-system/file-system-storage.ts";
import { MemoryStorage } from "../storages/memory-storage.ts";
import { SignedFileSystemStorage } from "./signed-file-system-storage.ts";
import { SignedStorage } from "./signed-storage.ts";
import { StorageFile } from "../storages/storage-file.ts";
import type { Storage } from "../storages/storage.ts";

const now = (): Date => new Date(Date.UTC(2026, 0, 1));
const signer = new URLSigner({ secrets: "0123456789abcdef0123456789abcdef", now });
const disk = new FileSystemStorage("/srv/media", { baseUrl: "/media" });

describe("the URL of a signed storage", () => {
  const storage = new SignedStorage(disk, signer);

  it.each(["report.pdf", "a b.txt", "100%.txt", "a&b+c.txt", "folder/naïve 日本?#.txt"])(
    "is that of the storage within, signed: %s",
    async (name) => {
      const url = await storage.url(name);
      expect(url.startsWith(`${disk.url?.(name)}?`)).toBe(true);
      const { pathname, search } = new URL(url, "https://example.com");
      expect(await signer.verify({ url: pathname + search })).toMatchObject({ ok: true });
    },
  );

  it("lasts as long, and presents the file, as it is asked to", async () => {
    const url = await storage.url("a.txt", {
      expiresIn: 60,
      contentDisposition: `attachment; filename="naive.txt"; filename*=UTF-8''na%C3%AFve.txt`,
      contentType: "text/plain",
    });
    expect(await signer.verify({ url })).toMatchObject({
      expiresAt: new Date(now().getTime() + 60_000),
      response: { disposition: "attachment", filename: "naïve.txt", contentType: "text/plain" },
    });
    expect(await signer.verify({ url: await storage.url("a.txt") })).not.toHaveProperty("response");
  });

  it("is for the purpose of the storage", async () => {
    const invoices = new SignedStorage(disk, signer, { purpose: "invoice" });
    const url = await invoices.url("a.txt");
    expect(await signer.verify({ url })).toEqual({ ok: false, reason: "invalid" });
    expect(await signer.verify({ url }, { purpose: "invoice" })).toMatchObject({ ok: true });
  });

  it("may be one that the storage within has to work for", async () => {
    const cloud: Storage = Object.assign(new MemoryStorage(), {
      url: async (name: string) => `https://cdn.example/${name}`,
    });
    const url = await new SignedStorage(cloud, signer).url("a.txt");
    expect(url).toMatch(/^https:\/\/cdn\.example\/a\.txt\?X-Expires=/);
  });

  it("may be signed for Django", async () => {
    const django = new DjangoURLSigner({ secretKey: "the key of a Django site" });
    const url = await new SignedStorage(disk, django).url("a.txt");
    expect(url).toMatch(/^\/media\/a\.txt\?X-Signature=\/media\/a\.txt:/);
    await expect(new SignedStorage(disk, django).url("a.txt", { expiresIn: 60 })).rejects.toThrow(
      ImproperlyConfiguredError,
    );
  });

  it("rejects for an invalid name, without an unhandled rejection if the caller does not wait", async () => {
    await expect(storage.url("../secret")).rejects.toThrow(InvalidPathError);
    let unhandled = 0;
    const count = (): void => void (unhandled += 1);
    process.on("unhandledRejection", count);
    expect(new StorageFile(storage, "../secret").url).toBeUndefined();
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", count);
    expect(unhandled).toBe(0);
  });
});

describe("a signed storage", () => {
  it("is the storage within for everything else", async () => {
    const memory: Storage = Object.assign(new MemoryStorage(), { url: (name: string) => `/${name}` });
    const storage = new SignedStorage(memory, signer);
    expect(await storage.save("a/b.txt", "Hello", { contentType: "text/plain" })).toBe("a/b.txt");
    expect(await storage.save("a/b.txt", "Hello", { ifExists: "rename" })).not.toBe("a/b.txt");
    expect(await storage.exists("a/b.txt")).toBe(true);
    expect(await storage.stat("a/b.txt")).toMatchObject({ size: 5, contentType: "text/plain" });
    const open = await storage.open("a/b.txt");
    expect(Buffer.concat(await all(readOpened(open))).toString()).toBe("Hello");
    await open.close();
    await storage.delete("a/b.txt");
    expect(await all(storage.list("a/"))).toHaveLength(1);
    expect(storage.path).toBeUndefined();
  });

  it("has paths where the storage within has some", () => {
    expect(new SignedStorage(disk, signer).path?.("a.txt")).toBe("/srv/media/a.txt");
  });

  it("can't be made of a storage that has no URLs", () => {
    expect(() => new SignedStorage(new MemoryStorage(), signer)).toThrow(ImproperlyConfiguredError);
    expect(() => new SignedFileSystemStorage("/srv", { signer, baseUrl: undefined as unknown as string })).toThrow(
      ImproperlyConfiguredError,
    );
  });

  it("is ready made for a folder", async () => {
    const storage = new SignedFileSystemStorage("/srv/media", { baseUrl: "/media", signer, purpose: "invoice" });
    const url = await storage.url("a.txt");
    expect(await signer.verify({ url }, { purpose: "invoice" })).toMatchObject({ ok: true });
    expect(storage.path?.("a.txt")).toBe("/srv/media/a.txt");
  });
});

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}
