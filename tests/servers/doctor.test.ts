import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import express, { type Express } from "express";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  FileSystemStorage,
  smartDownloadMiddleware,
  withMiddleware,
  type DownloadHandler,
  type DownloadMiddleware,
} from "downloadview";
import { defineConfig, type DownloadviewConfig, type ServerName } from "downloadview/config";
import { diagnose, HealthcheckDownloadView, type CheckResult } from "downloadview/doctor";
import { toExpressHandler } from "downloadview/express";
import { XAccelRedirectResponse } from "downloadview/nginx";
import { serve, type Application } from "./support/application.ts";
import { backendNamed, describeInstalled, isInstalled, publicFolder, startProxy } from "./support/proxy.ts";

interface Place {
  folder: string;
  root: string;
}

function configFor(
  name: ServerName,
  { folder, root }: Place,
  more: Partial<DownloadviewConfig> = {},
): DownloadviewConfig {
  return defineConfig({
    backend: backendNamed(name, folder),
    rules: [{ sourceDir: root, destinationUrl: "/_downloads/", destinationDir: root }],
    storages: { media: new FileSystemStorage(root) },
    healthcheck: { url: "/healthcheck/", storage: "media" },
    ...more,
  });
}

interface HealthcheckApp {
  readonly middleware?: DownloadMiddleware;
  readonly headers?: Record<string, string>;
  /** What stands before the view. */
  readonly before?: express.RequestHandler;
}

function healthcheckApp(config: DownloadviewConfig, { middleware, headers, before }: HealthcheckApp = {}): Express {
  const view = HealthcheckDownloadView.asView({ config, ...(headers ? { headers } : {}) });
  const app = express();
  if (before) app.use(before);
  const handler: DownloadHandler = withMiddleware(view, middleware ?? smartDownloadMiddleware(config));
  app.get("/healthcheck/*path", toExpressHandler(handler));
  return app;
}

function outcomes(results: readonly CheckResult[], outcome: string): string[] {
  return results.filter((result) => result.outcome === outcome).map(({ check }) => check);
}

/** A deployment that is broken on purpose: what the doctor must call it. */
interface Broken {
  readonly what: string;
  readonly server: ServerName;
  readonly edit: (configuration: string, place: Place) => string;
  readonly check: string;
  readonly names: RegExp;
}

const location = "location ^~ /_downloads/ {";

// nginx would make up for what is missing by a tag of its own, which is the same.
function withoutOwnTag(text: string): string {
  return text.replace("etag on;", "etag off;").replace("ETag $downloadview_etag", "ETag $upstream_http_etag");
}

