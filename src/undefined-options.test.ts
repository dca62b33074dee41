import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { toNodeHandler, type NodeHandlerOptions } from "./adapters/node/index.ts";
import { toFetchHandler, type FetchHandlerOptions } from "./adapters/fetch.ts";
import { ArchiveFile, type ArchiveOptions } from "./archive/archive-file.ts";
import { defineConfig, type DownloadviewConfig } from "./config/downloadview-config.ts";
import { serverConfiguration, type ServerConfigurationOptions } from "./config/server-configuration.ts";
import { blobFile, type BlobFileOptions } from "./files/blob-file.ts";
import type { DownloadFile } from "./files/download-file.ts";
import { LocalFile, type LocalFileOptions } from "./files/local/local-file.ts";
import type { HTTPFileOptions } from "./files/remote/http-file-options.ts";
import { HTTPFile } from "./files/remote/http-file.ts";
import { VirtualFile, type VirtualFileOptions } from "./files/virtual-file.ts";
import { apache, type ApacheOptions } from "./offload/apache/index.ts";
import { caddy, type CaddyOptions } from "./offload/caddy/index.ts";
import { h2o, type H2oOptions } from "./offload/h2o/index.ts";
import { nginx, XAccelRedirectResponse, type NginxOptions, type XAccelRedirectOptions } from "./offload/nginx/index.ts";
import { redirectToStorage, type RedirectOptions } from "./offload/redirect/index.ts";
import type { OffloadRule } from "./offload/rule.ts";
import { smartDownloadMiddleware, type SmartDownloadOptions } from "./offload/smart-download-middleware.ts";
import { presentationNames, type DownloadOptions } from "./responses/presentation.ts";
import { ProxiedDownloadResponse, type ProxiedDownloadOptions } from "./responses/proxied-download-response.ts";
import { limitedDownloads, type LimitedDownloadsOptions } from "./signing/limited-downloads.ts";
import { MemoryDownloadCounter, type MemoryDownloadCounterOptions } from "./signing/memory-download-counter.ts";
import { signatureRequired, type SignatureRequiredOptions } from "./signing/signature-required.ts";
import { URLSigner, type SignOptions, type URLSignerOptions } from "./signing/url-signer.ts";
import type { VerifyOptions } from "./signing/url-verifier.ts";
import { FileSystemStorage, type FileSystemStorageOptions } from "./storages/file-system/file-system-storage.ts";
import { MemoryStorage } from "./storages/memory-storage.ts";
import { S3Storage, type S3StorageOptions } from "./storages/s3/s3-storage.ts";
import { StorageFile } from "./storages/storage-file.ts";
import type { SaveOptions } from "./storages/storage.ts";
import { download } from "./views/download.ts";
import { sendFile, type SendFileOptions } from "./views/send-file.ts";

/** Each option of a type but those that it must have: a new option is a compile error until it is in the table. */
type Optional<T> = { [Name in keyof T as {} extends Pick<T, Name> ? Name : never]-?: true };
const names = <T>(all: Optional<T>): readonly string[] => Object.keys(all);
/** Most projects compile without `exactOptionalPropertyTypes`: there, `undefined` is a value of every option. */
const given = <T extends object>(required: Partial<T>, undefinedOnes: object): T =>
  ({ ...required, ...undefinedOnes }) as T;

const now = (): Date => new Date("2026-01-31T12:00:00Z");
const page = new File(["hello"], "photo.png", { type: "image/png", lastModified: 1.7e12 });
const readme = fileURLToPath(new URL("../README.md", import.meta.url));
const request = (): Request => new Request("http://localhost/a.txt");
const handler = async (): Promise<ReturnType<typeof download>> => download("hello", { name: "a.txt" });
const storage = new MemoryStorage();
const presentation = Object.fromEntries(presentationNames.map((name) => [name, true]));
const signer = new URLSigner({ secrets: "s".repeat(32), now });
const config: DownloadviewConfig = {
  backend: nginx(),
  rules: [{ sourceDir: "/srv/media", destinationUrl: "/_downloads/" }],
};

