import { describe, expect, it } from "vitest";
import { HTTPFile } from "../files/remote/http-file.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import { MemoryStorage } from "../storages/memory-storage.ts";
import { StorageFile } from "../storages/storage-file.ts";
import { assertDownloadResponse } from "../testing/index.ts";
import { download } from "./download.ts";

describe("download", () => {
  it.each([
    ["text", "a,b\n"],
    ["bytes", new TextEncoder().encode("a,b\n")],
    ["a Blob", new Blob(["a,b\n"])],
    ["an array", ["a,", "b\n"]],
  ])("serves %s under the name it is given", async (_, content) => {
    await assertDownloadResponse(download(content, { name: "reports/q1.csv" }), {
      filename: "q1.csv",
      attachment: true,
      contentType: "text/csv; charset=utf-8",
      content: "a,b\n",
    });
  });

  it("takes a function that makes the content", async () => {
    const rows = function* (): Generator<string> {
      yield "a,";
      yield "b\n";
    };
    await assertDownloadResponse(download(rows, { name: "q1.csv" }), { content: "a,b\n" });
  });

  it("takes the name and the type of a File", async () => {
    const file = new File(["<p>"], "page.html", { type: "text/html" });
    await assertDownloadResponse(download(file), { filename: "page.html", contentType: "text/html", content: "<p>" });
  });

  it("takes a file as it is", async () => {
    const storage = new MemoryStorage();
    await storage.save("a/b.txt", "stored");
    const file = new StorageFile(storage, "a/b.txt");
    expect(download(file).file).toBe(file);
    await assertDownloadResponse(download(file, { filename: "own.txt" }), { filename: "own.txt", content: "stored" });
  });

  it("takes a URL for a remote file", () => {
    const { file } = download(new URL("https://files.example/a.pdf"));
    expect(file).toBeInstanceOf(HTTPFile);
    expect([file.name, file.url]).toEqual(["a.pdf", "https://files.example/a.pdf"]);
    expect(download(new URL("https://files.example/a.pdf"), { name: "own.pdf" }).getFilename()).toBe("own.pdf");
  });

  it("takes text for text, never for a path or a URL", async () => {
    expect(download("/etc/hostname").file).toBeInstanceOf(VirtualFile);
    await assertDownloadResponse(download("https://files.example/"), { content: "https://files.example/" });
  });

  it("takes every option of a download", async () => {
    const response = download("x", { attachment: false, contentType: "text/x-own", charset: false, status: 203 });
    await assertDownloadResponse(response, { attachment: false, contentType: "text/x-own", status: 203 });
  });

  it.each<unknown>([null, undefined, 7, {}, true])("refuses %j, which has no bytes", (content) => {
    expect(() => download(content as string)).toThrow(TypeError);
  });
});
