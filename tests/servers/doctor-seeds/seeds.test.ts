import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import express from "express";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { smartDownloadMiddleware, withMiddleware } from "downloadview";
import { defineConfig, type DownloadviewConfig } from "downloadview/config";
import { diagnose, HealthcheckDownloadView, type CheckResult } from "downloadview/doctor";
import { toExpressHandler } from "downloadview/express";
import { serve, type Application } from "../support/application.ts";
import {
  backendNamed,
  describeServers,
  isInstalled,
  publicFolder,
  startProxy,
  type ServerProgram,
} from "../support/proxy.ts";
import { apacheSeeds } from "./apache.ts";
import { applyRemedy } from "./apply-remedy.ts";
import { caddySeeds } from "./caddy.ts";
import { h2oSeeds } from "./h2o.ts";
import { lighttpdSeeds } from "./lighttpd.ts";
import { OldFiles } from "./old-files.ts";
import { nginxSeeds } from "./nginx.ts";
import { plainNginx, plainNginxSeeds } from "./plain-nginx.ts";
import type { Seed, Seeds } from "./seed.ts";

const seeds: Seeds = {
  nginx: nginxSeeds,
  apache: apacheSeeds,
  lighttpd: lighttpdSeeds,
  caddy: caddySeeds,
  h2o: h2oSeeds,
};

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

const isThorough = process.env["THOROUGH"] === "1";

/** A server's seeds, and the configuration that they spoil. */
interface Bed {
  readonly server: ServerProgram;
  readonly seeds: readonly Seed[];
  /** Default: the generated configuration. */
  readonly base?: string;
}

describeServers("harmful configurations of $label", (server) => {
  sow({ server, seeds: seedsFor(server) });
});

describe.skipIf(!isInstalled("nginx"))(
  "harmful configurations of nginx in front of an application that sends its files",
  () => {
    const server: ServerProgram = { label: "nginx", name: "nginx", command: "nginx" };
    sow({ server, seeds: plainNginxSeeds, base: plainNginx });
  },
);

function sow({ server, seeds, base }: Bed): void {
  it.concurrent("does without", { timeout: 60_000 }, async () => {
    await using deployment = await deploy(server, base);
    const { results } = await examine(deployment, (text) => text);
    const wrong = results.filter(({ outcome }) => outcome === "fail" || outcome === "skipped");
    expect(wrong, wrong.map(shown).join("\n")).toEqual([]);
  });

  for (const seed of seeds) {
    // A busy machine may keep the application waiting as well, and outlive lighttpd's cache. That hides these failures.
    const retry = seed.fails === "proxy-slow-clients" || seed.fails === "proxy-fresh" ? 3 : 0;
    it.concurrent(describeSeed(seed), { timeout: 60_000, retry }, () => heals(seed));
  }

  async function heals(seed: Seed): Promise<void> {
    await using deployment = await deploy(server, base);
    const first = await examine(deployment, (text) => spoil(deployment, text, seed));
    const failures = first.results.filter(({ outcome }) => outcome === "fail");
    const told = failures.map(shown).join("\n");
    expect(
      failures.map(({ check }) => check),
      told,
    ).toEqual(seed.fails === undefined ? [] : [seed.fails]);
    const [failure] = failures;
    if (!failure) return;
    expect(failure.side).toBe(seed.side ?? "proxy");
    const mended = await examine(deployment, (text) =>
      applyRemedy(server.name, spoil(deployment, text, seed), failure.remedy ?? "", text),
    );
    const left = mended.results.filter(({ outcome }) => outcome === "fail");
    const untold = `${left.map(shown).join("\n")}\nafter: ${failure.remedy}\n${mended.text}`;
    expect(left, untold).toEqual([]);
  }
}

/**
 * One seed for each check on the machine's own servers, and on those of the next Debian what they alone can get wrong. With
 * `THOROUGH=1`: all seeds, and one for each check there.
 */
function seedsFor({ name, label }: ServerProgram): readonly Seed[] {
  const own = seeds[name].filter(({ only }) => only === undefined || only.test(label));
  const isOwn = label === name;
  if (isOwn && isThorough) return own;
  if (label === "caddy of Debian 13") return [];
  const perCheck = isOwn || isThorough;
  return own.filter((seed, at) => seed.only ?? (perCheck && own.findIndex(({ fails }) => fails === seed.fails) === at));
}

function describeSeed({ from, to, fails }: Seed): string {
  const change = `${JSON.stringify(from)} as ${JSON.stringify(to)}`;
  return fails === undefined ? `${change} is harmless` : `${change} fails ${fails}`;
}

function spoil({ server, app }: Deployment, text: string, { from, to, modules = [] }: Seed): string {
  const filled = (part: string): string =>
    part.replaceAll("ROOT", root).replaceAll("APP", new URL(app.url).host).replaceAll("PORT", new URL(app.url).port);
  const edited = text.replace(filled(from), () => filled(to));
  expect(edited).not.toBe(text);
  const path = server.modules ?? "/usr/lib/apache2/modules";
  return modules.map((name) => `LoadModule ${name}_module ${path}/mod_${name}.so\n`).join("") + edited;
}

/** An application with its own configuration: h2o's has a socket, which no two servers can share. */
interface Deployment extends AsyncDisposable {
  readonly server: ServerProgram;
  readonly config: DownloadviewConfig;
  readonly app: Application;
  /** The configuration that is spoiled, instead of the generated one. */
  readonly base: string | undefined;
  readonly own: string;
}

async function deploy(server: ServerProgram, base: string | undefined): Promise<Deployment> {
  const own = await mkdtemp(join(folder, "own-"));
  await chmod(own, 0o755);
  const config = defineConfig({
    backend: base === undefined ? backendNamed(server, own) : "none",
    rules: [{ sourceDir: root, destinationUrl: "/_downloads/", destinationDir: root }],
    storages: { media: new OldFiles(root) },
    healthcheck: { url: "/healthcheck/", storage: "media" },
  });
  const app = await serve(healthcheckApp(config));
  return { server, config, app, base, own, [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]() };
}

async function examine(
  { server, config, app, base, own }: Deployment,
  edit: (text: string) => string,
): Promise<{ results: readonly CheckResult[]; text: string }> {
  let text = "";
  await using proxy = await startProxy(
    server,
    { ...config, backend: backendNamed(server, own) },
    app.url,
    (generated) => {
      const port = /listen 127\.0\.0\.1:(\d+)/.exec(generated)?.[1] ?? "";
      const { host } = new URL(app.url);
      const filled = base?.replace("FOLDER", own).replace("APP", host).replace("PROXY", port);
      return (text = edit(filled ?? generated));
    },
  );
  return { results: (await diagnose(config, { app: app.url, proxy: proxy.url })).results, text };
}

function shown({ check, actual, remedy }: CheckResult): string {
  return `${check}: ${actual}: ${remedy}`;
}
