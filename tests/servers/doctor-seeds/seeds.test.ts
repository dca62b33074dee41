import { mkdir, rm, utimes } from "node:fs/promises";
import { join } from "node:path";
import express from "express";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  FileSystemStorage,
  smartDownloadMiddleware,
  withMiddleware,
  type SaveOptions,
  type StorageContent,
} from "downloadview";
import { defineConfig, type DownloadviewConfig } from "downloadview/config";
import { diagnose, HealthcheckDownloadView, type CheckResult } from "downloadview/doctor";
import { toExpressHandler } from "downloadview/express";
import { serve, type Application } from "../support/application.ts";
import { backendNamed, describeServers, publicFolder, startProxy, type ServerProgram } from "../support/proxy.ts";
import { applyRemedy } from "./apply-remedy.ts";
import { nginxSeeds } from "./nginx.ts";
import type { Seed, Seeds } from "./seed.ts";

const seeds: Seeds = { nginx: nginxSeeds, apache: [], lighttpd: [], caddy: [], h2o: [] };

/** Its files are old enough for strong ETags, so that the doctor need not wait for them. */
class OldFiles extends FileSystemStorage {
  #time = Date.UTC(2020, 0, 1) / 1000;

  override async save(name: string, content: StorageContent, options?: SaveOptions): Promise<string> {
    const saved = await super.save(name, content, options);
    this.#time += 2;
    await utimes(this.path(saved), this.#time, this.#time);
    return saved;
  }
}

let folder: string;
let root: string;
beforeAll(async () => {
  folder = await publicFolder("downloadview-seeds-");
  root = join(folder, "vault");
  await mkdir(root, { mode: 0o755 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function healthcheckApp(config: DownloadviewConfig): express.Express {
  const app = express();
  const handler = withMiddleware(HealthcheckDownloadView.asView({ config }), smartDownloadMiddleware(config));
  app.get("/healthcheck/*path", toExpressHandler(handler));
  return app;
}

describeServers("harmful configurations of $label", (server) => {
  let config: DownloadviewConfig;
  let app: Application;
  beforeAll(async () => {
    config = defineConfig({
      backend: backendNamed(server, folder),
      rules: [{ sourceDir: root, destinationUrl: "/_downloads/", destinationDir: root }],
      storages: { media: new OldFiles(root) },
      healthcheck: { url: "/healthcheck/", storage: "media" },
    });
    app = await serve(healthcheckApp(config));
  });
  afterAll(() => app[Symbol.asyncDispose]());

  it.concurrent("does without", async () => {
    const { results } = await examine(server, config, app, (text) => text);
    expect(results.filter(({ outcome }) => outcome === "fail" || outcome === "skipped").map(shown)).toEqual([]);
  });

  const own = seeds[server.name].filter(({ only }) => only === undefined || only.test(server.label));
  for (const seed of own) it.concurrent(describeSeed(seed), () => heals(seed));

  async function heals(seed: Seed): Promise<void> {
    const first = await examine(server, config, app, (text) => spoil(server, text, seed, app));
    const failures = first.results.filter(({ outcome }) => outcome === "fail");
    const told = failures.map(shown).join("\n");
    expect(
      failures.map(({ check }) => check),
      told,
    ).toEqual(seed.fails === undefined ? [] : [seed.fails]);
    const [failure] = failures;
    if (!failure) return;
    expect(failure.side).toBe(seed.side ?? "proxy");
    const mended = await examine(server, config, app, (text) =>
      applyRemedy(server.name, spoil(server, text, seed, app), failure.remedy ?? "", text),
    );
    const left = mended.results.filter(({ outcome }) => outcome === "fail");
    expect(left.map(shown), `After: ${failure.remedy}\n${mended.text}`).toEqual([]);
  }
});

function describeSeed({ from, to, fails }: Seed): string {
  const change = `${JSON.stringify(from)} as ${JSON.stringify(to)}`;
  return fails === undefined ? `${change} is harmless` : `${change} fails ${fails}`;
}

function spoil(server: ServerProgram, text: string, { from, to, modules = [] }: Seed, app: Application): string {
  const filled = (part: string): string => part.replaceAll("ROOT", root).replaceAll("APP", new URL(app.url).host);
  const edited = text.replace(filled(from), () => filled(to));
  expect(edited).not.toBe(text);
  const path = server.modules ?? "/usr/lib/apache2/modules";
  return modules.map((name) => `LoadModule ${name}_module ${path}/mod_${name}.so\n`).join("") + edited;
}

async function examine(
  server: ServerProgram,
  config: DownloadviewConfig,
  app: Application,
  edit: (text: string) => string,
): Promise<{ results: readonly CheckResult[]; text: string }> {
  let text = "";
  await using proxy = await startProxy(server, config, app.url, (generated) => (text = edit(generated)));
  return { results: (await diagnose(config, { app: app.url, proxy: proxy.url })).results, text };
}

function shown({ check, actual, remedy }: CheckResult): string {
  return `${check}: ${actual}: ${remedy}`;
}
