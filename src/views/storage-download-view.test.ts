import { describe, expect, it } from "vitest";
import { respond } from "../../tests/views/respond.ts";
import { ImproperlyConfiguredError } from "../errors.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import { MemoryStorage } from "../storages/memory-storage.ts";
import { StorageFile } from "../storages/storage-file.ts";
import { assertDownloadResponse, setupView, temporaryStorage } from "../testing/index.ts";
import { StorageDownloadView } from "./storage-download-view.ts";

const storage = new MemoryStorage();
await storage.save("HELLO.TXT", "HELLO");
await storage.save("a/hello été.txt", "Hello");
await storage.save(".hidden", "hidden");

describe("StorageDownloadView", () => {
  it("serves the file that the URL names", async () => {
    const handler = StorageDownloadView.asView({ storage });
    await assertDownloadResponse(respond(handler, { params: { path: "a/hello été.txt" } }), {
      filename: "hello été.txt",
      contentType: "text/plain",
      content: "Hello",
    });
  });

  it("serves its path where the URL gives none", async () => {
    const handler = StorageDownloadView.asView({ storage, path: "HELLO.TXT" });
    await assertDownloadResponse(respond(handler), { content: "HELLO" });
    await assertDownloadResponse(respond(handler, { params: { path: "a/hello été.txt" } }), { content: "Hello" });
  });

  it("takes another parameter of the URL", async () => {
    const handler = StorageDownloadView.asView({ storage, pathParam: "key" });
    await assertDownloadResponse(respond(handler, { params: { key: "HELLO.TXT", path: "x" } }), { content: "HELLO" });
  });

  it("lets getPath() be overridden, as to upper case", async () => {
    class UpperCase extends StorageDownloadView {
      override storage = storage;
      override async getPath(): Promise<string | undefined> {
        return (await super.getPath())?.toUpperCase();
      }
    }
    expect(await setupView(new UpperCase(), "/", { path: "dummy path" }).getPath()).toBe("DUMMY PATH");
    await assertDownloadResponse(respond(UpperCase.asView(), { params: { path: "hello.txt" } }), { content: "HELLO" });
  });

  it("gives a StorageFile", async () => {
    const view = setupView(Object.assign(new StorageDownloadView(), { storage }), "/", { path: "HELLO.TXT" });
    expect(await view.getFile()).toEqual(new StorageFile(storage, "HELLO.TXT"));
  });

  it.each([
    undefined,
    "",
    "missing.txt",
    "..",
    "../x",
    "a",
    "a/",
    "/HELLO.TXT",
    "a//hello été.txt",
    "HELLO.TXT\0",
    "\\",
  ])("has no file for %j, in memory or on disk", async (path) => {
    await using disk = await temporaryStorage();
    await disk.save("a/hello été.txt", "Hello");
    for (const place of [storage, disk]) {
      const response = await respond(StorageDownloadView.asView({ storage: place }), { params: { path } });
      expect([response.status, await response.text()]).toEqual([404, "Not Found\n"]);
    }
  });

  it("is refused without a storage", () => {
    expect(() => StorageDownloadView.asView()).toThrow(ImproperlyConfiguredError);
    expect(() => StorageDownloadView.asView({ path: "a.txt" })).toThrow("asView({ storage");
  });

  it("is refused with an empty path", () => {
    expect(() => StorageDownloadView.asView({ storage, path: "" })).toThrow(ImproperlyConfiguredError);
  });

  it("needs no storage where a subclass has a getFile() of its own", async () => {
    const handler = StorageDownloadView.asView({ getFile: () => new VirtualFile("own", { name: "own.txt" }) });
    await assertDownloadResponse(respond(handler), { content: "own" });
  });
});

it("takes the storage that getStorage() chooses for a request", async () => {
  const mine = new MemoryStorage();
  await mine.save("a.txt", "mine");
  class TenantView extends StorageDownloadView {
    override getStorage(): MemoryStorage {
      return this.params["tenant"] === "me" ? mine : new MemoryStorage();
    }
  }
  const handler = TenantView.asView({ getStorage: TenantView.prototype.getStorage });
  const responses = ["me", "other"].map((tenant) => respond(handler, { params: { tenant, path: "a.txt" } }));
  expect((await Promise.all(responses)).map(({ status }) => status)).toEqual([200, 404]);
});
