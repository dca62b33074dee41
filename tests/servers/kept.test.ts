import { rm } from "node:fs/promises";
import { join } from "node:path";
import express, { type Express } from "express";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  download,
  HTTPFile,
  smartDownloadMiddleware,
  VirtualFile,
  withMiddleware,
  type DownloadFile,
} from "downloadview";
import { defineConfig, type DownloadviewConfig } from "downloadview/config";
import { toExpressHandler } from "downloadview/express";
import { keepFiles, KeptFiles } from "downloadview/keep";
import { serve, type Application } from "./support/application.ts";
import { ask } from "./support/client.ts";
import { backendNamed, describeInstalled, publicFolder, startProxy, type Proxy } from "./support/proxy.ts";

const content = "0123456789".repeat(1000);

/** The files that no server could send before: those without a place on the disk. */
const originals: Readonly<Record<string, (sent: () => void) => DownloadFile>> = {
  generated: (sent) =>
    new VirtualFile(
      async function* () {
        sent();
        yield content;
      },
      { name: "report.txt" },
    ),
  remote: (sent) => {
    const answer = async (): Promise<Response> => {
      sent();
      return new Response(content, { headers: { "Cache-Control": "max-age=3600", "Content-Type": "text/plain" } });
    };
    return new HTTPFile("https://files.example/report.txt", { fetch: answer });
  },
};

describeInstalled("kept files behind %s", (server) => {
  let folder: string;
  let kept: KeptFiles;
  let app: Application;
  let proxy: Proxy;
  const outcomes: string[] = [];
  let sent = 0;
  let isAllowed = true;

  function application(config: DownloadviewConfig): Express {
    const served = express();
    for (const [name, make] of Object.entries(originals)) {
      const handler = withMiddleware(
        async () => {
          if (!isAllowed) return new Response("no", { status: 403 });
          const onFinish = ({ kind }: { kind: string }): number => outcomes.push(kind);
          return download(
            make(() => (sent += 1)),
            { onFinish },
          );
        },
        keepFiles(kept, { key: () => [name] }),
        smartDownloadMiddleware(config),
      );
      served.get(`/${name}`, toExpressHandler(handler));
    }
    return served;
  }

  beforeAll(async () => {
    folder = await publicFolder("downloadview-kept-");
    kept = new KeptFiles({ folder: join(folder, "cache"), mode: 0o644 });
    const files = join(folder, "cache", "files");
    const rules = [{ sourceDir: files, destinationUrl: "/_kept/", destinationDir: files }];
    const config = defineConfig({ backend: backendNamed(server, folder), rules });
    app = await serve(application(config));
    proxy = await startProxy(server, config, app.url);
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await app?.[Symbol.asyncDispose]();
    await kept?.close();
    await rm(folder, { recursive: true, force: true });
  });

  for (const name of Object.keys(originals)) {
    it(`a ${name} file is sent by the application once, and then by the server`, async () => {
      isAllowed = true;
      sent = 0;
      outcomes.length = 0;
      const first = await ask(proxy.url, { path: `/${name}` });
      expect([first.status, first.body.toString()]).toEqual([200, content]);
      await expect.poll(() => kept.get([name])).toBeDefined();
      const second = await ask(proxy.url, { path: `/${name}` });
      expect([second.status, second.body.toString(), sent]).toEqual([200, content, 1]);
      expect(second.header("content-length")).toBe(String(content.length));
      const part = await ask(proxy.url, { path: `/${name}`, headers: { Range: "bytes=9998-" } });
      expect([part.status, part.body.toString(), part.header("content-range")]).toEqual([
        206,
        "89",
        `bytes 9998-9999/${content.length}`,
      ]);
      await expect.poll(() => outcomes).toEqual(["completed", "handedOver", "handedOver"]);
    });

    it(`a client that has the ${name} file gets a 304, and none once its permission is withdrawn`, async () => {
      const etag = (await ask(proxy.url, { path: `/${name}` })).header("etag") ?? "";
      const headers = { "If-None-Match": etag };
      const app304 = await ask(app.url, {
        path: `/${name}`,
        headers: { "If-None-Match": (await ask(app.url, { path: `/${name}`, method: "HEAD" })).header("etag") ?? "" },
      });
      expect(app304.status).toBe(304);
      isAllowed = false;
      expect((await ask(proxy.url, { path: `/${name}`, headers })).status).toBe(403);
      expect((await ask(proxy.url, { path: `/${name}` })).status).toBe(403);
      isAllowed = true;
    });
  }
});
