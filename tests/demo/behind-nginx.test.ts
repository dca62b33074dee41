import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seedsDir } from "../../demo/seed.ts";
import { ask, type Answer, type Ask } from "../servers/support/client.ts";
import { oddNames, urlPath } from "../servers/support/names.ts";
import { requires } from "../support/requires.ts";
import { printedUrl, startProcess } from "./demo-process.ts";

const hasNginx = requires("nginx", "apt-get install --no-install-recommends nginx-light");

const hello = "Hello world!\n";
// In a storage, a backslash is no part of a name.
const oddFiles = oddNames.filter((name) => !/[/\\]/.test(name));

// A process of its own has to compile everything first, which takes a busy machine a while.
describe.runIf(hasNginx)("npm run demo:nginx", { timeout: 60_000 }, () => {
  let folder: string;
  let dataDir: string;
  let demo: ChildProcess;
  let url: string;
  let appUrl: string;
  let said = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "downloadview demo "));
    dataDir = join(folder, "data");
    demo = startProcess("behind-nginx.ts", { PORT: "0", DATA_DIR: dataDir });
    demo.stderr?.on("data", (chunk: Buffer) => (said += String(chunk)));
    url = (await printedUrl(demo)).replace("localhost", "127.0.0.1");
    const made = await readFile(join(dataDir, "nginx/downloadview.conf"), "utf8");
    appUrl = `http://${/server (127\.0\.0\.1:\d+);/.exec(made)?.[1]}`;
    for (const name of oddFiles) await writeFile(join(dataDir, "files", name), hello);
    // A file of this very second has a weak tag, and a strong one a second later.
    await utimes(join(dataDir, "files/hello-world.txt"), 1e9, 1e9);
  });
  afterAll(async () => {
    if (demo.exitCode === null) {
      demo.kill();
      await once(demo, "exit");
    }
    await rm(folder, { recursive: true });
  });

  const get = (path: string, more: Omit<Ask, "path"> = {}): Promise<Answer> => ask(url, { path, ...more });
  const seed = (name: string): Promise<Buffer> => readFile(join(seedsDir, name));

  it("says on its page that nginx stands in front", async () => {
    const { status, body, header } = await get("/");
    expect([status, header("Server")]).toEqual([200, expect.stringMatching(/^nginx/)]);
    expect(body.toString()).toContain("nginx stands in front of this demo");
    expect(body.toString()).toContain("sent by nginx");
  });

  it.each([
    ["/documents/sunset", "/_files/object/sunset.webm", "sunset.webm"],
    ["/object/inline-file/mountain-lake", "/_files/object/mountain-lake.png", "mountain-lake.png"],
    ["/storage/static-path/hello-world.txt", "/_files/hello-world.txt", "hello-world.txt"],
    ["/path/dynamic-path/mountain-lake.png", "/_seeds/mountain-lake.png", "mountain-lake.png"],
    ["/nginx/optimized-by-middleware/", "/nginx-optimized-by-middleware/hello-world.txt", "hello-world.txt"],
    ["/nginx/optimized-by-decorator/", "/nginx-optimized-by-decorator/hello-world.txt", "hello-world.txt"],
    ["/nginx/modified_headers/", "/nginx-modified-headers/hello-world.txt", "hello-world.txt"],
  ])("has nginx send %s, and nobody ask nginx for %s", async (path, internal, file) => {
    const byApp = await ask(appUrl, { path });
    expect([byApp.status, byApp.header("X-Accel-Redirect"), byApp.body.byteLength]).toEqual([200, internal, 0]);
    const sent = await get(path);
    expect([sent.status, sent.header("X-Accel-Redirect")]).toEqual([200, undefined]);
    expect(sent.body.equals(await seed(file))).toBe(true);
    for (const field of ["Content-Type", "Content-Disposition", "ETag", "Cache-Control", "X-Content-Type-Options"]) {
      expect([field, ...sent.all(field)]).toEqual([field, byApp.header(field)]);
    }
    expect((await get(internal)).status).toBe(404);
  });

  it.each([
    "/_files/",
    "/_files/library.db",
    "/_files/../library.db",
    "/_files..%2flibrary.db",
    "/_seeds/greetings.txt",
  ])("lets nobody ask for %s", async (path) => {
    expect((await get(path)).status).toBe(404);
  });

  it("keeps the field that a view adds", async () => {
    expect((await get("/nginx/modified_headers/")).all("X-Test")).toEqual(["header"]);
  });

  it.each(["apache", "lighttpd"])("passes on what %s would act upon", async (server) => {
    const { status, header, body } = await get(`/${server}/optimized-by-middleware/`);
    expect([status, body.byteLength]).toEqual([200, 0]);
    expect(header("X-Sendfile")).toBe(`/${server}-optimized-by-middleware/hello-world.txt`);
  });

  it("answers a range, HEAD and a version that the client has", async () => {
    const part = await get("/documents/sunset", { headers: { Range: "bytes=1000-1999" } });
    expect([part.status, part.header("Content-Range")]).toEqual([206, "bytes 1000-1999/2417069"]);
    expect(part.body.equals((await seed("sunset.webm")).subarray(1000, 2000))).toBe(true);

    const head = await get("/documents/sunset", { method: "HEAD" });
    expect([head.status, head.header("Content-Length"), head.body.byteLength]).toEqual([200, "2417069", 0]);

    const etag = head.header("ETag") ?? "";
    const again = await get("/documents/sunset", { headers: { "If-None-Match": etag } });
    expect([again.status, again.header("ETag"), again.body.byteLength]).toEqual([304, etag, 0]);
  });

  it.each(oddFiles)("sends the file %j, unless it is a dotfile", async (name) => {
    const { status, body } = await get(`/storage/static-path/${urlPath(name)}`);
    if (name.startsWith(".")) expect(status).toBe(404);
    else expect([status, body.toString()]).toEqual([200, hello]);
  });

  it.each([
    "..",
    "../../library.db",
    `"; filename="evil.html`,
    "$upstream_http_etag {rp} %2e%2e%2f %00 \\ 日本 🎉.txt",
    `<img src=x onerror="alert(1)">.html`,
  ])("keeps the name %j of an upload", async (name) => {
    const upload = await fetch(`${url}/documents?name=${encodeURIComponent(name)}`, { method: "POST", body: "mine" });
    expect(upload.status).toBe(201);
    const path = upload.headers.get("location") ?? "";
    const [sent, byApp] = [await get(path), await ask(appUrl, { path })];
    expect(byApp.header("X-Accel-Redirect")).toMatch(/^\/_files\/object\/[\w-]+(\.\w+)?$/);
    expect([sent.status, sent.body.toString()]).toEqual([200, "mine"]);
    expect(sent.all("Content-Disposition")).toEqual(byApp.all("Content-Disposition"));
  });

  it.each(["/storage/static-path/..%2flibrary.db", "/path/dynamic-path/..%2fapp.ts", "/documents/nothing"])(
    "has nothing at %s",
    async (path) => {
      expect((await get(path)).status).toBe(404);
    },
  );

  it("has nginx keep to the slow line", async () => {
    const byApp = await ask(appUrl, { path: "/documents/sunset?line=slow" });
    expect(byApp.header("X-Accel-Limit-Rate")).toBe("2000000");
  });

  it("ends with nginx on Ctrl-C, with a download under way, and without a complaint", async () => {
    const download = await fetch(`${url}/documents/weather?line=slow`);
    const exited = once(demo, "exit");
    demo.kill("SIGINT");
    expect(await exited).toEqual([0, null]);
    await expect(download.arrayBuffer()).rejects.toThrow();
    await expect(fetch(url)).rejects.toThrow();
    expect(said).toBe("");
  });
});