const broken: readonly Broken[] = [
  {
    what: "an alias without its slash",
    server: "nginx",
    edit: (text, { root }) => text.replace(`alias ${root}/;`, `alias ${root};`),
    check: "proxy-sends",
    names: /`alias` in `location [^`]*` lacks the slash at its end/,
  },
  {
    what: "another destinationUrl",
    server: "nginx",
    edit: (text) => text.replace(location, "location ^~ /_download/ {"),
    check: "proxy-sends",
    names: /No `location` of nginx's begins with this rule's destinationUrl/,
  },
  {
    what: "another folder",
    server: "nginx",
    edit: (text, { root }) => text.replace(`alias ${root}/;`, "alias /var/empty/;"),
    check: "proxy-sends",
    names: /another folder than the application/,
  },
  {
    what: "root in place of alias",
    server: "nginx",
    edit: (text) => text.replace("alias ", "root "),
    check: "proxy-sends",
    names: /compare `alias`/,
  },
  {
    what: "no internal",
    server: "nginx",
    edit: (text) => text.replace("internal;", "").replace(/if \(\$upstream_status.*/, ""),
    check: "proxy-internal",
    names: /`internal;`/,
  },
  {
    what: "no guard against errors",
    server: "nginx",
    edit: (text) => text.replace(/if \(\$upstream_status.*/, ""),
    check: "proxy-guard",
    names: /\$upstream_status/,
  },
  {
    what: "X-Accel-Redirect ignored",
    server: "nginx",
    edit: (text) => text.replace("proxy_ignore_headers X-Accel-Charset;", "proxy_ignore_headers X-Accel-Redirect;"),
    check: "proxy-sends",
    names: /proxy_ignore_headers X-Accel-Redirect/,
  },
  {
    what: "X-Accel-Redirect ignored and shown",
    server: "nginx",
    edit: (text) =>
      text.replace(
        "proxy_ignore_headers X-Accel-Charset;",
        "proxy_ignore_headers X-Accel-Redirect; proxy_pass_header X-Accel-Redirect;",
      ),
    check: "proxy-sends",
    names: /proxy_ignore_headers X-Accel-Redirect/,
  },
  {
    what: "Content-Security-Policy dropped",
    server: "nginx",
    edit: (text) => text.replace(/add_header Content-Security-Policy .*/, ""),
    check: "proxy-fields",
    names: /content-security-policy is dropped/,
  },
  {
    what: "nosniff dropped",
    server: "nginx",
    edit: (text) => text.replace(/add_header X-Content-Type-Options .*/, ""),
    check: "proxy-fields",
    names: /x-content-type-options is dropped/,
  },
  {
    what: "a field doubled",
    server: "nginx",
    edit: (text) => text.replace("alias ", "add_header Cache-Control $upstream_http_cache_control; alias "),
    check: "proxy-fields",
    names: /cache-control is doubled/,
  },
  {
    what: "ETag dropped",
    server: "nginx",
    edit: (text) => withoutOwnTag(text).replace(/add_header ETag .*/, ""),
    check: "proxy-validators",
    names: /ETag: none/,
  },
  {
    what: "ranges switched off",
    server: "nginx",
    edit: (text) => text.replace("alias ", "max_ranges 0; alias "),
    check: "proxy-range",
    names: /max_ranges/,
  },
  {
    what: "If-None-Match taken away",
    server: "nginx",
    edit: (text) =>
      withoutOwnTag(text).replace("proxy_http_version", 'proxy_set_header If-None-Match ""; proxy_http_version'),
    check: "proxy-not-modified",
    names: /Pass If-None-Match on/,
  },
  {
    what: "HEAD refused",
    server: "nginx",
    edit: (text) =>
      text.replace("proxy_http_version", "if ($request_method = HEAD) { return 405; } proxy_http_version"),
    check: "proxy-head",
    names: /Pass HEAD on/,
  },
  {
    what: "errors replaced by pages of its own",
    server: "nginx",
    edit: (text) =>
      text
        .replace("proxy_http_version", "proxy_intercept_errors on; error_page 403 =200 @fine; proxy_http_version")
        .replace(location, `location @fine { return 200 "fine"; } ${location}`),
    check: "proxy-refused",
    names: /proxy_intercept_errors/,
  },
  {
    what: "an URL that is decoded on its way",
    server: "nginx",
    edit: (text) => text.replace("proxy_pass http://downloadview_app;", "proxy_pass http://downloadview_app$uri;"),
    check: "proxy-names",
    names: /proxy_pass without a path/,
  },
  {
    what: "compression",
    server: "nginx",
    edit: (text) =>
      text.replace("gzip off;", "gzip on; gzip_types text/plain; gzip_min_length 0; gzip_http_version 1.0;"),
    check: "proxy-uncompressed",
    names: /Content-Encoding: gzip.*gzip off/s,
  },
  {
    what: "compression with nginx's usual types and sizes",
    server: "nginx",
    edit: (text) => text.replace("gzip off;", "gzip on; gzip_types text/plain;"),
    check: "proxy-uncompressed",
    names: /Content-Encoding: gzip.*`gzip off;` into the internal location/s,
  },
  {
    what: "compression of PDF files alone",
    server: "nginx",
    edit: (text) => text.replace("gzip off;", "gzip on; gzip_types application/pdf;"),
    check: "proxy-uncompressed",
    names: /Content-Encoding: gzip/,
  },
  {
    what: "compression as its module has it",
    server: "caddy",
    edit: (text) => text.replace("reverse_proxy ", "encode gzip\n  reverse_proxy "),
    check: "proxy-uncompressed",
    names: /remove `encode`/,
  },
  {
    what: "descriptors kept open",
    server: "nginx",
    edit: (text) => text.replace("alias ", "open_file_cache max=100 inactive=60s; open_file_cache_valid 60s; alias "),
    check: "proxy-fresh",
    names: /the old content.*open_file_cache/s,
  },
  {
    what: "a redirect to another address",
    server: "nginx",
    edit: (text) =>
      text.replace("proxy_http_version", "return 301 https://example.com$request_uri; proxy_http_version"),
    check: "proxy-sends",
    names: /301 to https:\/\/example\.com.*--proxy/s,
  },
  {
    what: "the application elsewhere",
    server: "nginx",
    edit: (text) => text.replace(/server 127\.0\.0\.1:\d+;/, "server 127.0.0.1:1;"),
    check: "proxy-sends",
    names: /does not reach the application/,
  },
  {
    what: "XSendFile off",
    server: "apache",
    edit: (text) => text.replace("XSendFile On", "XSendFile Off"),
    check: "proxy-sends",
    names: /XSendFile On/,
  },
  {
    what: "another XSendFilePath",
    server: "apache",
    edit: (text) => text.replace(/XSendFilePath .*/, 'XSendFilePath "/var/empty"'),
    check: "proxy-sends",
    names: /XSendFilePath/,
  },
  {
    what: "the path shown with errors",
    server: "apache",
    edit: (text) => text.replace(/Header unset X-Sendfile.*/, ""),
    check: "proxy-guard",
    names: /with X-Sendfile, a path.*Header unset/s,
  },
  {
    what: "a field replaced",
    server: "apache",
    edit: (text) => text.replace("XSendFile On", 'XSendFile On\n  Header set Cache-Control "public"'),
    check: "proxy-fields",
    names: /cache-control becomes public/,
  },
  {
    what: "x-sendfile not enabled",
    server: "lighttpd",
    edit: (text) => text.replace('"x-sendfile" => "enable"', '"x-sendfile" => "disable"'),
    check: "proxy-sends",
    names: /"x-sendfile" => "enable"/,
  },
  {
    what: "another docroot",
    server: "lighttpd",
    edit: (text, { root }) => text.replace(`( "${root}/" )`, '( "/var/empty/" )'),
    check: "proxy-sends",
    names: /x-sendfile-docroot/,
  },
  {
    what: "no handle_response for the folder",
    server: "caddy",
    edit: (text, { root }) => text.replace(`${root}/*`, "/elsewhere/*"),
    check: "proxy-sends",
    names: /200 with an empty body.*handle_response/s,
  },
  {
    what: "no copy_response_headers",
    server: "caddy",
    edit: (text) => text.replace(/copy_response_headers \{[^}]*\}/, ""),
    check: "proxy-fields",
    names: /content-disposition is dropped.*copy_response_headers/s,
  },
  {
    what: "no matcher on the status",
    server: "caddy",
    edit: (text) => text.replace("status 200", ""),
    check: "proxy-guard",
    names: /status 200/,
  },
  {
    what: "reproxy off",
    server: "h2o",
    edit: (text) => text.replace("reproxy: ON", "reproxy: OFF"),
    check: "proxy-sends",
    names: /reproxy: ON/,
  },
  {
    what: "files on every port",
    server: "h2o",
    edit: (text) => {
      const [, listen = ""] = /( {4}listen:\n {6}host: .*\n {6}port: .*\n)/.exec(text) ?? [];
      return listen.replaceAll(/^ {4}/gm, "") + text.replace(listen, "");
    },
    check: "proxy-internal",
    names: /`listen` into each host/,
  },
];

/** An application that is broken on purpose. */
const brokenApps: readonly {
  readonly what: string;
  readonly app: (config: DownloadviewConfig, place: Place) => HealthcheckApp;
  readonly check: string;
  readonly names: RegExp;
}[] = [
  {
    what: "without the middleware",
    app: () => ({ middleware: (response) => response }),
    check: "app-target",
    names: /sends the file itself.*smartDownloadMiddleware/s,
  },
  {
    what: "with other rules",
    app: (config, { root }) => ({
      middleware: smartDownloadMiddleware({ ...config, rules: [{ sourceDir: root, destinationUrl: "/_other/" }] }),
    }),
    check: "app-target",
    names: /other rules than these/,
  },
  {
    what: "with another backend",
    app: (config, place) => ({
      middleware: smartDownloadMiddleware({ ...config, backend: backendNamed("apache", place.folder) }),
    }),
    check: "app-target",
    names: /another backend/,
  },
  {
    what: "with a middleware that hands over errors",
    app: (config) => ({
      middleware: (response, request) =>
        response.status === 200
          ? smartDownloadMiddleware(config)(response, request)
          : new XAccelRedirectResponse({ redirectUrl: "/_downloads/x" }),
    }),
    check: "app-refused",
    names: /must look at response\.status/,
  },
  {
    what: "that asks for a permission",
    app: () => ({ before: (_request, response) => void response.status(401).end() }),
    check: "app-finds",
    names: /needs no permission/,
  },
  {
    what: "without the view",
    app: () => ({ before: (_request, response) => void response.status(404).end() }),
    check: "app-finds",
    names: /Mount HealthcheckDownloadView/,
  },
];

let place: Place;
beforeAll(async () => {
  const folder = await publicFolder("downloadview-doctor-");
  place = { folder, root: join(folder, "media") };
  await mkdir(place.root, { mode: 0o755 });
});
afterAll(() => rm(place.folder, { recursive: true, force: true }));

async function examine(
  server: ServerName,
  edit: (text: string) => string = (text) => text,
  appOptions: (config: DownloadviewConfig) => HealthcheckApp = () => ({}),
): Promise<readonly CheckResult[]> {
  const config = configFor(server, place);
  await using app: Application = await serve(healthcheckApp(config, appOptions(config)));
  await using proxy = await startProxy(server, config, app.url, edit);
  return (await diagnose(config, { app: app.url, proxy: proxy.url })).results;
}

describeInstalled("the doctor, behind %s", (server) => {
  it("finds nothing wrong with the generated configuration", async () => {
    const results = await examine(server);
    expect(results.filter(({ outcome }) => outcome === "fail" || outcome === "skipped")).toEqual([]);
    const unguarded = server === "lighttpd" || server === "h2o";
    expect(outcomes(results, "note").includes("proxy-guard")).toBe(unguarded);
  });

  it.concurrent.each(broken.filter((one) => one.server === server))("finds $what", async ({ edit, check, names }) => {
    const results = await examine(server, (text) => {
      const edited = edit(text, place);
      expect(edited).not.toBe(text);
      return edited;
    });
    expect(outcomes(results, "fail")).toContain(check);
    const found = results.find((result) => result.check === check);
    expect(found).toMatchObject({ side: "proxy" });
    expect(`${found?.actual} ${found?.remedy}`).toMatch(names);
  });
});

describe("the doctor", () => {
  it.each(brokenApps)("finds an application $what", async ({ app, check, names }) => {
    const config = configFor("nginx", place);
    await using running = await serve(healthcheckApp(config, app(config, place)));
    const { healthy, results } = await diagnose(config, { app: running.url, proxy: "http://127.0.0.1:1" });
    const found = results.find(({ outcome }) => outcome === "fail");
    expect(healthy).toBe(false);
    expect(found).toMatchObject({ check, side: "app" });
    expect(`${found?.actual} ${found?.remedy}`).toMatch(names);
    expect(outcomes(results, "skipped")).toContain("proxy-sends");
  });

  it.skipIf(!isInstalled("nginx"))("finds a field of the application's own that nginx does not know", async () => {
    const headers = { "X-Of-The-Application": "1" };
    const results = await examine("nginx", undefined, () => ({ headers }));
    const found = results.find(({ outcome }) => outcome === "fail");
    expect(found).toMatchObject({ check: "proxy-fields", actual: "x-of-the-application is dropped" });
    expect(found?.remedy).toContain("nginx({ headers:");
  });

  it("finds a storage that cannot be written to", async () => {
    await writeFile(join(place.folder, "file"), "where a folder should be");
    const storages = { media: new FileSystemStorage(join(place.folder, "file")) };
    const config = configFor("nginx", place, { storages });
    const { results } = await diagnose(config, { app: "http://127.0.0.1:1" });
    expect(results[0]).toMatchObject({ check: "storage-write", outcome: "fail", side: "storage" });
  });

  it("finds that no rule is for the storage", async () => {
    const rules = [{ sourceDir: "/srv/elsewhere", destinationUrl: "/_downloads/" }];
    const config = configFor("nginx", place, { rules });
    await using app = await serve(healthcheckApp(config));
    const { results } = await diagnose(config, { app: app.url });
    const found = results.find(({ outcome }) => outcome === "fail");
    expect(found).toMatchObject({ check: "app-target", side: "app" });
    expect(found?.actual).toContain(place.root);
  });

  it("says who answers when nobody does", async () => {
    const config = configFor("nginx", place);
    const nobody = await diagnose(config, { app: "http://127.0.0.1:1" });
    expect(nobody.results.find(({ outcome }) => outcome === "fail")).toMatchObject({
      check: "app-reachable",
      side: "app",
    });
    await using app = await serve(healthcheckApp(config));
    const { results } = await diagnose(config, { app: app.url, proxy: "http://127.0.0.1:1" });
    expect(results.find(({ outcome }) => outcome === "fail")).toMatchObject({
      check: "proxy-reachable",
      side: "proxy",
    });
  });

  it("warns of an application that sends empty bodies to whoever asks it directly", async () => {
    const config = configFor("nginx", place);
    await using app = await serve(healthcheckApp(config));
    const { healthy, results } = await diagnose(config, { app: app.url });
    expect([healthy, outcomes(results, "note")]).toEqual([true, ["app-unproxied"]]);
  });

  it("is content with an application that sends its files itself", async () => {
    const config = configFor("nginx", place, { backend: "none" });
    await using app = await serve(healthcheckApp(config));
    expect(await diagnose(config, { app: app.url })).toMatchObject({ healthy: true });
    expect(await diagnose(config, { app: app.url, proxy: app.url })).toMatchObject({ healthy: true });
  });

  it("finds an application that hands over although there is no server", async () => {
    const config = configFor("nginx", place, { backend: "none" });
    const middleware = smartDownloadMiddleware(configFor("nginx", place));
    await using app = await serve(healthcheckApp(config, { middleware }));
    const { results } = await diagnose(config, { app: app.url });
    const found = results.find(({ outcome }) => outcome === "fail");
    expect(found).toMatchObject({ check: "app-target", side: "app", actual: "X-Accel-Redirect, and an empty body" });
  });

  it("finds that the proxy that it was given is none", async () => {
    const config = configFor("nginx", place);
    await using app = await serve(healthcheckApp(config));
    const { results } = await diagnose(config, { app: app.url, proxy: app.url });
    const found = results.find(({ outcome }) => outcome === "fail");
    expect(found).toMatchObject({ check: "proxy-sends", side: "proxy" });
    expect(found?.actual).toContain("X-Accel-Redirect, which is for the server alone");
  });

  it.skipIf(!isInstalled("nginx"))(
    "names the rule that it examined, not the first one of the configuration",
    async () => {
      const other = join(place.folder, "other");
      await mkdir(other, { recursive: true });
      const rules = [
        { sourceDir: other, destinationUrl: "/_downloads/" },
        { sourceDir: place.root, destinationUrl: "/_downloads-media/" },
      ];
      const config = configFor("nginx", place, { rules });
      await using app = await serve(healthcheckApp(config));
      await using proxy = await startProxy("nginx", config, app.url, (text) =>
        text.replace(/alias "?([^";]*media)\/"?;/, "alias $1;"),
      );
      const { results } = await diagnose(config, { app: app.url, proxy: proxy.url });
      const [found, ...more] = results.filter(({ outcome }) => outcome === "fail");
      expect([found?.check, more]).toEqual(["proxy-sends", []]);
      expect(found?.remedy).toContain(`\`alias ${place.root}/;\``);
      expect(found?.remedy).toContain("/_downloads-media/");
      expect(found?.remedy).not.toContain(other);
    },
  );

  it("ends when its time is over, however slowly a server drips", async () => {
    const config = configFor("nginx", place);
    await using app = await serve(healthcheckApp(config));
    await using dripping = await serve((_request, response) => {
      response.writeHead(200, { "Content-Length": "1000000" });
      const drip = setInterval(() => response.write("."), 20);
      response.once("close", () => clearInterval(drip));
    });
    const { healthy, results } = await diagnose(config, { app: app.url, proxy: dripping.url, timeout: 1500 });
    const failures = results.filter(({ outcome }) => outcome === "fail");
    expect(healthy).toBe(false);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatchObject({ side: "proxy", actual: expect.stringContaining("1.5 s") as string });
    expect(outcomes(results, "skipped").length).toBeGreaterThan(5);
  });

  it("asks for the host that it is given, and says which URLs it asked", async () => {
    const config = configFor("nginx", place, { backend: "none" });
    const hosts = new Set<string | undefined>();
    const before: express.RequestHandler = (request, _response, next) => {
      hosts.add(request.headers.host);
      next();
    };
    await using app = await serve(healthcheckApp(config, { before }));
    const diagnosis = await diagnose(config, { app: app.url, proxy: app.url, host: "files.example" });
    expect(diagnosis).toMatchObject({ version: 1, healthy: true, asked: { app: app.url, proxy: app.url } });
    expect([...hosts]).toEqual([new URL(app.url).host, "files.example"]);
  });

  it("leaves none of its files behind", async () => {
    const config = configFor("nginx", place);
    await using app = await serve(healthcheckApp(config));
    await diagnose(config, { app: app.url });
    const left = [];
    for await (const { name } of config.storages!["media"]!.list()) left.push(name);
    expect(left).toEqual([]);
  });
});
