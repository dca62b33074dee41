import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { crossOrigin, PathDownloadView, smartDownloadMiddleware, withMiddleware } from "downloadview";
import { defineConfig, type DownloadviewConfig } from "downloadview/config";
import { pathParams, toNodeHandler } from "downloadview/node";
import { serve, type Application } from "./support/application.ts";
import { ask, type Answer } from "./support/client.ts";
import { backendNamed, describeServers, publicFolder, startProxy, type Proxy } from "./support/proxy.ts";

const app = "https://app.example.com";

describeServers("downloads for other origins behind $label", (server) => {
  let folder: string;
  let application: Application;
  let proxy: Proxy;

  beforeAll(async () => {
    folder = await publicFolder("downloadview-files-");
    const root = join(folder, "media");
    await mkdir(root, { mode: 0o755 });
    await writeFile(join(root, "a.txt"), "0123456789");
    const config: DownloadviewConfig = defineConfig({
      backend: backendNamed(server, folder),
      rules: [{ sourceDir: root, destinationUrl: "/_downloads/", destinationDir: root }],
    });
    const shared = crossOrigin({ origins: [app], credentials: true });
    const offloaded = withMiddleware(PathDownloadView.asView({ root }), smartDownloadMiddleware(config));
    application = await serve(toNodeHandler(shared(offloaded), { params: pathParams }));
    proxy = await startProxy(server, config, application.url);
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await application?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const get = (headers: Record<string, string>, method = "GET", path = "/a.txt"): Promise<Answer> =>
    ask(proxy.url, { path, method, headers });

  it("a file that the server sends has the fields of the application, each of them once", async () => {
    const direct = await ask(application.url, { path: "/a.txt", headers: { Origin: app } });
    expect(direct.body).toHaveLength(0);
    const answer = await get({ Origin: app });
    expect(answer.body.toString()).toBe("0123456789");
    const fields = [
      "Access-Control-Allow-Origin",
      "Access-Control-Allow-Credentials",
      "Timing-Allow-Origin",
      "Cross-Origin-Resource-Policy",
    ];
    expect(fields.map((name) => answer.all(name))).toEqual([[app], ["true"], [app], ["cross-origin"]]);
    // Some versions of Caddy add Accept-Encoding.
    expect(answer.all("Vary").filter((name) => name === "Origin")).toEqual(["Origin"]);
    expect(answer.header("Access-Control-Expose-Headers")).toContain("Content-Disposition, Content-Range");
  });

  it("so have a part of it, and a 304", async () => {
    const part = await get({ Origin: app, Range: "bytes=2-4" });
    expect([part.status, part.body.toString(), part.header("Access-Control-Allow-Origin")]).toEqual([206, "234", app]);
    const { status, ...unchanged } = await get({ Origin: app, "If-None-Match": part.header("ETag") ?? "" });
    expect([status, unchanged.header("Access-Control-Allow-Origin"), unchanged.header("Vary")]).toEqual([
      304,
      app,
      "Origin",
    ]);
  });

  it("another origin gets none of them, and is told that the answer depends on the origin", async () => {
    const answer = await get({ Origin: "https://evil.example" });
    expect([answer.header("Access-Control-Allow-Origin"), answer.header("Vary")]).toEqual([undefined, "Origin"]);
    expect(answer.header("Cross-Origin-Resource-Policy")).toBe("same-site");
  });

  it("the application answers preflights", async () => {
    const preflight = { "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "range" };
    const answer = await get({ Origin: app, ...preflight }, "OPTIONS");
    expect([answer.status, answer.header("Access-Control-Allow-Origin")]).toEqual([204, app]);
    expect((await get({ Origin: "https://evil.example", ...preflight }, "OPTIONS")).status).toBe(403);
  });

  it("a page may read that a file is missing", async () => {
    const answer = await get({ Origin: app }, "GET", "/missing.txt");
    expect([answer.status, answer.header("Access-Control-Allow-Origin")]).toEqual([404, app]);
  });
});