/** What can be told of a download: its status and its fields, but for the time at which it was made. */
async function told(result: unknown): Promise<unknown> {
  const { status, headers } = await (result as ReturnType<typeof download>).render(request());
  return [status, headers];
}

async function about(file: DownloadFile): Promise<unknown> {
  return [file.name, file.path, file.url, await told(download(file))];
}

type Case = readonly [what: string, names: readonly string[], observe: (options: object) => unknown];

const table: readonly Case[] = [
  [
    "DownloadOptions",
    Object.keys(presentation),
    (options) => told(download(page, given<DownloadOptions>({}, options))),
  ],
  [
    "VirtualFileOptions",
    names<VirtualFileOptions>({
      name: true,
      url: true,
      size: true,
      lastModified: true,
      etag: true,
      contentType: true,
      contentEncoding: true,
      ranges: true,
      wasModifiedSince: true,
    }),
    (options) => about(new VirtualFile(page, given<VirtualFileOptions>({}, options))),
  ],
  [
    "BlobFileOptions",
    names<BlobFileOptions>({
      name: true,
      url: true,
      lastModified: true,
      etag: true,
      contentType: true,
      contentEncoding: true,
      wasModifiedSince: true,
      chunkSize: true,
    }),
    (options) => about(blobFile(given<BlobFileOptions>({ size: 1, read: () => new Uint8Array(1) }, options))),
  ],
  [
    // A `root` that is undefined is a setting that is missing: it is refused, as the whole disk would be served.
    "LocalFileOptions",
    names<Omit<LocalFileOptions, "root">>({ name: true, dotfiles: true, etag: true }),
    (options) => about(new LocalFile(readme, given<LocalFileOptions>({}, options))),
  ],
  [
    "HTTPFileOptions",
    names<HTTPFileOptions>({
      name: true,
      requestInit: true,
      fetch: true,
      resolve: true,
      allowedHosts: true,
      maxBytes: true,
      timeout: true,
      connectTimeout: true,
      idleTimeout: true,
    }),
    // The address is refused by default, whatever else is undefined.
    (options) => new HTTPFile("http://127.0.0.1:1/a.txt", given<HTTPFileOptions>({}, options)).stat().catch(String),
  ],
  [
    "FileSystemStorageOptions",
    names<FileSystemStorageOptions>({ baseUrl: true, etag: true, dotfiles: true, fileMode: true, directoryMode: true }),
    async (options) => {
      const files = new FileSystemStorage(
        fileURLToPath(new URL("..", import.meta.url)),
        given<FileSystemStorageOptions>({}, options),
      );
      return [files.url, await about(new StorageFile(files, "README.md"))];
    },
  ],
  [
    "S3StorageOptions",
    names<S3StorageOptions>({
      prefix: true,
      timeout: true,
      idleTimeout: true,
      versionId: true,
      requestPayer: true,
      expectedBucketOwner: true,
      sseCustomer: true,
    }),
    async (options) => {
      const sent: unknown[] = [];
      const client = { send: async ({ input }: { input: unknown }) => (sent.push(input), { ContentLength: 5 }) };
      const files = new S3Storage(client as never, given<S3StorageOptions>({ bucket: "b" }, options));
      await files.stat("a.txt");
      return JSON.stringify(sent);
    },
  ],
  [
    "SaveOptions",
    names<SaveOptions>({ ifExists: true, contentType: true, signal: true, readable: true, acceptEncoding: true }),
    async (options) => {
      await storage.save("a.txt", "before");
      const name = await storage.save("a.txt", "after", given<SaveOptions>({}, options));
      const { lastModified: _, ...stat } = await storage.stat(name);
      return [name, stat];
    },
  ],
  [
    "ArchiveOptions",
    names<ArchiveOptions>({
      format: true,
      name: true,
      duplicates: true,
      missing: true,
      maxEntries: true,
      maxBytes: true,
      fingerprints: true,
    }),
    (options) =>
      about(new ArchiveFile([{ name: "a.txt", file: new VirtualFile("A") }], given<ArchiveOptions>({}, options))),
  ],
  [
    "SendFileOptions",
    [
      ...Object.keys(presentation),
      ...names<Pick<SendFileOptions, "dotfiles" | "etag">>({ dotfiles: true, etag: true }),
    ],
    async (options) => told(await sendFile(request(), readme, given<SendFileOptions>({}, options))),
  ],
  [
    "ProxiedDownloadOptions",
    names<ProxiedDownloadOptions>({ status: true, headers: true, file: true, onFinish: true }),
    (options) => told(new ProxiedDownloadResponse(given<ProxiedDownloadOptions>({}, options))),
  ],
  [
    "FetchHandlerOptions",
    names<FetchHandlerOptions>({ Response: true, onError: true }),
    async (options) => {
      const response = await toFetchHandler(handler, given<FetchHandlerOptions>({}, options))(request());
      return [response.status, [...response.headers]];
    },
  ],
  [
    "NodeHandlerOptions",
    names<NodeHandlerOptions>({ params: true, onError: true }),
    (options) => typeof toNodeHandler(handler, given<NodeHandlerOptions>({}, options)),
  ],
  [
    "URLSignerOptions",
    names<URLSignerOptions>({ expiresIn: true, bindHost: true, ignoreParameters: true, now: true }),
    async (options) => {
      const made = new URLSigner(given<URLSignerOptions>({ secrets: "s".repeat(32) }, options));
      return Object.keys(Object.fromEntries(new URL(await made.sign("http://a/b")).searchParams));
    },
  ],
  [
    "SignOptions",
    names<SignOptions>({
      expiresIn: true,
      expiresAt: true,
      method: true,
      headers: true,
      ipPrefix: true,
      purpose: true,
      response: true,
    }),
    (options) => signer.sign("/b", given<SignOptions>({}, options)),
  ],
  [
    "VerifyOptions",
    names<VerifyOptions>({ purpose: true, ip: true, expiredFor: true }),
    async (options) =>
      signer.verify(new Request(`http://a${await signer.sign("/b")}`), given<VerifyOptions>({}, options)),
  ],
  [
    "SignatureRequiredOptions",
    names<SignatureRequiredOptions>({
      purpose: true,
      url: true,
      ip: true,
      prefixes: true,
      resumeFor: true,
      sentVersions: true,
      now: true,
    }),
    async (options) => {
      const guarded = signatureRequired(handler, given<SignatureRequiredOptions>({ signer }, options));
      const url = `http://a${await signer.sign("/b")}`;
      const context = { params: {}, native: undefined };
      const refused = await Promise.resolve(guarded(new Request("http://a/b"), context)).catch(String);
      return [refused, await told(await guarded(new Request(url), context))];
    },
  ],
  [
    "LimitedDownloadsOptions",
    names<LimitedDownloadsOptions>({
      counter: true,
      count: true,
      restarts: true,
      within: true,
      resumeWithin: true,
      key: true,
      client: true,
      previews: true,
      now: true,
    }),
    async (options) => {
      const limited = limitedDownloads(handler, given<LimitedDownloadsOptions>({ limit: 1 }, options));
      const signed = signatureRequired(limited, { signer });
      const url = `http://a${await signer.sign("/b")}`;
      const ask = async (): Promise<unknown> => {
        const agent = { "User-Agent": "Slackbot-LinkExpanding 1.0" };
        const requests = [new Request(url, { headers: agent }), new Request(url), new Request(url)];
        const answers: unknown[] = [];
        for (const one of requests) {
          answers.push(await toFetchHandler(signed)(one).then((response) => response.status, String));
        }
        return answers;
      };
      return ask();
    },
  ],
  [
    "MemoryDownloadCounterOptions",
    names<MemoryDownloadCounterOptions>({ maxLinks: true }),
    (options) => typeof new MemoryDownloadCounter(given<MemoryDownloadCounterOptions>({}, options)),
  ],
  [
    "NginxOptions",
    names<NginxOptions>({
      headers: true,
      hidden: true,
      archives: true,
      resolver: true,
      log: true,
      trustedCertificates: true,
    }),
    (options) =>
      serverConfiguration("nginx", defineConfig({ ...config, backend: nginx(given<NginxOptions>({}, options)) }), {
        app: "http://127.0.0.1:3000",
      }),
  ],
  [
    "ApacheOptions",
    names<ApacheOptions>({ unescape: true, modules: true, log: true }),
    (options) =>
      serverConfiguration(
        "apache",
        defineConfig({
          backend: apache(given<ApacheOptions>({}, options)),
          rules: [{ sourceDir: "/srv/media", destinationDir: "/srv/media" }],
        }),
        { app: "http://127.0.0.1:3000" },
      ),
  ],
  [
    "CaddyOptions",
    names<CaddyOptions>({ log: true }),
    (options) =>
      serverConfiguration(
        "caddy",
        defineConfig({
          backend: caddy(given<CaddyOptions>({}, options)),
          rules: [{ sourceDir: "/srv/media", destinationDir: "/srv/media" }],
        }),
        { app: "http://127.0.0.1:3000" },
      ),
  ],
  [
    "H2oOptions",
    names<H2oOptions>({ socket: true, user: true }),
    (options) =>
      serverConfiguration("h2o", defineConfig({ ...config, backend: h2o(given<H2oOptions>({}, options)) }), {
        app: "http://127.0.0.1:3000",
      }),
  ],
  [
    "OffloadRule",
    names<Omit<OffloadRule, "sourceDir" | "destinationUrl">>({
      sourceUrl: true,
      destinationDir: true,
      backend: true,
      expires: true,
      withBuffering: true,
      limitRate: true,
      presigned: true,
    }),
    async (options) => {
      const rule = given<OffloadRule>(
        { sourceDir: readme.replace(/README\.md$/, ""), destinationUrl: "/_downloads/" },
        options,
      );
      return told(
        await smartDownloadMiddleware({ backend: nginx(), rules: [rule] })(download(new LocalFile(readme)), request()),
      );
    },
  ],
  [
    "SmartDownloadOptions",
    names<Pick<SmartDownloadOptions, "debug">>({ debug: true }),
    async (options) =>
      told(
        await smartDownloadMiddleware(given<SmartDownloadOptions>({ backend: "none", rules: [] }, options))(
          await handler(),
          request(),
        ),
      ),
  ],
  [
    "ServerConfigurationOptions",
    names<Omit<ServerConfigurationOptions, "app">>({
      listen: true,
      serverName: true,
      tls: true,
      pid: true,
      part: true,
      locations: true,
      authRequest: true,
    }),
    (options) =>
      serverConfiguration(
        "nginx",
        defineConfig(config),
        given<ServerConfigurationOptions>({ app: "http://127.0.0.1:3000" }, options),
      ),
  ],
  [
    "RedirectOptions",
    names<RedirectOptions>({ url: true, when: true }),
    async (options) =>
      told(await redirectToStorage(given<RedirectOptions>({ expiresIn: 60 }, options))(await handler(), request())),
  ],
  [
    "XAccelRedirectOptions",
    [
      ...names<Pick<XAccelRedirectOptions, "source" | "backend" | "expires" | "withBuffering" | "limitRate" | "file">>({
        source: true,
        backend: true,
        expires: true,
        withBuffering: true,
        limitRate: true,
        file: true,
      }),
      ...Object.keys(presentation).filter((name) => name !== "status"),
    ],
    (options) =>
      told(new XAccelRedirectResponse(given<XAccelRedirectOptions>({ redirectUrl: "/_downloads/a.txt" }, options))),
  ],
];

describe("an option that is undefined is one that is absent", () => {
  it.each(table)("in %s", async (_, names, observe) => {
    const absent = await observe({});
    for (const name of names) {
      expect([name, await observe({ [name]: undefined })]).toEqual([name, absent]);
    }
    expect(await observe(Object.fromEntries(names.map((name) => [name, undefined])))).toEqual(absent);
  });
});
