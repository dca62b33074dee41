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
import { backendNamed, isInstalled, publicFolder, startProxy } from "./support/proxy.ts";

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
    what: "with a middleware that offloads errors",
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
  appOptions: (config: DownloadviewConfig) => HealthcheckApp,
): Promise<readonly CheckResult[]> {
  const config = configFor(server, place);
  await using app: Application = await serve(healthcheckApp(config, appOptions(config)));
  await using proxy = await startProxy(server, config, app.url);
  return (await diagnose(config, { app: app.url, proxy: proxy.url })).results;
}

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
    const results = await examine("nginx", () => ({ headers }));
    const found = results.find(({ outcome }) => outcome === "fail");
    expect(found).toMatchObject({ check: "proxy-fields", actual: "X-Of-The-Application is dropped" });
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

  it("finds an application that offloads although there is no server", async () => {
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
