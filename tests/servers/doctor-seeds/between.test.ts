import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import express from "express";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { smartDownloadMiddleware, withMiddleware } from "downloadview";
import { defineConfig, type DownloadviewConfig } from "downloadview/config";
import { diagnose, HealthcheckDownloadView, type CheckResult } from "downloadview/doctor";
import { toExpressHandler } from "downloadview/express";
import { serve, type Application } from "../support/application.ts";
import { backendNamed, isInstalled, publicFolder, startProxy } from "../support/proxy.ts";
import { OldFiles } from "./old-files.ts";
import { relayTo, type Relay } from "./relay.ts";

const relays: readonly Relay[] = [
  { what: "one that changes nothing" },
  { what: "one that adds its own fields", response: (fields) => void (fields["via"] = "1.1 varnish (Varnish/7.1)") },
  {
    what: "one that adds Accept-Encoding to Vary",
    response: (fields) => void (fields["vary"] = "Cookie, Accept-Encoding"),
  },
  {
    what: "a weak ETag",
    response: (fields) => void (fields["etag"] &&= weak(fields["etag"])),
    fails: "proxy-validators",
    side: "between",
  },
  {
    what: "a weak ETag of Cloudflare",
    response: (fields) => {
      fields["etag"] &&= weak(fields["etag"]);
      fields["cf-ray"] = "8f00-FRA";
      fields["server"] = "cloudflare";
    },
    fails: "proxy-validators",
    side: "between",
    says: "Respect Strong ETags",
  },
  {
    what: "no ETag, at a cache that names itself",
    response: (fields) => {
      delete fields["etag"];
      fields["via"] = "1.1 google";
    },
    fails: "proxy-validators",
    side: "between",
  },
  {
    what: "no Range at Varnish",
    request: (fields) => void delete fields["range"],
    response: (fields) => void (fields["x-varnish"] = "32770"),
    fails: "proxy-range",
    side: "between",
    says: "return (pass);",
  },
  {
    what: "no If-None-Match past a load balancer",
    request: (fields) => void delete fields["if-none-match"],
    response: (fields) => void (fields["server"] = "awselb/2.0"),
    fails: "proxy-not-modified",
    side: "between",
  },
  {
    what: "a cache that stores private responses",
    response: (fields) => void (fields["x-cache"] = "HIT"),
    stores: true,
    fails: "proxy-private",
    side: "between",
  },
  {
    what: "no Content-Disposition past CloudFront",
    response: (fields) => {
      delete fields["content-disposition"];
      fields["via"] = "1.1 abc.cloudfront.net (CloudFront)";
    },
    fails: "proxy-fields",
    side: "between",
  },
  {
    what: "another Host",
    request: (fields) => void (fields["host"] = "inside.example"),
    fails: "proxy-host",
    side: "proxy",
  },
  {
    what: "no query",
    request: (fields, original) => void (original.url = original.url?.replace(/\?.*/, "")),
    response: (fields) => void (fields["via"] = "1.1 abc.cloudfront.net (CloudFront)"),
    fails: "proxy-query",
    side: "between",
    says: "forward all query strings",
  },
];

function weak(etag: string | string[]): string {
  return `W/${String(etag).replace(/^W\//, "")}`;
}

let folder: string;
let root: string;
beforeAll(async () => {
  folder = await publicFolder("downloadview-between-");
  root = join(folder, "vault");
  await mkdir(root, { mode: 0o755 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function configFor(backend: "nginx" | "none"): DownloadviewConfig {
  return defineConfig({
    backend: backend === "none" ? "none" : backendNamed(backend, folder),
    rules: [{ sourceDir: root, destinationUrl: "/_downloads/", destinationDir: root }],
    storages: { media: new OldFiles(root) },
    healthcheck: { url: "/healthcheck/", storage: "media" },
  });
}

async function application(config: DownloadviewConfig): Promise<Application> {
  const app = express();
  const handler = withMiddleware(HealthcheckDownloadView.asView({ config }), smartDownloadMiddleware(config));
  app.get("/healthcheck/*path", toExpressHandler(handler));
  return serve(app);
}

function judge(results: readonly CheckResult[], { fails, side, says = "" }: Relay): void {
  const failures = results.filter(({ outcome }) => outcome === "fail");
  const told = failures.map(({ check, actual, remedy }) => `${check}: ${actual}: ${remedy}`).join("\n");
  expect(
    failures.map((failure) => [failure.check, failure.side]),
    told,
  ).toEqual(fails === undefined ? [] : [[fails, side]]);
  expect(told).toContain(says);
}

describe("an application that sends its files itself, behind a relay", () => {
  for (const relay of relays) {
    it.concurrent(`${relay.what}: ${relay.fails ?? "nothing wrong"}`, async () => {
      const config = configFor("none");
      await using app = await application(config);
      await using between = await serve(relayTo(app.url, relay));
      judge((await diagnose(config, { app: app.url, proxy: between.url })).results, relay);
    });
  }
});

describe.skipIf(!isInstalled("nginx"))("nginx, behind a relay", () => {
  const unnamed: readonly Relay[] = [
    // nginx drops fields of a file alone, and takes Range from no request.
    {
      what: "no Referrer-Policy",
      response: (fields) => void delete fields["referrer-policy"],
      fails: "proxy-fields",
      side: "between",
    },
    { what: "no ETag", response: (fields) => void delete fields["etag"], fails: "proxy-validators", side: "between" },
    { what: "no Range", request: (fields) => void delete fields["range"], fails: "proxy-range", side: "between" },
  ];
  const usual = relays.filter(({ side = "between" }) => side === "between");
  for (const relay of [...usual, ...unnamed]) {
    it.concurrent(`${relay.what}: ${relay.fails ?? "nothing wrong"}`, async () => {
      const config = configFor("nginx");
      await using app = await application(config);
      await using proxy = await startProxy("nginx", config, app.url);
      await using between = await serve(relayTo(proxy.url, relay));
      judge((await diagnose(config, { app: app.url, proxy: between.url })).results, relay);
    });
  }
});
