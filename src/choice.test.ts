import { describe, expect, it } from "vitest";
import { ArchiveDownloadView } from "./archive/archive-download-view.ts";
import { ArchiveFile } from "./archive/archive-file.ts";
import { ImproperlyConfiguredError } from "./errors.ts";
import { LocalFile } from "./files/local/local-file.ts";
import { VirtualFile } from "./files/virtual-file.ts";
import { contentDisposition } from "./http/content-disposition.ts";
import { DownloadResponse } from "./responses/download-response.ts";
import { DjangoURLSigner } from "./signing/django-url-signer.ts";
import { limitedDownloads } from "./signing/limited-downloads.ts";
import { URLSigner } from "./signing/url-signer.ts";
import { FileSystemStorage } from "./storages/file-system/file-system-storage.ts";
import { MemoryStorage } from "./storages/memory-storage.ts";
import { S3Storage } from "./storages/s3/s3-storage.ts";
import { smartDownloadMiddleware } from "./offload/smart-download-middleware.ts";
import { download } from "./views/download.ts";
import { PathDownloadView } from "./views/path-download-view.ts";
import { sendFile } from "./views/send-file.ts";
import { StorageDownloadView } from "./views/storage-download-view.ts";
import { VirtualDownloadView } from "./views/virtual-download-view.ts";

/** As JavaScript passes it: nothing looks at its type. */
const untyped = (value: unknown): never => value as never;
const file = new VirtualFile("<script>", { name: "a.html" });
const storage = new MemoryStorage();
const request = new Request("http://localhost/");
const handler = async (): Promise<DownloadResponse> => download("", { name: "a" });

const page = { getFile: () => file, attachment: false };

