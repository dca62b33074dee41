import { execFile } from "node:child_process";
import { mkdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { defineConfig } from "downloadview/config";
import { requires } from "../support/requires.ts";
import { application, serve, type Application } from "./support/application.ts";
import { ask } from "./support/client.ts";
import { backendNamed, publicFolder, describeServers, startProxy, type Proxy } from "./support/proxy.ts";

const hasCurl = requires("curl", "apt-get install curl");
const curl = (...args: string[]): Promise<unknown> => promisify(execFile)("curl", ["--silent", "--fail", ...args]);
const content = randomBytes(3_000_000);

describeServers("a download that goes on with and without $label", (server) => {
  let folder: string;
  let root: string;
  let alone: Application;
  let behind: Application;
  let proxy: Proxy;

  beforeAll(async () => {
    folder = await publicFolder("downloadview-resume-");
    root = join(folder, "media");
    await mkdir(root, { mode: 0o755 });
    await writeFile(join(root, "big.bin"), content);
    await utimes(join(root, "big.bin"), 1_700_000_000, 1_700_000_000);
    const rules = [{ sourceDir: root, destinationUrl: "/_downloads/", destinationDir: root }];
    const config = defineConfig({ backend: backendNamed(server, folder), rules });
    alone = await serve(application(root, defineConfig({ backend: "none", rules })));
    behind = await serve(application(root, config));
    proxy = await startProxy(server, config, behind.url);
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await behind?.[Symbol.asyncDispose]();
    await alone?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const bothWays = (): [from: string, to: string][] => [
    [alone.url, proxy.url],
    [proxy.url, alone.url],
  ];

  it.skipIf(!hasCurl)("resumes by curl -C -", async () => {
    for (const [from, to] of bothWays()) {
      const file = join(folder, "download.bin");
      await curl("--range", "0-999999", "--output", file, `${from}/files/big.bin`);
      await curl("--continue-at", "-", "--output", file, `${to}/files/big.bin`);
      expect((await readFile(file)).equals(content)).toBe(true);
      await rm(file);
    }
  });

  it("resumes by If-Range, with either validator", async () => {
    for (const [from, to] of bothWays()) {
      const begun = await ask(from, { path: "/files/big.bin", headers: { Range: "bytes=0-999999" } });
      for (const validator of ["ETag", "Last-Modified"]) {
        const headers = { Range: "bytes=1000000-", "If-Range": begun.header(validator)! };
        const resumed = await ask(to, { path: "/files/big.bin", headers });
        expect(resumed.status).toBe(206);
        expect(Buffer.concat([begun.body, resumed.body]).equals(content)).toBe(true);
      }
    }
  });

  it("is unchanged on the other side by If-None-Match", async () => {
    for (const [from, to] of bothWays()) {
      const headers = { "If-None-Match": (await ask(from, { path: "/files/big.bin" })).header("ETag")! };
      expect((await ask(to, { path: "/files/big.bin", headers })).status).toBe(304);
    }
  });

  it("begins anew where the file was rewritten within the same second, at the same length", async () => {
    const file = join(root, "rewritten.txt");
    await writeFile(file, "first version");
    const first = await ask(proxy.url, { path: "/files/rewritten.txt" });
    await writeFile(file, "other version");
    const etag = first.header("ETag")!;
    const resumed = await ask(proxy.url, {
      path: "/files/rewritten.txt",
      headers: { Range: "bytes=6-", "If-Range": etag },
    });
    expect([resumed.status, resumed.body.toString()]).toEqual([200, "other version"]);
    const again = await ask(proxy.url, { path: "/files/rewritten.txt", headers: { "If-None-Match": etag } });
    expect([again.status, again.body.toString()]).toEqual([200, "other version"]);
  });
});
