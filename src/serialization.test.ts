import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ArchiveDownloadView } from "./archive/archive-download-view.ts";
import { ArchiveFile } from "./archive/archive-file.ts";
import { DescribedFile } from "./files/described-file.ts";
import { HTTPFile } from "./files/remote/http-file.ts";
import { KeptFiles } from "./kept/index.ts";
import { LocalFile } from "./files/local/local-file.ts";
import { PrecompressedFile } from "./files/local/precompressed-file.ts";
import { VirtualFile } from "./files/virtual-file.ts";
import { nginx, XAccelRedirectResponse } from "./offload/nginx/index.ts";
import { DownloadDispatcher } from "./offload/download-dispatcher.ts";
import { RedirectedDownloadResponse } from "./offload/redirect/redirected-download-response.ts";
import { smartDownloadMiddleware } from "./offload/smart-download-middleware.ts";
import { DownloadResponse } from "./responses/download-response.ts";
import { ProxiedDownloadResponse } from "./responses/proxied-download-response.ts";
import { DjangoURLSigner } from "./signing/django-url-signer.ts";
import { HmacKey } from "./signing/hmac-key.ts";
import { URLSigner } from "./signing/url-signer.ts";
import { BlobProviderStorage } from "./storages/third-party/blob-provider-storage.ts";
import { FileSystemStorage } from "./storages/file-system/file-system-storage.ts";
import { FlyDriveStorage } from "./storages/third-party/flydrive-storage.ts";
import { MemoryStorage } from "./storages/memory-storage.ts";
import { ObjectStorage } from "./storages/object-store/object-storage.ts";
import { SignedFileSystemStorage } from "./signing/signed-file-system-storage.ts";
import { SignedStorage } from "./signing/signed-storage.ts";
import { StorageFile } from "./storages/storage-file.ts";
import { UnstorageStorage } from "./storages/third-party/unstorage-storage.ts";
import { DownloadMixin } from "./views/base-download-view.ts";
import { HTTPDownloadView } from "./views/http-download-view.ts";
import { ObjectDownloadView } from "./views/object-download-view.ts";
import { PathDownloadView } from "./views/path-download-view.ts";
import { StorageDownloadView } from "./views/storage-download-view.ts";
import { VirtualDownloadView } from "./views/virtual-download-view.ts";

const secret = "s3cr3t-s3cr3t-s3cr3t-s3cr3t-s3cr3t";
const remote = `https://user:${secret}@files.example/a.txt?token=${secret}`;
const signer = new URLSigner({ secrets: secret });
const memory = new MemoryStorage();
const text = new VirtualFile("hello", { name: "a.txt" });
const download = new DownloadResponse(text);
const store = { client: { secret } } as never;

class Plain extends DownloadMixin(Object) {}

