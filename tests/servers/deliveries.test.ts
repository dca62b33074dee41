import { once } from "node:events";
import { chmod, mkdir, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import express from "express";
import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import {
  authorizeDownloads,
  LocalFile,
  download,
  smartDownloadMiddleware,
  withMiddleware,
  type DownloadHandler,
  type DownloadOutcome,
} from "downloadview";
import { apache } from "downloadview/apache";
import { caddy } from "downloadview/caddy";
import { defineConfig, serverConfiguration, type DownloadviewConfig } from "downloadview/config";
import {
  apacheLog,
  caddyLog,
  lighttpdLog,
  deleteAfterSend,
  deliveries,
  nginxLog,
  type Deliveries,
  type DeliveryLog,
} from "downloadview/deliveries";
import { toExpressHandler } from "downloadview/express";
import { lighttpd } from "downloadview/lighttpd";
import { nginx } from "downloadview/nginx";
import { toNodeHandler } from "downloadview/node";
import { serve, type Application } from "./support/application.ts";
import { ask } from "./support/client.ts";
import { describeNamed, publicFolder, startProxy, syntaxFault, type Proxy } from "./support/proxy.ts";

const size = 24_000_000;

const logs: Readonly<Record<string, (path: string) => DeliveryLog>> = {
  nginx: nginxLog,
  apache: apacheLog,
  lighttpd: lighttpdLog,
  caddy: caddyLog,
};

describeNamed(["nginx", "apache", "lighttpd", "caddy"], "the end of a download that $label sends", (server) => {
  let folder: string;
  let root: string;
  let logFile: string;
  let config: DownloadviewConfig;
  let sent: Deliveries;
  let application: Application;
  let proxy: Proxy;
  let ends: DownloadOutcome[];

  const backend = (log: string) => {
    const { modules } = server;
    if (server.name === "nginx") return nginx({ log });
    if (server.name === "lighttpd") return lighttpd({ log });
    return server.name === "caddy" ? caddy({ log }) : apache({ log, ...(modules === undefined ? {} : { modules }) });
  };

  beforeAll(async () => {
    folder = await publicFolder("downloadview-deliveries-");
    root = join(folder, "media");
    logFile = join(folder, "logs", "downloads.json");
    await mkdir(root, { mode: 0o755 });
    await mkdir(join(folder, "logs"));
    await chmod(join(folder, "logs"), 0o777);
    await writeFile(join(root, "large.bin"), Buffer.alloc(size, "a"));
    await writeFile(join(root, "small.txt"), "0123456789");
    // A file that was just written has a weak entity tag, and ranges are joined by strong ones.
    await utimes(join(root, "small.txt"), 1_700_000_000, 1_700_000_000);
    const rules = [{ sourceDir: root, destinationUrl: "/_downloads/", destinationDir: root }];
    config = defineConfig({ backend: backend(logFile), rules });
    const middleware = smartDownloadMiddleware(config);
    const files: DownloadHandler = async (_, { params }) =>
      download(new LocalFile(join(root, params["name"] ?? "")), { onFinish: (outcome) => void ends.push(outcome) });
    const once: DownloadHandler = async (_, { params }) =>
      deleteAfterSend(download(new LocalFile(join(root, params["name"] ?? ""))), { atLatest: 3600 });
    sent = deliveries({ from: logs[server.name]!(logFile), interval: 20, client: () => "a client" });
    const app = express();
    app.get("/files/:name", toExpressHandler(sent.follow(withMiddleware(files, middleware))));
    app.get("/once/:name", toExpressHandler(sent.follow(withMiddleware(once, middleware))));
    application = await serve(app);
    proxy = await startProxy(server, config, application.url);
  });
  afterAll(async () => {
    await sent?.close();
    await proxy?.[Symbol.asyncDispose]();
    await application?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(() => (ends = []));

  const ended = (count: number): Promise<void> =>
    vi.waitFor(() => expect(ends).toHaveLength(count), { timeout: 10_000, interval: 20 });

  it("the generated configuration passes the server's own check", async () => {
    const strange = { ...config, backend: backend(join(folder, "logs", "a b.json")) };
    const text = serverConfiguration(server.name, strange, { listen: "127.0.0.1:65000", app: application.url });
    expect(await syntaxFault(server, text)).toBeUndefined();
  });

  it("is told with its bytes, and the id is not the client's where the server can hide it", async () => {
    const answer = await ask(proxy.url, { path: "/files/small.txt" });
    expect(answer.body.toString()).toBe("0123456789");
    expect(answer.header("X-Download-Id") === undefined).toBe(!["caddy", "lighttpd"].includes(server.name));
    await ended(1);
    expect(ends).toEqual([{ kind: "completed", status: 200, bytesSent: 10, completed: true, hasWhole: true }]);
  });

  it("joins the ranges of a client", async () => {
    for (const range of ["bytes=0-4", "bytes=5-"]) {
      await ask(proxy.url, { path: "/files/small.txt", headers: { Range: range } });
    }
    await ended(2);
    expect(ends.map(({ kind, status, bytesSent }) => [kind, status, bytesSent])).toEqual([
      ["completed", 206, 5],
      ["completed", 206, 5],
    ]);
    expect(ends.map(({ hasWhole }) => hasWhole)).toContain(true);
  });

  it("is told of a client that left", async () => {
    const { hostname, port } = new URL(proxy.url);
    const socket = connect(Number(port), hostname);
    socket.write("GET /files/large.bin HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await once(socket, "data");
    socket.resetAndDestroy();
    await ended(1);
    expect(ends[0]).toMatchObject({ kind: "aborted", completed: false, hasWhole: false });
    expect(ends[0]!.bytesSent).toBeLessThan(size);
  });

  it("is told when the server is done, and not before", async () => {
    const outgoing = request(`${proxy.url}/files/large.bin`, { agent: false }).end();
    const [response] = await once(outgoing, "response");
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(ends).toEqual([]);
    response.resume();
    await ended(1);
    expect(ends[0]).toMatchObject({ kind: "completed", bytesSent: size });
  });

  it("no file is deleted before it was sent", async () => {
    const names = Array.from({ length: 40 }, (_, at) => `${at}.txt`);
    await Promise.all(names.map((name) => writeFile(join(root, name), `${name} `.repeat(20_000))));
    const answers = await Promise.all(names.map((name) => ask(proxy.url, { path: `/once/${name}` })));
    expect(answers.filter(({ status, body }) => status === 200 && body.byteLength >= 120_000)).toHaveLength(40);
    await vi.waitFor(async () => expect(await readdir(root)).toHaveLength(2), { timeout: 10_000 });
  });

  // The others open their log anew by a signal of their own, or by themselves.
  const isReopened = server.name === "nginx";
  if (isReopened)
    it("follows a log that is rotated under way", async () => {
      const outgoing = request(`${proxy.url}/files/large.bin`, { agent: false }).end();
      const [response] = await once(outgoing, "response");
      await rename(logFile, `${logFile}.1`);
      await writeFile(logFile, "");
      response.resume();
      await ended(1);
      expect(ends[0]).toMatchObject({ kind: "completed", bytesSent: size });
      expect((await stat(logFile)).size).toBe(0);
    });
});

describeNamed(["nginx"], "the end of a download that $label asks about", (server) => {
  it("is told by its log, as is one that it did not find", async () => {
    const folder = await publicFolder("downloadview-asked-");
    const [root, log] = [join(folder, "media"), join(folder, "downloads.json")];
    await mkdir(root, { mode: 0o755 });
    await writeFile(join(root, "small.txt"), "0123456789");
    await chmod(folder, 0o777);
    const ends: DownloadOutcome[] = [];
    const files: DownloadHandler = async (_, { params }) =>
      download(new LocalFile(join(root, "small.txt")), {
        filename: params["path"] ?? "",
        onFinish: (outcome) => void ends.push(outcome),
      });
    await using sent = deliveries({ from: nginxLog(log), interval: 20 });
    const authorize = authorizeDownloads(sent.follow(files), { server: "nginx", trustedProxies: ["127.0.0.1"] });
    await using application = await serve(toNodeHandler(authorize));
    const rules = [{ sourceDir: root, sourceUrl: "/media/", destinationUrl: "/_d/" }];
    const config = defineConfig({ backend: nginx({ log }), rules });
    await using proxy = await startProxy(server, config, application.url, undefined, { authRequest: true });
    expect((await ask(proxy.url, { path: "/media/small.txt", headers: { Range: "bytes=2-4" } })).status).toBe(206);
    await vi.waitFor(() => expect(ends).toHaveLength(1), { timeout: 10_000, interval: 20 });
    expect(ends[0]).toMatchObject({ kind: "completed", status: 206, bytesSent: 3 });
    // The application allows what nginx then does not find.
    expect((await ask(proxy.url, { path: "/media/other.txt" })).status).toBe(404);
    await vi.waitFor(() => expect(ends).toHaveLength(2), { timeout: 10_000, interval: 20 });
    expect(ends[1]).toMatchObject({ kind: "failed", status: 404, bytesSent: 0 });
    expect((await ask(proxy.url, { path: "/media/small.txt" })).header("X-Download-Id")).toBeUndefined();
    await rm(folder, { recursive: true });
  });
});
