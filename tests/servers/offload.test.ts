import { createHash, randomBytes } from "node:crypto";
import { mkdir, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { defineConfig, serverConfiguration, type DownloadviewConfig, type ServerName } from "downloadview/config";
import { application, manyFields, serve, type Application } from "./support/application.ts";
import { ask, type Answer, type Ask } from "./support/client.ts";
import { oddNames, unsendableNames, urlPath } from "./support/names.ts";
import { backendNamed, publicFolder, describeServers, startProxy, syntaxFault, type Proxy } from "./support/proxy.ts";

const content = "0123456789";
const modified = new Date(1_700_000_000_500);
const etag = '"6553f100-a"';
const lastModified = "Tue, 14 Nov 2023 22:13:20 GMT";
const earlier = "Mon, 13 Nov 2023 22:13:20 GMT";

/** What a server cannot do, in the words of the table below. */
const limits: Readonly<Record<ServerName, ReadonlySet<string>>> = {
  nginx: new Set(),
  apache: new Set(),
  // It sends the file's bytes with any status, and has no way to be told otherwise.
  lighttpd: new Set(["refuses a file with an error", "multipart"]),
  caddy: new Set(),
  h2o: new Set(["refuses a file with an error"]),
};

async function makeFiles(root: string): Promise<void> {
  for (const name of [...oddNames, ...unsendableNames, "page.html", "gz.txt", "compressed.txt"]) {
    const path = join(root, name);
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await writeFile(path, content);
    await utimes(path, modified, modified);
  }
  await writeFile(join(root, "compressed.txt.gz"), "as gzip");
  await writeFile(join(root, "empty.txt"), "");
  await utimes(join(root, "empty.txt"), modified, modified);
  await symlink("plain.txt", join(root, "link.txt"));
  await writeFile(join(dirname(root), "secret.txt"), "nobody may see this");
  await symlink("../secret.txt", join(root, "out.txt"));
}

describeServers("behind $label", (server) => {
  let folder: string;
  let root: string;
  let config: DownloadviewConfig;
  let app: Application;
  let proxy: Proxy;

  beforeAll(async () => {
    folder = await publicFolder("downloadview-files-");
    root = join(folder, "media");
    await mkdir(root, { mode: 0o755 });
    await makeFiles(root);
    config = defineConfig({
      backend: backendNamed(server, folder),
      rules: [{ sourceDir: root, destinationUrl: "/_downloads/", destinationDir: root }],
    });
    app = await serve(application(root, config));
    proxy = await startProxy(server, config, app.url);
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await app?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const get = (path: string, more: Omit<Ask, "path"> = {}): Promise<Answer> => ask(proxy.url, { path, ...more });
  const getWith = (headers: Record<string, string>, path = "/files/plain.txt"): Promise<Answer> =>
    get(path, { headers });
  const able = (what: string): boolean => !limits[server.name].has(what);

  it("the generated configuration passes the server's own check", async () => {
    expect(
      await syntaxFault(server, serverConfiguration(server.name, config, { listen: "127.0.0.1:65000" })),
    ).toBeUndefined();
  });

  it("the application names the file, and the server sends it", async () => {
    const direct = await ask(app.url, { path: "/files/plain.txt" });
    expect(direct.body.byteLength).toBe(0);
    expect(direct.headers).toContain("plain.txt");
    const { status, body, header } = await get("/files/plain.txt");
    expect([status, body.toString()]).toEqual([200, content]);
    expect(header("X-Accel-Redirect") ?? header("X-Sendfile") ?? header("X-Reproxy-URL")).toBeUndefined();
  });

  it.each([...oddNames, ...unsendableNames])("sends %j", async (file) => {
    const { status, body, header, all } = await get(
      file.includes("\\") ? `/named?name=${encodeURIComponent(file)}` : `/files/${urlPath(file)}`,
    );
    expect([status, body.toString()]).toEqual([200, content]);
    expect(header("Content-Disposition")).toMatch(/^attachment/);
    for (const field of ["Content-Disposition", "Content-Type", "ETag", "Last-Modified", "Accept-Ranges"]) {
      expect(all(field)).toHaveLength(1);
    }
  });

  it("sends an empty file, a symlink within the root, and none that leads out", async () => {
    const empty = await get("/files/empty.txt");
    expect([empty.status, empty.body.byteLength]).toEqual([200, 0]);
    expect((await get("/files/link.txt")).body.toString()).toBe(content);
    expect((await get("/files/out.txt")).status).toBe(404);
  });

  it("answers HEAD as GET, without the body", async () => {
    const [head, full] = [await get("/files/plain.txt", { method: "HEAD" }), await get("/files/plain.txt")];
    expect([head.status, head.body.byteLength, head.header("Content-Length")]).toEqual([200, 0, "10"]);
    for (const field of ["ETag", "Last-Modified", "Content-Type", "Content-Disposition", "Cache-Control"]) {
      expect([field, ...head.all(field)]).toEqual([field, ...full.all(field)]);
    }
    const ranged = await get("/files/plain.txt", { method: "HEAD", headers: { Range: "bytes=0-3" } });
    expect([ranged.status, ranged.body.byteLength]).toEqual([200, 0]);
  });

  it.each([
    ["bytes=0-3", "bytes 0-3/10", "0123"],
    ["bytes=5-", "bytes 5-9/10", "56789"],
    ["bytes=-3", "bytes 7-9/10", "789"],
    ["bytes=8-100", "bytes 8-9/10", "89"],
  ])("sends the range %s", async (range, contentRange, part) => {
    const { status, header, body } = await getWith({ Range: range });
    expect([status, header("Content-Range"), body.toString()]).toEqual([206, contentRange, part]);
    expect(header("ETag")).toBe(etag);
    expect(header("Content-Disposition")).toMatch(/^attachment/);
  });

  it("sends several ranges", async () => {
    const { status, header, body } = await getWith({ Range: "bytes=0-1,8-9" });
    expect(status).toBe(206);
    if (able("multipart")) {
      expect(header("Content-Type")).toMatch(/^multipart\/byteranges; *boundary=/);
      for (const part of ["bytes 0-1/10", "01", "bytes 8-9/10", "89"]) expect(body.toString()).toContain(part);
    } else {
      expect([header("Content-Range"), body.toString()]).toEqual(["bytes 0-9/10", content]);
    }
  });

  it("refuses a range that cannot be satisfied, with none of the file's bytes", async () => {
    const { status, body } = await getWith({ Range: "bytes=100-" });
    expect(status).toBe(416);
    expect(body.toString()).not.toContain(content);
  });

  it.each([
    [etag, 206],
    [lastModified, 206],
    ['"other"', 200],
    [earlier, 200],
  ])("with If-Range: %s answers a range with %i", async (condition, expected) => {
    const { status, body } = await getWith({ Range: "bytes=0-3", "If-Range": condition });
    expect([status, body.toString()]).toEqual([expected, expected === 206 ? "0123" : content]);
  });

  it.each([
    [{ "If-None-Match": etag }, 304],
    [{ "If-None-Match": `W/${etag}` }, 304],
    [{ "If-None-Match": '"other"' }, 200],
    [{ "If-None-Match": etag, "If-Modified-Since": earlier }, 304],
    [{ "If-None-Match": '"other"', "If-Modified-Since": lastModified }, 200],
    [{ "If-Modified-Since": lastModified }, 304],
    [{ "If-Modified-Since": earlier }, 200],
    [{ "If-Match": etag }, 200],
    [{ "If-Match": '"other"' }, 412],
    [{ "If-Unmodified-Since": lastModified }, 200],
    [{ "If-Unmodified-Since": earlier }, 412],
  ] satisfies [Record<string, string>, number][])("answers %j with %i", async (headers, expected) => {
    const { status, body, header } = await getWith(headers);
    expect([status, body.toString()]).toEqual([expected, expected === 200 ? content : ""]);
    if (expected === 304) expect(header("ETag")).toBe(etag);
  });

  it("sends the application's validators, where they are its own", async () => {
    const { header } = await get("/tagged/plain.txt");
    expect(header("ETag")).toBe('"of-the-application"');
    const statusOf = async (headers: Record<string, string>): Promise<number> =>
      (await getWith(headers, "/tagged/plain.txt")).status;
    expect(await statusOf({ "If-None-Match": '"of-the-application"' })).toBe(304);
    expect(await statusOf({ "If-None-Match": etag })).toBe(200);
    expect(await statusOf({ "If-Match": '"of-the-application"' })).toBe(200);
    expect(await statusOf({ Range: "bytes=0-1", "If-Range": '"of-the-application"' })).toBe(206);
    expect(await statusOf({ Range: "bytes=0-1", "If-Range": etag })).toBe(200);
  });

  it("keeps every field of the application", async () => {
    const answer = await get("/fields/plain.txt");
    expect(answer.body.toString()).toBe(content);
    for (const [field, value] of Object.entries(manyFields)) {
      const combined = (lines: string[]): string[] => [lines.join(", ").replaceAll(/, */g, ", ")];
      const [expected, actual] = [[value].flat(), answer.all(field)];
      if (field === "Set-Cookie") expect(actual).toEqual(expected);
      // Caddy from 2.8 on adds one more to Vary, the application its own no-transform to Cache-Control.
      else if (["Vary", "Cache-Control"].includes(field)) expect(combined(actual)[0]).toContain(String(value));
      else expect([field, ...combined(actual)]).toEqual([field, ...combined(expected)]);
    }
  });

  it("keeps them on a part, too", async () => {
    const { header } = await getWith({ Range: "bytes=0-1" }, "/inline/page.html");
    expect(header("Content-Security-Policy")).toContain("sandbox");
    expect(header("X-Content-Type-Options")).toBe("nosniff");
    expect(header("Content-Disposition")).toBe('inline; filename="page.html"');
    expect(header("Content-Type")).toBe("text/html; charset=utf-8");
  });

  it("says the coding of what is encoded, once", async () => {
    const { header, all, body } = await get("/gzip/gz.txt", { headers: { "Accept-Encoding": "gzip" } });
    expect([header("Content-Encoding"), all("Content-Encoding").length]).toEqual(["gzip", 1]);
    expect(body.toString()).toBe(content);
  });

  it("sends the variant that the client likes, with its own validator", async () => {
    const likes = (coding: string): Promise<Answer> =>
      get("/compressed/compressed.txt", { headers: { "Accept-Encoding": coding } });
    const [gzip, plain] = [await likes("gzip"), await likes("identity")];
    expect([gzip.body.toString(), gzip.header("Content-Encoding")]).toEqual(["as gzip", "gzip"]);
    expect([plain.body.toString(), plain.header("Content-Encoding")]).toEqual([content, undefined]);
    expect(gzip.header("ETag")).not.toBe(plain.header("ETag"));
    for (const { header } of [gzip, plain]) expect(header("Vary")).toBe("Accept-Encoding");
  });

  it.each([401, 403, 404, 500, 206])("a response that becomes a %i stays one, and tells nothing", async (status) => {
    const answer = await get(`/revoked/${status}/plain.txt`);
    expect(answer.status).toBe(status);
    expect(answer.body.toString()).not.toContain(content);
    expect(answer.headers).not.toContain(root);
    expect(answer.headers).not.toContain("_downloads");
  });

  it("what is missing at the server alone is a 404 that no cache keeps", async () => {
    const answer = await get("/gone");
    expect([answer.status, answer.header("ETag")]).toEqual([404, undefined]);
    if (["nginx", "caddy"].includes(server.name)) expect(answer.all("Cache-Control").join(", ")).toContain("no-store");
    else expect(answer.all("Cache-Control")).toEqual([]);
    if (server.name !== "nginx") expect(answer.all("Set-Cookie")).toEqual([]);
  });

  it.runIf(["nginx", "h2o"].includes(server.name))(
    "a file replaced in between goes out under its own tag",
    async () => {
      const { status, all, body } = await get("/replaced");
      expect([status, all("ETag"), body.toString()]).toEqual([200, [etag], content]);
      const ranged = await getWith({ Range: "bytes=0-3", "If-Range": etag }, "/replaced");
      expect(ranged.all("ETag")).toEqual([etag]);
      expect(ranged.body.toString()).toBe(ranged.status === 206 ? "0123" : content);
    },
  );

  it("offloads a range in no unit that servers disagree on", async () => {
    // lighttpd looks at the range of what the application streams as well.
    for (const range of server.name === "lighttpd" ? ["lines=0-1"] : ["lines=0-1", "bytes=x", "bytes=3-1"]) {
      const { status, body } = await getWith({ Range: range });
      expect([range, status, body.toString()]).toEqual([range, 200, content]);
    }
    for (const range of ["bytes=-0", "bytes=10-"]) {
      const { status, all } = await getWith({ Range: range }, "/fields/plain.txt");
      expect([range, status, all("Content-Range")]).toEqual([range, 416, ["bytes */10"]]);
      expect(all("X-Frame-Options")).toEqual(["DENY"]);
    }
    const empty = await getWith({ Range: "bytes=0-" }, "/files/empty.txt");
    expect([empty.status, empty.body.byteLength]).toEqual([200, 0]);
  });

  it("tells the application the host that the client asked for, or one at all", async () => {
    expect((await get("/host", { headers: { Host: "files.example:8080" } })).body.toString()).toBe(
      "files.example:8080",
    );
    const { hostname, port } = new URL(proxy.url);
    const socket = connect(Number(port), hostname);
    socket.write("GET /host HTTP/1.0\r\n\r\n");
    const answered = Buffer.concat(await socket.toArray()).toString();
    expect(answered).toMatch(/^HTTP\/1\.[01] (?:200|400) /);
    if (server.name === "nginx") expect(answered).not.toMatch(/\r\n\r\n$/);
  });

  it("a refusal and a missing file are the application's", async () => {
    expect((await get("/forbidden/plain.txt")).status).toBe(403);
    const missing = await get("/files/missing.txt");
    expect(missing.status).toBe(404);
    expect(missing.headers + missing.body.toString()).not.toContain(root);
  });

  it.each([403, 404, 500])("a careless application's %i does not send the file", async (status) => {
    const named = await ask(app.url, { path: "/files/plain.txt" });
    const { header: field } = config.backend as { header: string };
    const path = `/careless/${status}?field=${encodeURIComponent(JSON.stringify([field, named.header(field)]))}`;
    const answer = await get(path);
    if (!able("refuses a file with an error")) return expect(answer.body.toString()).toBe(content);
    expect(answer.status).not.toBe(200);
    expect(answer.body.toString()).not.toContain(content);
    expect(answer.headers).not.toContain(root);
  });

  it.each([200, 307])("another server's %i that the application passes on names no file", async (status) => {
    const named = await ask(app.url, { path: "/files/plain.txt" });
    const { header: field } = config.backend as { header: string };
    const path = `/relayed/${status}?field=${encodeURIComponent(JSON.stringify([field, named.header(field)]))}`;
    const answer = await get(path);
    expect([answer.status, answer.body.toString()]).toEqual([status, "relayed"]);
  });

  it.each([
    "/_downloads/plain.txt",
    "/_downloads../secret.txt",
    "/_downloads/../secret.txt",
    "/_downloads/%2e%2e/secret.txt",
    "//_downloads/plain.txt",
    "/%5fdownloads/plain.txt",
    "/x/../_downloads/plain.txt",
  ])("no client reaches %s", async (path) => {
    for (const headers of [{}, { Host: "downloadview" }, { Host: "downloadview-files" }]) {
      const { status, body } = await get(path, { headers });
      expect(status).toBeGreaterThanOrEqual(400);
      expect(body.toString()).not.toMatch(/0123456789|nobody may see this/);
    }
  });

  it("sends large files to many at once, whole and in parts", async () => {
    const bytes = randomBytes(3_000_000);
    await writeFile(join(root, "large.bin"), bytes);
    const downloads = Array.from({ length: 40 }, async (_, at) => {
      const start = at % 2 === 0 ? 0 : at * 1000;
      const headers = start === 0 ? {} : { Range: `bytes=${start}-` };
      const { status, body, header } = await get("/files/large.bin", { headers });
      expect([status, header("Content-Length")]).toEqual([start === 0 ? 200 : 206, String(bytes.length - start)]);
      expect(body.equals(bytes.subarray(start))).toBe(true);
    });
    await Promise.all(downloads);
  });

  // Once a server is enough: it is a matter of its configuration.
  it.skipIf(server.label !== server.name)("sends 1 GiB, whole", { timeout: 60_000 }, async () => {
    const big = join(root, "big.bin");
    const mebibyte = createHash("sha512").update("x").digest("hex").repeat(8192);
    const { open } = await import("node:fs/promises");
    const file = await open(big, "w");
    for (let at = 0; at < 1024; at += 1) await file.write(mebibyte);
    await file.close();
    await utimes(big, modified, modified);
    const expected = createHash("md5");
    for (let at = 0; at < 1024; at += 1) expected.update(mebibyte);
    const actual = createHash("md5");
    const response = await fetch(`${proxy.url}/files/big.bin`);
    expect(response.headers.get("content-length")).toBe(String(2 ** 30));
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) actual.update(chunk);
    expect(actual.digest("hex")).toBe(expected.digest("hex"));
    await rm(big);
  });
});