const values: readonly (readonly [name: string, value: object])[] = [
  ["DownloadResponse of a local file", new DownloadResponse(new LocalFile("/srv/a.txt"))],
  ["DownloadResponse of a remote file", new DownloadResponse(new HTTPFile(remote))],
  ["ProxiedDownloadResponse", new ProxiedDownloadResponse({ file: new LocalFile("/srv/a.txt") })],
  ["XAccelRedirectResponse", new XAccelRedirectResponse({ redirectUrl: "/_downloads/a.txt", source: download })],
  [
    "RedirectedDownloadResponse",
    new RedirectedDownloadResponse(download, { expiresIn: 60, url: () => remote, when: () => true }),
  ],
  ["DownloadDispatcher", new DownloadDispatcher([smartDownloadMiddleware({ backend: nginx(), rules: [] })])],
  ["LocalFile", new LocalFile("/srv/a.txt")],
  ["PrecompressedFile", new PrecompressedFile("/srv/a.txt", ["gzip"], null)],
  ["HTTPFile", new HTTPFile(remote, { requestInit: { headers: { Authorization: secret } } })],
  ["VirtualFile", text],
  ["ArchiveFile", new ArchiveFile([{ name: "a.txt", file: new HTTPFile(remote) }])],
  ["ArchiveDownloadView", new ArchiveDownloadView()],
  ["DescribedFile", new DescribedFile(new HTTPFile(remote), {})],
  ["StorageFile", new StorageFile(memory, "a.txt")],
  ["FileSystemStorage", new FileSystemStorage("/srv")],
  ["MemoryStorage", memory],
  ["SignedStorage", new SignedStorage(new FileSystemStorage("/srv", { baseUrl: "/media/" }), signer)],
  ["SignedFileSystemStorage", new SignedFileSystemStorage("/srv", { baseUrl: "/media/", signer })],
  ["ObjectStorage", new ObjectStorage(store)],
  ["BlobProviderStorage", new BlobProviderStorage(store)],
  ["FlyDriveStorage", new FlyDriveStorage(store)],
  ["UnstorageStorage", new UnstorageStorage(store)],
  ["KeptFiles", new KeptFiles({ folder: "/var/cache/app" })],
  ["DerivedFile", new KeptFiles({ folder: "/var/cache/app" }).derive(text, { recipe: "br", key: [secret] })],
  ["URLSigner", signer],
  ["DjangoURLSigner", new DjangoURLSigner({ secretKey: secret })],
  ["HmacKey", new HmacKey("SHA-256", () => new TextEncoder().encode(secret))],
  ["PathDownloadView", Object.assign(new PathDownloadView(), { root: "/srv" })],
  ["StorageDownloadView", Object.assign(new StorageDownloadView(), { storage: memory })],
  ["ObjectDownloadView", Object.assign(new ObjectDownloadView(), { storage: memory })],
  ["VirtualDownloadView", new VirtualDownloadView()],
  ["HTTPDownloadView", Object.assign(new HTTPDownloadView(), { url: remote, requestInit: { headers: { secret } } })],
  ["a class with DownloadMixin", new Plain()],
];

describe.each(values)("%s", (_name, value) => {
  it("refuses to be turned into JSON, on its own and inside of something else", () => {
    for (const outer of [value, { value }, [value], { data: { deep: [value] } }]) {
      expect(() => JSON.stringify(outer)).toThrow(TypeError);
    }
  });

  it("names neither a path nor a secret in the error, which a framework may show to a client", () => {
    let message = "";
    try {
      JSON.stringify(value);
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain("cannot be turned into JSON");
    expect(message).not.toMatch(/srv|_downloads|s3cr3t/);
  });

  it("shows no secret in a log and no path as a text", () => {
    expect(inspect(value, { depth: Infinity, showHidden: false })).not.toContain(secret);
    expect(String(value)).toBe("[object Object]");
  });
});

describe("opened files", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "serialization-"));
    await writeFile(join(folder, "a.txt"), "hello");
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each([
    ["of a local file", () => new LocalFile(join(folder, "a.txt"))],
    ["of text", () => new VirtualFile("hello")],
    ["of a stream", () => new VirtualFile(new Blob(["hello"]).stream())],
    ["of a described file", () => new DescribedFile(new VirtualFile("hello"), { size: 5 })],
    [
      "of a remote file",
      () => new HTTPFile(`https://files.example/a.txt?token=${secret}`, { fetch: async () => new Response("hello") }),
    ],
  ])("refuse to be turned into JSON: %s", async (_name, makeFile) => {
    const opened = await makeFile().open();
    expect(() => JSON.stringify({ opened })).toThrow("cannot be turned into JSON");
    expect(inspect(opened, { depth: Infinity })).not.toContain(secret);
    await opened.close();
  });
});

it("keeps the toJSON of a class that DownloadMixin is added to", () => {
  class Report {
    toJSON(): unknown {
      return { title: "Q1" };
    }
  }
  class Served extends DownloadMixin(Report) {}
  expect(JSON.stringify(new Served())).toBe('{"title":"Q1"}');
});

it("names send() of each framework where a download was returned and not sent", () => {
  expect(() => JSON.stringify(download)).toThrow(
    /DownloadResponse cannot be turned into JSON\. Send it with send\(\).*Express.*send\(req, res, download\).*Koa.*Fastify: return send\(reply, download\).*Hono.*Nest/,
  );
});