describe("an option with a closed set of values", () => {
  it.each<[string, () => unknown, string]>([
    ["activeContent", () => VirtualDownloadView.asView({ ...page, activeContent: untyped("sandox") }), '"sandox"'],
    ["activeContent", () => VirtualDownloadView.asView({ ...page, activeContent: untyped(false) }), "got false"],
    ["activeContent", () => new DownloadResponse(file, { activeContent: untyped("Allow") }), '"Allow"'],
    ["activeContent", () => download("", { activeContent: untyped("none") }), '"none"'],
    ["activeContent", () => sendFile(request, "/a", { activeContent: untyped("block") }), '"block"'],
    ["attachment", () => VirtualDownloadView.asView({ ...page, attachment: untyped("no") }), '"no"'],
    ["attachment", () => VirtualDownloadView.asView({ ...page, attachment: untyped(null) }), "got null"],
    ["inlineTypes", () => VirtualDownloadView.asView({ ...page, inlineTypes: untyped("image/*") }), '"image/*"'],
    ["inlineTypes", () => download("", { inlineTypes: ["images"] }), '["images"]'],
    ["inlineTypes", () => download("", { inlineTypes: ["*/png"] }), '["*/png"]'],
    ["charset", () => VirtualDownloadView.asView({ ...page, charset: untyped(true) }), "got true"],
    ["cacheControl", () => VirtualDownloadView.asView({ ...page, cacheControl: "" }), 'got ""'],
    ["cacheControl", () => VirtualDownloadView.asView({ ...page, cacheControl: untyped(null) }), "got null"],
    ["status", () => download("", { status: 2000 }), "got 2000"],
    ["limitRate", () => download("", { limitRate: Number.NaN }), "got NaN"],
    ["limitRate", () => VirtualDownloadView.asView({ ...page, limitRate: untyped("1 MB") }), '"1 MB"'],
    ["dotfiles", () => PathDownloadView.asView({ root: "/srv", dotfiles: untyped("alow") }), '"alow"'],
    ["dotfiles", () => PathDownloadView.asView({ path: "/srv/a", dotfiles: untyped(true) }), "got true"],
    ["dotfiles", () => StorageDownloadView.asView({ storage, dotfiles: untyped("ignore") }), '"ignore"'],
    ["dotfiles", () => new LocalFile("a", { root: "/srv", dotfiles: untyped(".env") }), '".env"'],
    ["dotfiles", () => new LocalFile("/srv/a", { dotfiles: untyped("denied") }), '"denied"'],
    ["dotfiles", () => new FileSystemStorage("/srv", { dotfiles: untyped(["a", 1]) }), '["a",1]'],
    ["dotfiles", () => sendFile(request, "a", { root: "/srv", dotfiles: untyped("allow ") }), '"allow "'],
    ["etag", () => PathDownloadView.asView({ root: "/srv", etag: untyped("contents") }), '"contents"'],
    ["precompressed", () => PathDownloadView.asView({ root: "/srv", precompressed: untyped(["gz"]) }), '["gz"]'],
    ["precompressed", () => PathDownloadView.asView({ root: "/srv", precompressed: untyped("br") }), '"br"'],
    ["format", () => ArchiveDownloadView.asView({ getEntries: () => [], format: untyped("tgz") }), '"tgz"'],
    ["duplicates", () => new ArchiveFile([], { duplicates: untyped("reject") }), '"reject"'],
    ["missing", () => new ArchiveFile([], { missing: untyped("skip") }), '"skip"'],
    ["count", () => limitedDownloads(handler, { limit: 1, count: untyped("finished") }), '"finished"'],
    ["previews", () => limitedDownloads(handler, { limit: 1, previews: untyped("ignore") }), '"ignore"'],
    ["algorithm", () => new DjangoURLSigner({ secretKey: "key", algorithm: untyped("md5") }), '"md5"'],
    [
      "disposition",
      () => new URLSigner({ secrets: "s".repeat(32) }).sign("/a", { response: { disposition: untyped("inlin") } }),
      '"inlin"',
    ],
    [
      "requestPayer",
      () => new S3Storage(untyped({ send: async () => ({}) }), { bucket: "b", requestPayer: untyped("owner") }),
      '"owner"',
    ],
    [
      "backend",
      () => smartDownloadMiddleware({ backend: untyped("nginx"), rules: [{ sourceDir: "/a", destinationUrl: "/b/" }] }),
      "backend",
    ],
    ["ifExists", () => storage.save("a", "", { ifExists: untyped("overwrite") }), '"overwrite"'],
    ["ifExists", () => new FileSystemStorage("/srv").save("a", "", { ifExists: untyped("keep") }), '"keep"'],
    [
      "ifExists",
      () =>
        new S3Storage(untyped({ send: async () => ({}) }), { bucket: "b" }).save("a", "", {
          ifExists: untyped("fial"),
        }),
      '"fial"',
    ],
  ])("%s is refused with a value that it does not have: %s", async (name, make, got) => {
    const error: unknown = await attempt(make);
    expect(error).toBeInstanceOf(ImproperlyConfiguredError);
    expect((error as Error).message).toContain(name);
    expect((error as Error).message).toContain(got);
  });

  it.each(["sandox", "Allow", "", null, 0, true, {}])(
    "shows active content without a sandbox for no other value than allow: %j",
    async (activeContent) => {
      const response = download("<script>", { name: "a.html", attachment: false });
      response.activeContent = untyped(activeContent);
      const { headers } = await response.render(request);
      expect(headers).toContain("Content-Security-Policy");
    },
  );

  it.each([null, 0, "", "false", Number.NaN])(
    "shows a file for no other value of attachment than false: %j",
    async (value) => {
      const given = download("", { name: "a.txt", attachment: untyped(value) });
      const set = download("", { name: "a.txt", attachment: false });
      set.attachment = untyped(value);
      for (const response of [given, set]) {
        expect((await response.render(request)).headers).toContain('attachment; filename="a.txt"');
      }
    },
  );

  it("has an unknown disposition saved", () => {
    expect(contentDisposition(untyped("Inline"), "a.txt")).toBe('attachment; filename="a.txt"');
  });
});

async function attempt(make: () => unknown): Promise<unknown> {
  try {
    return await make();
  } catch (error) {
    return error;
  }
}
