import type { IncomingMessage } from "node:http";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  authorizeDownloads,
  DownloadError,
  DownloadResponse,
  MemoryStorage,
  PathDownloadView,
  PermissionDeniedError,
  StorageDownloadView,
  VirtualFile,
  type AskingServerName,
  type DownloadHandler,
} from "downloadview";
import { defineConfig, serverConfiguration } from "downloadview/config";
import { diagnose } from "downloadview/doctor";
import { nginx } from "downloadview/nginx";
import { toNodeHandler } from "downloadview/node";
import { serve, type Application } from "./support/application.ts";
import { ask, type Answer, type Ask } from "./support/client.ts";
import {
  backendNamed,
  describeNamed,
  isInstalled,
  publicFolder,
  startProxy,
  syntaxFault,
  type Proxy,
} from "./support/proxy.ts";

describeNamed(["nginx", "caddy"], "downloads that $label asks about", (server) => {
  let folder: string;
  let application: Application;
  let proxy: Proxy;
  /** Whether the application has the handler, or answers whatever it is asked with a page or an empty 204. */
  let mounted: "handler" | "page" | "nothing";
  /** What the view was asked for. */
  let asked: string[];

  const rules = (root: string) => [
    { sourceDir: root, sourceUrl: "/media/", destinationUrl: "/_downloads/", destinationDir: root },
  ];

  beforeAll(async () => {
    folder = await publicFolder("downloadview-files-");
    const root = join(folder, "media");
    await mkdir(join(root, "private"), { recursive: true, mode: 0o755 });
    await mkdir(join(root, "public"), { mode: 0o755 });
    for (const name of [
      "public/a b.html",
      "private/secret.txt",
      "public/plain.txt",
      "private/index.html",
      "public/ü 100%.txt",
    ]) {
      await writeFile(join(root, name), "0123456789");
    }
    const files = PathDownloadView.asView({
      root,
      attachment: false,
      headers: { "Cache-Control": "private, no-cache" },
    });
    const view: DownloadHandler = async (request, context) => {
      asked.push(`${request.method} ${request.url}`);
      const { path = "" } = context.params;
      // It would allow what the rewrite leads away from.
      if (path === "public/plain.txt/old") return files(request, { ...context, params: { path: "public/plain.txt" } });
      if (path === "public/busy.txt") throw new DownloadError(429, "Later", { headers: { "Retry-After": "5" } });
      if (!path.startsWith("private/")) return files(request, context);
      const challenge = { "WWW-Authenticate": 'Bearer realm="files"' };
      if (request.headers.get("authorization") === null) throw new DownloadError(401, "Who?", { headers: challenge });
      if (request.headers.get("authorization") !== "Bearer 42") throw new PermissionDeniedError();
      return files(request, context);
    };
    const authorize = authorizeDownloads(view, {
      server: server.name as AskingServerName,
      trustedProxies: ["127.0.0.1"],
      params: (path) => (path.startsWith("/media/") ? { path: path.slice("/media/".length) } : undefined),
    });
    const authorizing = toNodeHandler(authorize);
    mounted = "handler";
    application = await serve((request, response) =>
      mounted === "handler" && request.url?.split("?")[0] === "/_downloadview/authorize"
        ? authorizing(request, response)
        : response.writeHead(mounted === "nothing" ? 204 : 200).end(mounted === "nothing" ? undefined : "page"),
    );
    const config = defineConfig({ backend: backendNamed(server, folder), rules: rules(root) });
    proxy = await startProxy(server, config, application.url, openToErrorPages, { authRequest: true });
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await application?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(() => (asked = []));

  /** Mistakes that are easily made: an error page that lies in the folder, and a rewrite within it. */
  function openToErrorPages(text: string): string {
    const page = "    location = /broken { error_page 404 /media/private/secret.txt; return 404; }\n    location / {";
    const rewrite = "    rewrite ^/media/public/plain.txt/old$ /media/private/secret.txt;\n";
    return text.replace("    location / {", `${rewrite}${page}`);
  }

  const get = (path: string, more: Omit<Ask, "path"> = {}): Promise<Answer> => ask(proxy.url, { path, ...more });
  const withToken = { headers: { Authorization: "Bearer 42" } };

  it("the generated configuration passes the server's own check", async () => {
    const config = defineConfig({ backend: backendNamed(server, folder), rules: rules("/srv/me dia") });
    const text = serverConfiguration(server.name, config, { listen: "127.0.0.1:65000", authRequest: true });
    expect(await syntaxFault(server, text)).toBeUndefined();
  });

  it("the server sends the file, with the fields of the application", async () => {
    const answer = await get("/media/public/a%20b.html?download=1");
    expect(asked).toEqual(["GET /media/public/a%20b.html?download=1"]);
    expect([answer.status, answer.body.toString()]).toEqual([200, "0123456789"]);
    const names = ["Content-Type", "Content-Disposition", "Content-Security-Policy", "Cache-Control"];
    expect(names.map((name) => answer.all(name))).toEqual([
      ["text/html; charset=utf-8"],
      ['inline; filename="a b.html"'],
      [expect.stringContaining("sandbox")],
      ["private, no-cache, no-transform"],
    ]);
    expect(answer.all("X-Content-Type-Options")).toEqual(["nosniff"]);
  });

  it("the doctor finds no way around the question", async () => {
    const storages = { media: new MemoryStorage() };
    const examined = defineConfig({
      backend: "none",
      rules: [],
      storages,
      healthcheck: { url: "/healthcheck/", storage: "media" },
    });
    const credentials = withToken.headers;
    const guarded = { path: "/media/private/secret.txt", credentials };
    const { results } = await diagnose(examined, { app: application.url, proxy: proxy.url, guarded });
    const found = results.find(({ check }) => check === "proxy-guarded");
    expect(found, JSON.stringify(found)).toMatchObject({ outcome: "pass" });
    const open = { path: "/media/public/plain.txt", credentials };
    const { results: other } = await diagnose(examined, { app: application.url, proxy: proxy.url, guarded: open });
    expect(other.find(({ check }) => check === "proxy-guarded")).toMatchObject({
      outcome: "fail",
      actual: "the file, for GET /media/public/plain.txt",
    });
  });

  it("a name that needs encoding is that of one file", async () => {
    expect((await get("/media/public/%C3%BC%20100%25.txt")).body.toString()).toBe("0123456789");
    expect((await get("/media/public/%C3%BC%20100%25.txt")).header("Content-Length")).toBe("10");
  });

  it("the server decides on ranges and preconditions", async () => {
    const whole = await get("/media/public/plain.txt");
    const part = await get("/media/public/plain.txt", { headers: { Range: "bytes=2-4" } });
    expect([part.status, part.body.toString(), part.header("Content-Type")]).toEqual([
      206,
      "234",
      "text/plain; charset=utf-8",
    ]);
    const unchanged = { "If-None-Match": whole.header("ETag") ?? "" };
    expect((await get("/media/public/plain.txt", { headers: unchanged })).status).toBe(304);
    const several = await get("/media/public/plain.txt", { headers: { Range: "bytes=0-1,4-5" } });
    expect(several.all("Content-Type")).toHaveLength(1);
  });

  it("a HEAD is asked about as what it is", async () => {
    const answer = await get("/media/public/plain.txt", { method: "HEAD" });
    expect([answer.status, answer.header("Content-Length"), answer.body.byteLength]).toEqual([200, "10", 0]);
    expect(asked).toEqual(["HEAD /media/public/plain.txt"]);
  });

  it("what the application refuses is refused with its status, and without the file", async () => {
    const unknown = await get("/media/private/secret.txt");
    expect([unknown.status, unknown.header("WWW-Authenticate")]).toEqual([401, 'Bearer realm="files"']);
    const forbidden = await get("/media/private/secret.txt", { headers: { Authorization: "Bearer 1" } });
    const missing = await get("/media/public/missing.txt");
    const busy = await get("/media/public/busy.txt");
    expect([forbidden.status, missing.status, busy.status]).toEqual([403, 404, 429]);
    for (const { body, header } of [unknown, forbidden, missing, busy]) {
      expect(body.toString()).not.toContain("0123456789");
      expect(header("X-Download-Status")).toBeUndefined();
    }
    expect((await get("/media/private/secret.txt", withToken)).body.toString()).toBe("0123456789");
  });

  it.each([
    "/media//private/secret.txt",
    "//media/private/secret.txt",
    "/media/public/../private/secret.txt",
    "/media/public/%2e%2e/private/secret.txt",
    "/media/public%2f..%2fprivate/secret.txt",
    "/media/public/..%2fprivate%2fsecret.txt",
    "/media/./private/secret.txt",
    "/media/%70rivate/secret.txt",
    "/media/private%2fsecret.txt",
    "/media/private%252fsecret.txt",
    "/media/public/..%5cprivate%5csecret.txt",
    String.raw`/media/public/..\private\secret.txt`,
    "/%6dedia/private/secret.txt",
    "/media/private/",
    "/media/private",
    "/media/private/secret.txt/",
    "/media/private/secret.txt%00.html",
    "/media/public/plain.txt/../../private/secret.txt",
    "/media/private/secret.txt;.html",
    "/media/public/x?/../../private/secret.txt",
    "/media/public/plain.txt#/../../private/secret.txt",
    "/MEDIA/private/secret.txt",
    "/broken",
    "/media/public/plain.txt/old",
  ])("%s does not get around the question", async (path) => {
    const { body } = await get(path);
    expect(body.toString()).not.toContain("0123456789");
  });

  it("a client can't say what it asked for, nor ask itself", async () => {
    const headers = {
      "X-Original-URI": "/media/public/plain.txt",
      "X-Original-Method": "GET",
      "X-Forwarded-Uri": "/media/public/plain.txt",
      "X-Forwarded-Method": "GET",
    };
    expect((await get("/media/private/secret.txt", { headers })).status).toBe(401);
    asked = [];
    expect((await get("/_downloadview/authorize", { headers })).status).toBe(404);
    expect(asked).toEqual([]);
  });

  it.each(["page", "nothing"] as const)(
    "a %s of the application in place of an answer is no permission",
    async (what) => {
      mounted = what;
      try {
        expect((await get("/media/public/plain.txt")).body.toString()).not.toContain("0123456789");
      } finally {
        mounted = "handler";
      }
    },
  );

  it("no method but GET and HEAD gets the file", async () => {
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      const { status, body } = await get("/media/public/plain.txt", { method });
      expect([403, 405]).toContain(status);
      expect(body.toString()).not.toContain("0123456789");
    }
  });

  it("other paths are the application's, as before", async () => {
    expect((await get("/page")).body.toString()).toBe("page");
  });
});

describe.skipIf(!isInstalled("nginx"))("objects that nginx asks about", () => {
  /** A store that takes signed GETs alone, and remembers what it was asked. */
  const seen: IncomingMessage[] = [];
  const object = new VirtualFile("0123456789", {
    name: "key",
    etag: '"of-the-store"',
    contentType: "application/x-store",
  });
  const stored = toNodeHandler(async () => {
    const headers = { "Set-Cookie": "store=1", "x-amz-request-id": "1", "Cache-Control": "public" };
    return new DownloadResponse(object, { filename: "of-the-store", headers });
  });
  let store: Application;
  let application: Application;
  let proxy: Proxy;
  let signed: string | undefined;

  beforeAll(async () => {
    store = await serve((request, response) => {
      seen.push(request);
      const isSigned = request.method === "GET" && request.url === "/bucket/a%20b.txt?signature=x%2Fy";
      if (isSigned) void stored(request, response);
      else response.writeHead(request.url === "/" ? 200 : 403).end("<Error>secret-bucket</Error>");
    });
    const storage = new MemoryStorage();
    await storage.save("a b.txt", "0123456789");
    const file = Object.assign(storage, { url: async () => signed as string });
    const view = StorageDownloadView.asView({ storage: file });
    const authorize = authorizeDownloads(view, {
      server: "nginx",
      trustedProxies: ["127.0.0.1"],
      presigned: { expiresIn: 60 },
      params: (path) => (path.startsWith("/media/") ? { path: path.slice("/media/".length) } : undefined),
    });
    application = await serve(toNodeHandler(authorize));
    const rule = { sourceUrl: `${store.url}/bucket/`, destinationUrl: "/media/", presigned: true };
    const config = defineConfig({ backend: nginx(), rules: [rule] });
    proxy = await startProxy("nginx", config, application.url, undefined, { authRequest: true });
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await application?.[Symbol.asyncDispose]();
    await store?.[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    seen.length = 0;
    signed = `${store.url}/bucket/a%20b.txt?signature=x%2Fy`;
  });

  const path = "/media/a%20b.txt";

  it("come by the signed URL, with the application's fields and nothing of the client", async () => {
    const headers = { Cookie: "session=1", Authorization: "Bearer x", "X-Remote-Url": "http://evil.example/" };
    const answer = await ask(proxy.url, { path, headers });
    expect([answer.status, answer.body.toString()]).toEqual([200, "0123456789"]);
    expect(["Content-Type", "Content-Disposition", "Cache-Control", "ETag"].map((name) => answer.all(name))).toEqual([
      ["text/plain; charset=utf-8"],
      ['attachment; filename="a b.txt"'],
      ["private, no-cache, no-transform"],
      ['"of-the-store"'],
    ]);
    expect([answer.all("Set-Cookie"), answer.all("X-Remote-Url"), answer.all("X-Download-Path")]).toEqual([[], [], []]);
    expect(seen[0]?.headers).not.toHaveProperty("cookie");
    expect(seen[0]?.headers).not.toHaveProperty("authorization");
  });

  it("in ranges, and unchanged", async () => {
    const part = await ask(proxy.url, { path, headers: { Range: "bytes=2-4" } });
    expect([part.status, part.body.toString(), part.header("Content-Range")]).toEqual([206, "234", "bytes 2-4/10"]);
    const unchanged = await ask(proxy.url, { path, headers: { "If-None-Match": '"of-the-store"' } });
    expect([unchanged.status, unchanged.body.toString()]).toEqual([304, ""]);
    const changed = await ask(proxy.url, { path, headers: { "If-Match": '"other"' } });
    expect(changed.body.toString()).not.toContain("0123456789");
    expect(changed.status).toBe(412);
    expect((await ask(proxy.url, { path, headers: { Range: "bytes=20-" } })).status).toBe(416);
  });

  it("as a head, without a body", async () => {
    const { status, header, body } = await ask(proxy.url, { path, method: "HEAD" });
    expect([status, header("Content-Length"), body.byteLength, seen[0]?.method]).toEqual([200, "10", 0, "GET"]);
  });

  it("never from another host, nor with an error of the store", async () => {
    const others = [
      "http://127.0.0.1:9/bucket/a",
      "http://127.0.0.1.evil.example/bucket/a",
      store.url.replace("//", "//evil.example@"),
      `${store.url}/bucket/other`,
    ];
    for (const other of others) {
      signed = other;
      const { status, body } = await ask(proxy.url, { path });
      expect([403, 404]).toContain(status);
      expect(body.toString()).not.toContain("secret-bucket");
    }
    expect(seen.map(({ url }) => url)).toEqual(["/bucket/other"]);
    seen.length = 0;
    expect((await ask(proxy.url, { path: "/media/missing.txt" })).status).toBe(404);
    expect(seen).toEqual([]);
  });

  it("from inside a server block that is there already", async () => {
    const rule = { sourceUrl: `${store.url}/bucket/`, destinationUrl: "/media/", presigned: true };
    const local = { sourceUrl: "/files/", sourceDir: "/srv/me dia", destinationUrl: "/_files/" };
    const config = defineConfig({ backend: nginx({ resolver: "127.0.0.53" }), rules: [rule, local] });
    const places = serverConfiguration("nginx", config, { app: application.url, authRequest: true, locations: true });
    const listening = "listen 127.0.0.1:65000; resolver 127.0.0.53;";
    const text = `events { }\nhttp {\n server {\n ${listening}\n${places}\n }\n}\n`;
    expect(await syntaxFault("nginx", text)).toBeUndefined();
  });
});
