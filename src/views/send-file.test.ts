import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { FileNotFoundError, ImproperlyConfiguredError } from "../errors.ts";
import { assertDownloadResponse, temporaryStorage } from "../testing/index.ts";
import { sendFile } from "./send-file.ts";

const storage = await temporaryStorage();
const { root } = storage;
await storage.save("manual été.pdf", "%PDF");
await mkdir(join(root, "public"));
await writeFile(join(root, "public/page.html"), "<p>");
await writeFile(join(root, "public/.env"), "secret");
await symlink("../manual été.pdf", join(root, "public/link.pdf"));
afterAll(() => storage.dispose());

const request = new Request("http://localhost/");

describe("sendFile", () => {
  it("serves a path inline", async () => {
    await assertDownloadResponse(sendFile(request, join(root, "manual été.pdf")), {
      attachment: false,
      filename: "manual été.pdf",
      contentType: "application/pdf",
      size: 4,
      content: "%PDF",
      headers: { "Cache-Control": "private, no-cache, no-transform" },
    });
  });

  it("takes every option of a download", async () => {
    const result = sendFile(request, "page.html", {
      root: join(root, "public"),
      attachment: true,
      filename: "own.txt",
      contentType: "text/x-own",
      charset: "iso-8859-1",
      contentEncoding: "br",
      cacheControl: "no-cache",
      headers: { "X-Own": "yes" },
      status: 203,
    });
    await assertDownloadResponse(result, {
      status: 203,
      attachment: true,
      filename: "own.txt",
      contentType: "text/x-own; charset=iso-8859-1",
      contentEncoding: "br",
      headers: { "Cache-Control": "no-cache", "X-Own": "yes" },
      content: "<p>",
    });
  });

  it("does not take an option that is undefined for a value", async () => {
    await assertDownloadResponse(sendFile(request, join(root, "manual été.pdf"), { attachment: undefined }), {
      attachment: false,
    });
  });

  it("shows a page in a sandbox", async () => {
    await assertDownloadResponse(sendFile(request, join(root, "public/page.html")), {
      headers: { "Content-Security-Policy": /sandbox/ },
    });
  });

  it.each(["missing.pdf", "", ".", "..", "../manual été.pdf", "link.pdf", ".env", "page.html/", "page.html\0"])(
    "has no file for %j below a root",
    async (path) => {
      const options = { root: join(root, "public") };
      await assertDownloadResponse(sendFile(request, path, options), { status: 404 });
    },
  );

  it("rejects with the error that frameworks know", async () => {
    await expect(sendFile(request, "", { root })).rejects.toBeInstanceOf(FileNotFoundError);
    await expect(sendFile(request, "a\0", { root })).rejects.toBeInstanceOf(FileNotFoundError);
  });

  it("serves dotfiles where they are allowed", async () => {
    const options = { root: join(root, "public"), dotfiles: "allow" } as const;
    await assertDownloadResponse(sendFile(request, ".env", options), { content: "secret" });
  });

  it("takes an absolute path that is in the root", async () => {
    await assertDownloadResponse(sendFile(request, join(root, "public/page.html"), { root }), { content: "<p>" });
    await assertDownloadResponse(sendFile(request, "/etc/hostname", { root }), { status: 404 });
  });

  it("refuses an empty root, which would be the working directory", async () => {
    await expect(sendFile(request, "package.json", { root: "" })).rejects.toBeInstanceOf(ImproperlyConfiguredError);
  });
});
