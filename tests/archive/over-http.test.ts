import { createHash } from "node:crypto";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toNodeHandler } from "../../src/adapters/node/index.ts";
import { ArchiveDownloadView } from "../../src/archive/index.ts";
import { LocalFile } from "../../src/index.ts";
import { conversation, listen } from "../support/sockets.ts";

let folder: string;
let server: Awaited<ReturnType<typeof listen>>;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "archive-http-"));
  path = join(folder, "b");
  for (const [name, size] of [
    ["a", 100],
    ["b", 200_000],
  ] as const) {
    await writeFile(join(folder, name), Buffer.alloc(size, name));
    await utimes(join(folder, name), 1.5e9, 1.5e9);
  }
  const options = {
    maxBytes: 300_000,
    getEntries: () => ["a", "b"].map((name) => ({ name, file: new LocalFile(name, { root: folder }) })),
  };
  const [zip, tar] = (["zip", "tar"] as const).map((format) =>
    toNodeHandler(ArchiveDownloadView.asView({ ...options, format })),
  );
  server = await listen((request, response) => void (request.url === "/tar" ? tar! : zip!)(request, response));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const ask = (method: string, url: string, fields = ""): ReturnType<typeof conversation> =>
  conversation(server.port, `${method} ${url} HTTP/1.1\nHost: localhost\nConnection: close\n${fields}\n`);
const field = (head: string, name: string): string | undefined =>
  new RegExp(`^${name}: (.*)$`, "im").exec(head)?.[1]?.trim();

describe.each(["/zip", "/tar"])("%s over a socket", (url) => {
  it("has a HEAD that is the head of its GET", async () => {
    const [get, head] = [await ask("GET", url), await ask("HEAD", url)];
    const withoutDate = (text: string): string => text.replace(/^date: .*$/im, "");
    expect(withoutDate(head.head)).toBe(withoutDate(get.head));
    expect(head.body.byteLength).toBe(0);
    expect(get.body.byteLength).toBe(Number(field(get.head, "Content-Length")));
    expect(field(get.head, "Last-Modified")).toBe("Fri, 14 Jul 2017 02:40:00 GMT");
    expect(field(get.head, "Accept-Ranges")).toBe("bytes");
    expect(field(get.head, "ETag")).toMatch(/^"[0-9a-f]{32}"$/);
  });

  it("answers conditions by its tag", async () => {
    const etag = field((await ask("HEAD", url)).head, "ETag");
    expect((await ask("GET", url, `If-None-Match: ${etag}\n`)).head).toMatch(/^HTTP\/1.1 304 /);
    expect((await ask("GET", url, `If-Match: "other"\n`)).head).toMatch(/^HTTP\/1.1 412 /);
  });

  it("resumes where If-Range is its tag, and begins anew where it is another one", async () => {
    const { head, body } = await ask("GET", url);
    const rest = await ask("GET", url, `Range: bytes=70000-\nIf-Range: ${field(head, "ETag")}\n`);
    expect(rest.head).toMatch(/^HTTP\/1.1 206 /);
    expect(rest.body.equals(body.subarray(70_000))).toBe(true);
    const other = await ask("GET", url, `Range: bytes=70000-\nIf-Range: "other"\n`);
    expect(other.head).toMatch(/^HTTP\/1.1 200 /);
    expect(other.body.equals(body)).toBe(true);
  });

  it("answers several ranges, in any order, and one that it does not have", async () => {
    const { body } = await ask("GET", url);
    const several = await ask("GET", url, "Range: bytes=150000-150009,-30,0-9\n");
    expect(several.head).toMatch(/^HTTP\/1.1 206 /);
    const boundary = /boundary=(\S+)/.exec(several.head)?.[1] ?? "none";
    const parts = several.body.toString("latin1").split(`--${boundary}`).slice(1, -1);
    const contents = parts.map((part) => part.slice(part.indexOf("\r\n\r\n") + 4, -2));
    const slices = [body.subarray(150_000, 150_010), body.subarray(-30), body.subarray(0, 10)];
    expect(contents).toEqual(slices.map((slice) => slice.toString("latin1")));
    expect((await ask("GET", url, "Range: bytes=999999-\n")).head).toMatch(/^HTTP\/1.1 416 /);
  });

  it("has another tag, and no part of the old bytes, when a member was replaced", async () => {
    const { head } = await ask("HEAD", url);
    await writeFile(path, Buffer.alloc(200_000, "c"));
    await utimes(path, 1.6e9, 1.6e9);
    const rest = await ask("GET", url, `Range: bytes=70000-\nIf-Range: ${field(head, "ETag")}\n`);
    expect(rest.head).toMatch(/^HTTP\/1.1 200 /);
    expect(field(rest.head, "ETag")).not.toBe(field(head, "ETag"));
    expect(createHash("sha256").update(rest.body).digest("hex")).toBe(
      createHash("sha256")
        .update((await ask("GET", url)).body)
        .digest("hex"),
    );
    await writeFile(path, Buffer.alloc(200_000, "b"));
    await utimes(path, 1.5e9, 1.5e9);
  });
});
