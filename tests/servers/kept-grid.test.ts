import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import express, { type Express } from "express";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  HTTPDownloadView,
  MemoryStorage,
  ObjectDownloadView,
  PathDownloadView,
  smartDownloadMiddleware,
  StorageDownloadView,
  VirtualDownloadView,
  VirtualFile,
  withMiddleware,
  type DownloadHandler,
  type DownloadOutcome,
} from "downloadview";
import { defineConfig, type DownloadviewConfig, type ServerName } from "downloadview/config";
import { toExpressHandler } from "downloadview/express";
import { keepFiles, KeptFiles } from "downloadview/keep";
import { serve, type Application } from "./support/application.ts";
import { ask } from "./support/client.ts";
import { backendNamed, describeInstalled, publicFolder, startProxy, type Proxy } from "./support/proxy.ts";

const content = "0123456789".repeat(1000);

type OnFinish = (outcome: DownloadOutcome) => void;

/** The views of the original's table, each with a file that is not where a server could find it, but for the first one. */
const views: Readonly<Record<string, (root: string, onFinish: OnFinish) => Promise<DownloadHandler>>> = {
  PathDownloadView: async (root, onFinish) => {
    await writeFile(join(root, "report.txt"), content, { mode: 0o644 });
    return PathDownloadView.asView({ path: join(root, "report.txt"), onFinish });
  },
  StorageDownloadView: async (_, onFinish) => {
    const storage = new MemoryStorage();
    await storage.save("report.txt", content);
    return StorageDownloadView.asView({ storage, path: "report.txt", onFinish });
  },
  ObjectDownloadView: async (_, onFinish) => {
    class Documents extends ObjectDownloadView {
      override fileField = "bytes";
      override getObject(): { bytes: Uint8Array } {
        return { bytes: Buffer.from(content) };
      }
    }
    return Documents.asView({ filename: "report.txt", onFinish });
  },
  HTTPDownloadView: async (_, onFinish) => {
    class Remote extends HTTPDownloadView {
      override url = "https://files.example/report.txt";
      override getFetch(): typeof fetch {
        return async () => new Response(content, { headers: { "Cache-Control": "max-age=3600" } });
      }
    }
    return Remote.asView({ onFinish });
  },
  VirtualDownloadView: async (_, onFinish) => {
    class Generated extends VirtualDownloadView {
      override getFile(): VirtualFile {
        const rows = async function* (): AsyncGenerator<string> {
          yield content;
        };
        return new VirtualFile(rows, { name: "report.txt" });
      }
    }
    return Generated.asView({ onFinish });
  },
};

const servers: readonly ServerName[] = ["nginx", "apache", "lighttpd", "caddy", "h2o"];
const titles: Readonly<Record<ServerName, string>> = {
  nginx: "nginx",
  apache: "Apache",
  lighttpd: "lighttpd",
  caddy: "Caddy",
  h2o: "h2o",
};
const cells = new Map<string, boolean>();

describe("every view, kept, is sent by every server", () => {
  describeInstalled("by %s", (server) => {
    let folder: string;
    let kept: KeptFiles;
    let app: Application;
    let proxy: Proxy;
    const outcomes: string[] = [];

    async function application(config: DownloadviewConfig): Promise<Express> {
      const served = express();
      for (const [name, make] of Object.entries(views)) {
        const view = await make(folder, ({ kind }) => outcomes.push(kind));
        const handler = withMiddleware(view, keepFiles(kept, { key: () => [name] }), smartDownloadMiddleware(config));
        served.get(`/${name}`, toExpressHandler(handler));
      }
      return served;
    }

    beforeAll(async () => {
      folder = await publicFolder("downloadview-grid-");
      kept = new KeptFiles({ folder: join(folder, "cache"), mode: 0o644 });
      const files = join(folder, "cache", "files");
      const rules = [{ sourceDir: files, destinationUrl: "/_kept/", destinationDir: files }];
      const config = defineConfig({ backend: backendNamed(server, folder), rules });
      app = await serve(await application(config));
      proxy = await startProxy(server, config, app.url);
    });
    afterAll(async () => {
      await proxy?.[Symbol.asyncDispose]();
      await app?.[Symbol.asyncDispose]();
      await kept?.close();
      await rm(folder, { recursive: true, force: true });
    });

    it.each(Object.keys(views))("%s", async (view) => {
      cells.set(`${view} ${server}`, false);
      const path = `/${view}`;
      expect((await ask(proxy.url, { path })).body.toString()).toBe(content);
      await expect.poll(() => kept.get([view])).toBeDefined();
      outcomes.length = 0;
      const whole = await ask(proxy.url, { path });
      expect([whole.status, whole.body.toString()]).toEqual([200, content]);
      expect(whole.header("content-length")).toBe(String(content.length));
      const part = await ask(proxy.url, { path, headers: { Range: "bytes=-2" } });
      expect([part.status, part.body.toString()]).toEqual([206, "89"]);
      await expect.poll(() => outcomes).toEqual(["handedOver", "handedOver"]);
      cells.set(`${view} ${server}`, true);
    });
  });

  it("as the table of the documentation says", async () => {
    const here = servers.filter((server) => cells.has(`PathDownloadView ${server}`));
    // Where a server is not installed, its column cannot be written.
    if (here.length < servers.length) return;
    const page = new URL("../../docs/kept-files.md", import.meta.url);
    const text = await readFile(page, "utf8");
    const [before = "", rest = ""] = text.split(begin);
    const after = rest.slice(rest.indexOf(end));
    const written = `${before}${begin}\n\n${table()}\n\n${after}`;
    if (process.env["WRITE_DOCS"]) await writeFile(page, written);
    else expect(text).toBe(written);
  });
});

const begin = "<!-- the grid: WRITE_DOCS=1 npx vitest run tests/servers/kept-grid.test.ts -->";
const end = "<!-- /the grid -->";

/** In the form that the formatter leaves as it is. */
function table(): string {
  const width = Math.max(...Object.keys(views).map((view) => view.length + 2));
  const row = (first: string, rest: readonly string[]): string =>
    `| ${first.padEnd(width)} | ${rest.map((cell, at) => cell.padEnd(titles[servers[at]!].length)).join(" | ")} |`;
  const rule = `| ${"-".repeat(width)} | ${servers.map((server) => "-".repeat(titles[server].length)).join(" | ")} |`;
  const rows = Object.keys(views).map((view) =>
    row(
      `\`${view}\``,
      servers.map((server) => (cells.get(`${view} ${server}`) ? "yes" : "no")),
    ),
  );
  const head = row(
    "view",
    servers.map((server) => titles[server]),
  );
  return [head, rule, ...rows].join("\n");
}
