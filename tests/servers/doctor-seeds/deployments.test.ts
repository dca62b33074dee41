import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import express from "express";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  MemoryStorage,
  PathDownloadView,
  smartDownloadMiddleware,
  StorageDownloadView,
  withMiddleware,
} from "downloadview";
import { defineConfig, type DownloadviewConfig, type ServerName } from "downloadview/config";
import { diagnose, HealthcheckDownloadView, type CheckResult, type Side } from "downloadview/doctor";
import { toExpressHandler } from "downloadview/express";
import { nginx } from "downloadview/nginx";
import { serve, type Application } from "../support/application.ts";
import { backendNamed, describeInstalled, isInstalled, publicFolder, startProxy } from "../support/proxy.ts";
import { applyRemedy } from "./apply-remedy.ts";
import { OldFiles } from "./old-files.ts";
import { relayTo } from "./relay.ts";

let folder: string;
beforeAll(async () => {
  folder = await publicFolder("downloadview-deployments-");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function healthcheckApp(config: DownloadviewConfig): express.Express {
  const app = express();
  const handler = withMiddleware(HealthcheckDownloadView.asView({ config }), smartDownloadMiddleware(config));
  app.get("/healthcheck/*path", toExpressHandler(handler));
  return app;
}

function failuresOf(results: readonly CheckResult[]): readonly CheckResult[] {
  return results.filter(({ outcome }) => outcome === "fail");
}

function shown({ check, side, actual, remedy }: CheckResult): string {
  return `${check} (${side}): ${actual}: ${remedy}`;
}

/** A storage whose objects nginx fetches by their URLs. */
class Bucket extends MemoryStorage {
  base = "";
  url(name: string): string {
    return `${this.base}/bucket/${name.split("/").map(encodeURIComponent).join("/")}`;
  }
}

interface RemoteDeployment extends AsyncDisposable {
  readonly config: DownloadviewConfig;
  readonly app: Application;
}

/** An application whose files are at a remote storage, which answers `status` instead of its objects if it is given. */
async function remoteDeployment(status?: number): Promise<RemoteDeployment> {
  const bucket = new Bucket();
  const store = express();
  if (status !== undefined) store.use((_request, response) => void response.status(status).send("<Error/>"));
  store.get("/bucket/*path", toExpressHandler(StorageDownloadView.asView({ storage: bucket })));
  const running = await serve(store);
  bucket.base = running.url;
  const config = defineConfig({
    backend: nginx(),
    rules: [{ sourceUrl: `${bucket.base}/bucket/`, destinationUrl: "/_downloads/" }],
    storages: { media: bucket },
    healthcheck: { url: "/healthcheck/", storage: "media" },
  });
  const app = await serve(healthcheckApp(config));
  const dispose = async (): Promise<void> => {
    await app[Symbol.asyncDispose]();
    await running[Symbol.asyncDispose]();
  };
  return { config, app, [Symbol.asyncDispose]: dispose };
}

const refusals: readonly { readonly status: number; readonly side: Side; readonly says: RegExp }[] = [
  { status: 401, side: "storage", says: /answers 401 to http.*presigned: true/ },
  { status: 403, side: "storage", says: /answers 403 to http.*presigned: true/ },
  { status: 404, side: "storage", says: /no object at http.*sourceUrl/ },
  { status: 500, side: "storage", says: /answers 500 to http.*look into its log/ },
  { status: 503, side: "storage", says: /answers 503 to http.*look into its log/ },
];

describe.skipIf(!isInstalled("nginx"))("a remote storage behind nginx", () => {
  it("is healthy if it serves its objects", async () => {
    await using remote = await remoteDeployment();
    await using proxy = await startProxy("nginx", remote.config, remote.app.url);
    const { results } = await diagnose(remote.config, { app: remote.app.url, proxy: proxy.url });
    expect(failuresOf(results).map(shown)).toEqual([]);
  });

  it.each(refusals)("is to fix if it answers $status", async ({ status, side, says }) => {
    await using remote = await remoteDeployment(status);
    await using proxy = await startProxy("nginx", remote.config, remote.app.url);
    const { results } = await diagnose(remote.config, { app: remote.app.url, proxy: proxy.url });
    const failures = failuresOf(results);
    expect(failures.map(({ check, side }) => [check, side])).toEqual([["proxy-sends", side]]);
    expect(failures[0]?.remedy).toMatch(says);
    expect(failures[0]?.remedy).not.toContain("alias");
  });

  it("is not to fix if nginx asks it for another object", async () => {
    await using remote = await remoteDeployment();
    const spoil = (text: string): string =>
      text.replace(/proxy_pass http:.*bucket\/;/, "proxy_pass http://downloadview_remote_0/other/;");
    const examine = async (edit: (text: string) => string): Promise<readonly CheckResult[]> => {
      await using proxy = await startProxy("nginx", remote.config, remote.app.url, edit);
      return failuresOf((await diagnose(remote.config, { app: remote.app.url, proxy: proxy.url })).results);
    };
    const failures = await examine(spoil);
    expect(failures.map(({ check, side }) => [check, side])).toEqual([["proxy-sends", "proxy"]]);
    const left = await examine((text) => applyRemedy("nginx", spoil(text), failures[0]?.remedy ?? "", text));
    expect(left.map(shown)).toEqual([]);
  });
});

// A server that root starts has another user. Without root, all have the same.
const servers = (["nginx", "apache", "lighttpd"] as const).filter(
  (name) => process.getuid?.() === 0 && isInstalled(name),
);

describe.skipIf(servers.length === 0)("a folder that the server may not enter", () => {
  it.concurrent.each(servers)("is not a wrong folder to %s", async (server: ServerName) => {
    const own = await mkdtemp(join(folder, "own-"));
    await chmod(own, 0o755);
    const root = join(own, "closed", "vault");
    await mkdir(root, { recursive: true, mode: 0o755 });
    await chmod(join(own, "closed"), 0o700);
    const config = defineConfig({
      backend: backendNamed(server, own),
      rules: [{ sourceDir: root, destinationUrl: "/_downloads/", destinationDir: root }],
      storages: { media: new OldFiles(root) },
      healthcheck: { url: "/healthcheck/", storage: "media" },
    });
    await using app = await serve(healthcheckApp(config));
    await using proxy = await startProxy(server, config, app.url);
    const examine = async (): Promise<readonly CheckResult[]> =>
      failuresOf((await diagnose(config, { app: app.url, proxy: proxy.url })).results);
    const failures = await examine();
    expect(failures.map(({ check, side }) => [check, side])).toEqual([["proxy-sends", "proxy"]]);
    expect(failures[0]?.remedy).toContain(`run \`chmod o+x ${join(own, "closed")}\``);
    applyRemedy(server, "", failures[0]?.remedy ?? "", "");
    expect((await examine()).map(shown)).toEqual([]);
  });
});

/** The application of the health check, with a view of the whole folder that asks for no permission. */
function openApp(config: DownloadviewConfig, root: string): express.Express {
  const app = healthcheckApp(config);
  const view = withMiddleware(PathDownloadView.asView({ root }), smartDownloadMiddleware(config));
  return app.get("/files/*path", toExpressHandler(view));
}

describeInstalled("an application that offloads any file of its folder to %s", (name) => {
  it("is healthy", async () => {
    const own = await mkdtemp(join(folder, "open-"));
    await chmod(own, 0o755);
    const root = join(own, "media");
    await mkdir(root);
    const config = defineConfig({
      backend: backendNamed(name, own),
      rules: [{ sourceDir: root, destinationUrl: "/_downloads/", destinationDir: root }],
      storages: { media: new OldFiles(root) },
      healthcheck: { url: "/healthcheck/", storage: "media" },
    });
    await using app = await serve(openApp(config, root));
    await using proxy = await startProxy(name, config, app.url);
    const { results } = await diagnose(config, { app: app.url, proxy: proxy.url });
    expect(failuresOf(results).map(shown)).toEqual([]);
  });
});

describe("an application that sends its files itself", () => {
  function plain(root: string): DownloadviewConfig {
    return defineConfig({
      backend: "none",
      rules: [],
      storages: { media: new OldFiles(root) },
      healthcheck: { url: "/healthcheck/", storage: "media" },
    });
  }

  it("is to fix if it publishes the folder itself", async () => {
    const root = await mkdtemp(join(folder, "public-"));
    const config = plain(root);
    const app = healthcheckApp(config);
    app.use("/media", express.static(root));
    await using running = await serve(app);
    await using relay = await serve(relayTo(running.url, { what: "nothing" }));
    const { results } = await diagnose(config, { app: running.url, proxy: relay.url });
    expect(failuresOf(results).map(({ check, side }) => [check, side])).toEqual([["proxy-internal", "app"]]);
  });

  it.runIf(isInstalled("nginx"))("is healthy behind nginx if a view of it serves any file of the folder", async () => {
    const root = await mkdtemp(join(folder, "open-"));
    const config = plain(root);
    await using app = await serve(openApp(config, root));
    await using proxy = await startProxy("nginx", config, app.url);
    const { results } = await diagnose(config, { app: app.url, proxy: proxy.url });
    expect(failuresOf(results).map(shown)).toEqual([]);
  });

  it.skipIf(!hasOpenSSL())("is examined behind a self-signed certificate if that is accepted", async () => {
    const config = plain(await mkdtemp(join(folder, "tls-")));
    await using app = await serve(healthcheckApp(config));
    const files = { key: join(folder, "key.pem"), cert: join(folder, "cert.pem") };
    const subject = ["-subj", "/CN=files.example", "-days", "1"];
    execFileSync(
      "openssl",
      ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", files.key, "-out", files.cert, ...subject],
      {
        stdio: "ignore",
      },
    );
    const [key, cert] = await Promise.all([readFile(files.key), readFile(files.cert)]);
    let scheme: string | undefined = "https";
    const relay = relayTo(app.url, {
      what: "TLS",
      request: (fields) => void (fields["x-forwarded-proto"] = scheme ?? []),
    });
    const secure = createSecureServer({ key, cert }, relay).listen(0, "127.0.0.1");
    await once(secure, "listening");
    const proxy = `https://127.0.0.1:${(secure.address() as AddressInfo).port}`;
    const examine = async (insecure: boolean): Promise<readonly CheckResult[]> =>
      failuresOf((await diagnose(config, { app: app.url, proxy, host: "files.example", insecure })).results);
    try {
      const [refused] = await examine(false);
      expect(refused).toMatchObject({
        check: "proxy-reachable",
        remedy: expect.stringContaining("--insecure") as string,
      });
      expect((await examine(true)).map(shown)).toEqual([]);
      scheme = undefined;
      expect((await examine(true)).map(({ check, side }) => [check, side])).toEqual([["proxy-scheme", "proxy"]]);
    } finally {
      secure.closeAllConnections();
      secure.close();
    }
  });
});

function hasOpenSSL(): boolean {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
