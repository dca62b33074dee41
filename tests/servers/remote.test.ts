import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFile, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import express from "express";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  DownloadResponse,
  HTTPDownloadView,
  HTTPFile,
  MemoryStorage,
  ObjectDownloadView,
  smartDownloadMiddleware,
  StorageDownloadView,
  VirtualFile,
  withMiddleware,
  type DownloadFile,
  type DownloadHandler,
  type Storage,
  type SignedUrlOptions,
} from "downloadview";
import { defineConfig, serverConfiguration, type DownloadviewConfig } from "downloadview/config";
import { toExpressHandler } from "downloadview/express";
import { toFetchHandler } from "downloadview/fetch";
import { nginx } from "downloadview/nginx";
import { toNodeHandler } from "downloadview/node";
import { offloadFields } from "../../src/http/offload-fields.ts";
import { serve, type Application } from "./support/application.ts";
import { ask } from "./support/client.ts";
import { isInstalled, publicFolder, startProxy, syntaxFault, type Proxy } from "./support/proxy.ts";

const content = "0123456789";
const etag = '"of-the-store"';

/** An object store that answers signed requests alone, and remembers what it was asked. */
class Store {
  readonly seen: IncomingMessage[] = [];
  readonly #handler = toNodeHandler(async () => {
    const file = new VirtualFile(content, { name: "key", etag, contentType: "application/x-of-the-store" });
    const headers = { "Set-Cookie": "store=1", "X-Amz-Id": "secret", "Cache-Control": "public" };
    return new DownloadResponse(file, { filename: "of-the-store", headers });
  });

  readonly listener: RequestListener = (request, response) => {
    this.seen.push(request);
    const { searchParams, pathname } = new URL(request.url ?? "/", "http://store");
    if (searchParams.get("signature") !== "a b/c") {
      response.writeHead(403, { "Content-Type": "application/xml" }).end("<Error>bucket secret-bucket</Error>");
    } else if (pathname.includes("missing")) {
      response.writeHead(404).end("<Error>key</Error>");
    } else void this.#handler(request, response);
  };
}

/** The storage on this side: it knows the files, and signs URLs for the store. */
class SigningStorage extends MemoryStorage {
  base = "";
  url(name: string, _options?: SignedUrlOptions): Promise<string> {
    const path = name.split("/").map(encodeURIComponent).join("/");
    return Promise.resolve(`${this.base}/bucket/${path}?signature=a%20b%2Fc`);
  }
  override async stat(name: string): ReturnType<Storage["stat"]> {
    return { ...(await super.stat(name)), etag };
  }
}

