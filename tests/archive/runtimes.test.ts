import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toFetchHandler } from "../../src/adapters/fetch.ts";
import type { ArchiveEntry } from "../../src/archive/index.ts";
import { LocalFile } from "../../src/index.ts";
import { frameworksAreThere, howToInstall, placePackage } from "../behaviour/project.ts";
import { start, type RunningServer, type Surroundings } from "../behaviour/running-server.ts";
import type { Runtime } from "../behaviour/servers.ts";
import { surroundings } from "../behaviour/surroundings.ts";
import { archives } from "../frameworks/archives.ts";
import { requires } from "../support/requires.ts";

const servers: readonly { readonly runtime: Runtime; readonly module: string }[] = [
  ...(["Node 22", "Node 24", "Node 26", "Bun", "Deno"] as const).map((runtime) => ({ runtime, module: "archives.ts" })),
  { runtime: "workerd", module: "worker-archives.ts" },
];

const filesOf = (root: string): readonly ArchiveEntry[] =>
  readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .toSorted()
    .map((name) => ({ name, file: new LocalFile(name, { root }) }));

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

describe.runIf(requires(frameworksAreThere, howToInstall))("an archive is the same, to the byte, on", () => {
  let around: Surroundings & AsyncDisposable;
  beforeAll(async () => {
    await placePackage();
    around = await surroundings();
  });
  afterAll(() => around?.[Symbol.asyncDispose]());

  describe.each(servers)("$runtime:", ({ runtime, module }) => {
    let running: RunningServer;
    beforeAll(async () => void (running = await start({ framework: "archives", runtime, module, has: [] }, around)));
    afterAll(() => running?.[Symbol.asyncDispose]());

    const disk = runtime === "workerd" ? [] : ["/disk.zip", "/disk.tar"];
    it.each([...disk, "/memory.zip", "/memory.tar", "/remote.zip", "/remote.tar"])(
      "%s, whole and in part",
      async (path) => {
        const here = await toFetchHandler(archives(around.upstream, filesOf(around.files)))(
          new Request(`http://localhost${path}`),
        );
        const whole = new Uint8Array(await here.arrayBuffer());
        const url = `http://127.0.0.1:${running.port}${path}`;
        const there = await fetch(url);
        expect([here.status, there.status]).toEqual([200, 200]);
        expect(there.headers.get("etag")).toBe(here.headers.get("etag"));
        expect(sha256(new Uint8Array(await there.arrayBuffer()))).toBe(sha256(whole));
        const range = { start: 40, end: whole.byteLength - 30 };
        const headers = { Range: `bytes=${range.start}-${range.end}`, "If-Range": here.headers.get("etag") ?? "" };
        const part = await fetch(url, { headers });
        expect(part.status).toBe(206);
        expect(sha256(new Uint8Array(await part.arrayBuffer()))).toBe(
          sha256(whole.subarray(range.start, range.end + 1)),
        );
      },
    );

    it("a selection, which a POST leads to, for the user who may have it", async () => {
      const url = `http://127.0.0.1:${running.port}/selections`;
      const posted = await fetch(url, { method: "POST", redirect: "manual" });
      expect(posted.status).toBe(303);
      const archive = new URL(posted.headers.get("location") ?? "", url);
      const headers = { "X-User": "ann" };
      const whole = await fetch(archive, { headers });
      const bytes = Buffer.from(await whole.arrayBuffer());
      const resume = { Range: "bytes=100-", "If-Range": whole.headers.get("etag") ?? "" };
      const rest = await fetch(archive, { headers: { ...headers, ...resume } });
      expect([whole.status, rest.status]).toEqual([200, 206]);
      expect(Buffer.from(await rest.arrayBuffer()).equals(bytes.subarray(100))).toBe(true);
      const refused = await fetch(archive, { headers: { ...resume, "X-User": "bob" } });
      await refused.arrayBuffer();
      expect(refused.status).toBe(403);
    });
  });
});
