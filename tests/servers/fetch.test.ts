import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { expect, it } from "vitest";
import { PathDownloadView, smartDownloadMiddleware, withMiddleware } from "downloadview";
import { defineConfig } from "downloadview/config";
import { toHonoHandler } from "downloadview/hono";
import { serve } from "./support/application.ts";
import { ask } from "./support/client.ts";
import { backendNamed, publicFolder, describeServers, startProxy } from "./support/proxy.ts";

const names = ["plain.txt", "sp ace 100%.txt", "ünïcode 日本 🎉.txt"];

// A web Response takes a header's bytes as characters: what it makes of a name's bytes must be those bytes again.
describeServers("a web response, behind $label", (server) => {
  it("names a file whatever it is called", async () => {
    const folder = await publicFolder("downloadview-fetch-");
    const root = join(folder, "media");
    await mkdir(root, { mode: 0o755 });
    for (const file of names) await writeFile(join(root, file), file);
    const config = defineConfig({
      backend: backendNamed(server, folder),
      rules: [{ sourceDir: root, destinationUrl: "/_downloads/", destinationDir: root }],
    });
    const hono = new Hono();
    const view = withMiddleware(PathDownloadView.asView({ root }), smartDownloadMiddleware(config));
    hono.get("/:path", toHonoHandler(view));
    await using app = await serve(getRequestListener(hono.fetch));
    await using proxy = await startProxy(server, config, app.url);
    for (const file of names) {
      const path = `/${encodeURIComponent(file)}`;
      expect((await ask(app.url, { path })).body.byteLength).toBe(0);
      const { status, body } = await ask(proxy.url, { path });
      expect([status, body.toString()]).toEqual([200, file]);
    }
    await rm(folder, { recursive: true });
  });
});