describe.skipIf(!isInstalled("nginx"))("a remote object behind nginx", () => {
  const store = new Store();
  const storage = new SigningStorage();
  let storeServer: Application;
  let app: Application;
  let proxy: Proxy;
  let config: DownloadviewConfig;

  beforeAll(async () => {
    storeServer = await serve(store.listener);
    storage.base = storeServer.url;
    for (const name of ["a b%.txt", "missing.txt"]) await storage.save(name, content);
    config = defineConfig({
      backend: nginx({ headers: ["X-Test"] }),
      rules: [
        { sourceUrl: `${storeServer.url}/bucket/`, destinationUrl: "/_remote/", presigned: true },
        { sourceUrl: `${storeServer.url}/open/`, destinationUrl: "/_open/" },
      ],
    });
    const offload = smartDownloadMiddleware(config);
    const server = express();
    const headers = { "X-Test": "1", "Set-Cookie": ["a=1", "b=2"] };
    const view = StorageDownloadView.asView({ storage, headers });
    server.get("/files/*path", toExpressHandler(withMiddleware(view, offload)));
    const rows = ObjectDownloadView.asView({ storage, getObject: () => Promise.resolve({ file: "a b%.txt" }) });
    server.get("/object", toExpressHandler(withMiddleware(rows, offload)));
    const known: DownloadFile = new HTTPFile(`${storeServer.url}/open/x?signature=a%20b%2Fc`, {
      allowedHosts: [new URL(storeServer.url).host],
    });
    server.get(
      "/open",
      toExpressHandler(async (request) => offload(new DownloadResponse(known), request)),
    );
    // A field that got past the application.
    server.get("/elsewhere", (request, response) => {
      response.set({ "X-Accel-Redirect": "/_remote/", "X-Remote-Url": String(request.query["url"]) }).end();
    });
    app = await serve(server);
    proxy = await startProxy("nginx", config, app.url);
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await app?.[Symbol.asyncDispose]();
    await storeServer?.[Symbol.asyncDispose]();
  });

  const path = "/files/a%20b%25.txt";

  it("comes by the signed URL as it is, without what the client sent", async () => {
    const headers = { Cookie: "session=1", Authorization: "Bearer x", Range: "bytes=2-4" };
    const answer = await ask(proxy.url, { path, headers });
    expect([answer.status, answer.body.toString()]).toEqual([206, "234"]);
    const seen = store.seen.at(-1);
    expect(seen?.url).toBe("/bucket/a%20b%25.txt?signature=a%20b%2Fc");
    expect(seen?.headers).toMatchObject({ host: new URL(storeServer.url).host, range: "bytes=2-4" });
    expect(seen?.headers).not.toHaveProperty("cookie");
    expect(seen?.headers).not.toHaveProperty("authorization");
  });

  it("resumes by If-Range, and is a 304 that never asks the store", async () => {
    const ranged = await ask(proxy.url, { path, headers: { Range: "bytes=5-", "If-Range": etag } });
    expect([ranged.status, ranged.body.toString()]).toEqual([206, "56789"]);
    const other = await ask(proxy.url, { path, headers: { Range: "bytes=5-", "If-Range": '"other"' } });
    expect([other.status, other.body.toString()]).toEqual([200, content]);
    const before = store.seen.length;
    expect((await ask(proxy.url, { path, headers: { "If-None-Match": etag } })).status).toBe(304);
    expect(store.seen.length).toBe(before);
  });

  it("sends the whole for several ranges: their parts would go out under the type of one file", async () => {
    const { status, all, body } = await ask(proxy.url, { path, headers: { Range: "bytes=0-1,4-5" } });
    expect([status, all("Content-Type"), body.toString()]).toEqual([200, ["text/plain; charset=utf-8"], content]);
    expect(store.seen.at(-1)?.headers).not.toHaveProperty("range");
  });

  it("never asks the store for a part on a condition that does not hold: it may ignore the condition", async () => {
    const before = store.seen.length;
    const headers = { Range: "bytes=5-", "If-Range": '"an-older-one"' };
    const { status, body } = await ask(proxy.url, { path, headers });
    expect([status, body.toString(), store.seen.length]).toEqual([200, content, before]);
  });

  it("is found for the file of an object, too", async () => {
    expect((await ask(proxy.url, { path: "/object" })).body.toString()).toBe(content);
    expect((await ask(app.url, { path: "/object" })).header("X-Accel-Redirect")).toBe("/_remote/");
  });

  it("tells nothing of the store where it fails", async () => {
    const { status, body, headers } = await ask(proxy.url, { path: "/files/missing.txt" });
    expect(status).toBe(404);
    expect(headers + body.toString()).not.toMatch(/Error|key|secret|bucket/);
  });

  it.each(["http://127.0.0.1:1/", "http://127.0.0.1@127.0.0.1:1/", "file:///etc/passwd", ""])(
    "goes to no other host: %s",
    async (url) => {
      expect((await ask(proxy.url, { path: `/elsewhere?url=${encodeURIComponent(url)}` })).status).toBe(404);
    },
  );

  it("goes to no host that begins like the store's", async () => {
    const before = store.seen.length;
    for (const url of [`${storeServer.url}0/x`, `${storeServer.url}.example/x`, storeServer.url]) {
      expect((await ask(proxy.url, { path: `/elsewhere?url=${encodeURIComponent(url)}` })).status).toBe(404);
    }
    expect(store.seen.length).toBe(before);
  });

  it("is out of reach for clients", async () => {
    expect((await ask(proxy.url, { path: "/_remote/", headers: { "X-Remote-Url": storeServer.url } })).status).toBe(
      404,
    );
    expect((await ask(proxy.url, { path: "/_open/x?signature=a%20b%2Fc" })).status).toBe(404);
  });

  it("may be fetched by its own URL, where that needs no signature", async () => {
    const named = await ask(app.url, { path: "/open" });
    expect(named.header("X-Accel-Redirect")).toBe("/_open/x");
    await ask(proxy.url, { path: "/open" });
    expect(store.seen.at(-1)?.url).toBe("/open/x");
  });
});

/** Fields of a store that wants another file, or more than is its business. */
const hostileFields: Readonly<Record<string, string>> = {
  ...Object.fromEntries(offloadFields.map((name) => [name, "/_private/secret.txt"])),
  "X-Accel-Limit-Rate": "1",
  "X-Accel-Expires": "3600",
  "X-Accel-Buffering": "yes",
  "X-Accel-Charset": "utf-16",
  "Content-Disposition": "inline",
  "Content-Type": "text/html",
  "Cache-Control": "public, max-age=9999",
  "Set-Cookie": "session=stolen",
  Location: "https://elsewhere.example/",
  Refresh: "0; url=https://elsewhere.example/",
  Link: "<https://elsewhere.example/>; rel=preload",
  "Access-Control-Allow-Origin": "*",
  "Content-Security-Policy": "default-src *",
  "Strict-Transport-Security": "max-age=0",
  "Clear-Site-Data": '"*"',
  "Server-Timing": "bucket",
  "x-amz-request-id": "1",
  "x-amz-meta-owner": "someone",
  "x-goog-hash": "1",
  "x-ms-version": "1",
};

describe.skipIf(!isInstalled("nginx"))("a hostile store behind nginx", () => {
  let folder: string;
  let status = 200;
  let store: Application;
  let app: Application;
  let proxy: Proxy;

  beforeAll(async () => {
    folder = await publicFolder("downloadview-private-");
    await writeFile(join(folder, "secret.txt"), "a private file");
    store = await serve((request, response) => {
      response.writeHead(status, hostileFields).end(request.method === "HEAD" ? "" : content);
    });
    const storage = new SigningStorage();
    storage.base = store.url;
    await storage.save("a.txt", content);
    const config = defineConfig({
      backend: nginx({ hidden: ["x-amz-meta-owner"] }),
      rules: [
        { sourceDir: folder, destinationUrl: "/_private/" },
        { sourceUrl: `${store.url}/bucket/`, destinationUrl: "/_signed/", presigned: true },
        { sourceUrl: `${store.url}/open/`, destinationUrl: "/_open/" },
      ],
    });
    const offload = smartDownloadMiddleware(config);
    const upstream = (path: string): HTTPFile =>
      new HTTPFile(`${store.url}${path}`, { allowedHosts: [new URL(store.url).host] });
    const handlers: Record<string, DownloadHandler> = {
      "/signed": withMiddleware(StorageDownloadView.asView({ storage, path: "a.txt" }), offload),
      "/open": withMiddleware(async () => new DownloadResponse(upstream("/open/a.txt")), offload),
      "/streamed": withMiddleware(async () => new DownloadResponse(upstream("/streamed/a.txt")), offload),
      "/relayed": withMiddleware(() => fetch(`${store.url}/`, { redirect: "manual" }), offload),
      "/hooked": HTTPDownloadView.asView({
        url: `${store.url}/streamed/a.txt`,
        allowedHosts: [new URL(store.url).host],
        fileNotFoundResponse: () => fetch(`${store.url}/`, { redirect: "manual" }),
      }),
    };
    const server = express();
    for (const [path, handler] of Object.entries(handlers)) server.get(path, toExpressHandler(handler));
    const fetchHandler = toFetchHandler(handlers["/relayed"]!);
    server.get("/fetched", async (request, response) => {
      const answer = await fetchHandler(new Request(`http://localhost${request.url}`));
      answer.headers.forEach((value, name) => response.setHeader(name, value));
      response.status(answer.status).end(Buffer.from(await answer.arrayBuffer()));
    });
    app = await serve(server);
    proxy = await startProxy("nginx", config, app.url);
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await app?.[Symbol.asyncDispose]();
    await store?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const paths = ["/signed", "/open", "/streamed", "/relayed", "/fetched", "/hooked"];

  it.each(paths.slice(0, -1))("%s sends the store's bytes, and no private file", async (path) => {
    status = 200;
    const { status: answered, body } = await ask(proxy.url, { path });
    expect([answered, body.toString()]).toEqual([200, content]);
  });

  it.each(paths.flatMap((path) => [302, 304, 401, 403, 404, 416, 500].map((code) => [path, code] as const)))(
    "%s sends no private file with the store's %i",
    async (path, code) => {
      status = code;
      const { headers, body } = await ask(proxy.url, { path, headers: { Range: "bytes=0-2" } });
      expect(headers + body.toString()).not.toMatch(/_private|a private file/);
    },
  );

  it.each(["/signed", "/open", "/streamed"])(
    "%s has the application's fields, and none of the store's",
    async (path) => {
      status = 200;
      const answer = await ask(proxy.url, { path });
      expect(answer.all("Content-Disposition")).toEqual(['attachment; filename="a.txt"']);
      expect(answer.all("Content-Type")).toHaveLength(1);
      expect(answer.all("Cache-Control")).toEqual([expect.stringMatching(/^private, no-cache/)]);
      const kept = new Set(["Content-Disposition", "Content-Type", "Cache-Control"]);
      const reached = Object.keys(hostileFields).filter((name) => !kept.has(name) && answer.header(name) !== undefined);
      expect(reached).toEqual([]);
    },
  );
});

describe.skipIf(!isInstalled("nginx"))("a remote object behind nginx, by TLS", () => {
  it("is fetched from a store whose certificate is known, and from no other", async () => {
    const folder = await publicFolder("downloadview-tls-");
    const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    const files = ["-keyout", key, "-out", certificate, "-days", "2", "-nodes"];
    execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", ...subject, ...files], { stdio: "ignore" });
    const store = new Store();
    const server = createSecureServer({ key: await readFile(key), cert: await readFile(certificate) }, store.listener);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const storage = new SigningStorage();
    storage.base = `https://localhost:${(server.address() as AddressInfo).port}`;
    await storage.save("a.txt", content);

    const statusWith = async (trustedCertificates: string): Promise<number> => {
      const config = defineConfig({
        backend: nginx({ trustedCertificates }),
        rules: [{ sourceUrl: `${storage.base}/bucket/`, destinationUrl: "/_remote/", presigned: true }],
      });
      const view = withMiddleware(
        StorageDownloadView.asView({ storage, path: "a.txt" }),
        smartDownloadMiddleware(config),
      );
      await using app = await serve(createServer(toNodeHandler(view)).listeners("request")[0] as RequestListener);
      await using proxy = await startProxy("nginx", config, app.url);
      return (await ask(proxy.url, { path: "/" })).status;
    };
    expect(await statusWith(certificate)).toBe(200);
    expect(await statusWith("/etc/ssl/certs/ca-certificates.crt")).toBe(502);
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  });

  it("is looked up as its addresses change, where a resolver is named", async () => {
    const config = defineConfig({
      backend: nginx({ resolver: "127.0.0.53" }),
      rules: [{ sourceUrl: "https://bucket.example/", destinationUrl: "/_remote/", presigned: true }],
    });
    const text = serverConfiguration("nginx", config, { listen: "127.0.0.1:65000" });
    expect(text).toContain("proxy_pass https://bucket.example$downloadview_path;");
    expect(await syntaxFault("nginx", text)).toBeUndefined();
  });
});
