import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { download, HTTPFile, MemoryStorage, VirtualFile, withMiddleware } from "../index.ts";
import type { DownloadHandler } from "../responses/handler.ts";
import { renderResult } from "../responses/render.ts";
import { closeBody, readBody } from "../responses/rendered-response.ts";
import { keepFiles, KeptFiles } from "./index.ts";

const slice = 8 * 1024 * 1024;
const size = 2 * slice + 1000;

let folder: string;
let kept: KeptFiles;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kept-"));
  kept = new KeptFiles({ folder, failureMemory: 0 });
});

/** Clients have their bytes a moment before all is kept. */
async function untilKept(): Promise<void> {
  await expect.poll(() => readdir(join(folder, "locks")).catch(() => []), { timeout: 15_000 }).toEqual([]);
}

afterEach(async () => {
  await untilKept();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** A prime period: no two places of a slice or of two slices look alike. */
function bytesOf(version: number): Buffer {
  return Buffer.alloc(size, Buffer.from(Array.from({ length: 251 }, (_, at) => (at * 7 + version) % 251)));
}

/** An upstream with one large file, which notes what it was asked for. */
function upstream(fields: Record<string, string> = { "Cache-Control": "max-age=60" }) {
  const state = { version: 1, asked: [] as string[], etag: (version: number) => `"v${version}"` };
  const contents = new Map<number, Buffer>();
  const answer = async (_: unknown, init?: RequestInit): Promise<Response> => {
    const asked = new Headers(init?.headers);
    const bytes = contents.get(state.version) ?? bytesOf(state.version);
    contents.set(state.version, bytes);
    const etag = state.etag(state.version);
    const headers = {
      ...fields,
      ...(etag ? { ETag: etag } : {}),
      "Accept-Ranges": "bytes",
      "Content-Type": "video/mp4",
    };
    if (asked.get("if-none-match") === etag) return new Response(null, { status: 304, headers });
    const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(asked.get("range") ?? "") ?? [];
    const start = from === "" ? size - Number(to) : Number(from);
    const end = from === "" || to === "" ? size - 1 : Number(to);
    state.asked.push(asked.get("range") ?? "whole");
    const length = { "Content-Length": String(size) };
    if (from === undefined) return new Response(new Uint8Array(bytes), { headers: { ...headers, ...length } });
    const part = new Uint8Array(bytes.subarray(start, end + 1));
    const range = { "Content-Range": `bytes ${start}-${end}/${size}`, "Content-Length": String(part.byteLength) };
    return new Response(part, { status: 206, headers: { ...headers, ...range } });
  };
  const file = (): HTTPFile => new HTTPFile("https://files.example/film.mp4", { fetch: answer });
  return { state, file };
}

function view(file: () => HTTPFile, options: { freshFor?: number; sliceFrom?: number } = {}): DownloadHandler {
  return withMiddleware(
    async () => download(file()),
    keepFiles(kept, { key: () => ["film"], sliceFrom: slice, ...options }),
  );
}

async function ask(handler: DownloadHandler, headers: Record<string, string> = {}, method = "GET") {
  const request = new Request("http://localhost/", { headers, method });
  const rendered = await renderResult(await handler(request, { params: {}, native: undefined }), request);
  const chunks: Uint8Array[] = [];
  try {
    if (rendered.body.kind !== "none") for await (const chunk of readBody(rendered.body)) chunks.push(chunk);
  } finally {
    await closeBody(rendered.body);
  }
  const fields = new Headers();
  for (let at = 0; at < rendered.headers.length; at += 2)
    fields.append(rendered.headers[at]!, rendered.headers[at + 1]!);
  return { status: rendered.status, headers: fields, bytes: Buffer.concat(chunks) };
}

const range = (index: number): string => `bytes=${index * slice}-${Math.min((index + 1) * slice, size) - 1}`;

test("A seek to the end has the end fetched alone, once", async () => {
  const { state, file } = upstream();
  const handler = view(file);
  for (let time = 0; time < 2; time += 1) {
    const answer = await ask(handler, { Range: "bytes=-500" });
    expect([answer.status, answer.bytes.equals(bytesOf(1).subarray(-500))]).toEqual([206, true]);
    expect(answer.headers.get("content-range")).toBe(`bytes ${size - 500}-${size - 1}/${size}`);
  }
  expect(state.asked).toEqual(["bytes=0-0", range(2)]);
});

test("A range over the border of two slices, and the whole, are right", async () => {
  const { state, file } = upstream();
  const handler = view(file);
  const across = await ask(handler, { Range: `bytes=${slice - 10}-${slice + 9}` });
  expect(across.bytes.equals(bytesOf(1).subarray(slice - 10, slice + 10))).toBe(true);
  const whole = await ask(handler);
  expect([whole.status, whole.bytes.equals(bytesOf(1)), whole.headers.get("etag")]).toEqual([200, true, '"v1"']);
  expect(state.asked).toEqual(["bytes=0-0", range(0), range(1), range(2)]);
});

test("No key of an application, whatever a client puts into it, is that of a manifest or of a slice", async () => {
  const { file } = upstream();
  const manifest = { etag: '"v1"', size: slice, contentType: "text/html" };
  await kept.make(["slices", "film"], new VirtualFile(JSON.stringify(manifest)));
  const answer = await ask(view(file), { Range: "bytes=-500" });
  expect([answer.status, answer.headers.get("content-type")]).toEqual([206, "video/mp4"]);
  expect(answer.bytes.equals(bytesOf(1).subarray(-500))).toBe(true);
  await untilKept();
  const flat: unknown[] = [];
  for await (const { key } of kept.list()) if (!key.some((part) => Array.isArray(part))) flat.push(key);
  expect(flat).toEqual([["slices", "film"]]);
});

test("A file in slices is dropped by its key: no slice, and no manifest, is sent afterwards", async () => {
  const { state, file } = upstream();
  await ask(view(file), { Range: "bytes=-500" });
  await untilKept();
  expect(await kept.delete(["film"])).toBe(true);
  for await (const { key } of kept.list()) expect(key).toBeUndefined();
  state.asked.length = 0;
  await ask(view(file), { Range: "bytes=-500" });
  expect(state.asked).toEqual(["bytes=0-0", range(2)]);
  await untilKept();
  await kept.delete(["film"]);
  expect(await kept.delete(["film"])).toBe(false);
});

test("Once the upstream has said that the file is gone, no slice that is kept is sent either", async () => {
  const { state, file } = upstream();
  await ask(view(file), { Range: "bytes=-500" });
  await untilKept();
  const gone = (): HTTPFile =>
    new HTTPFile("https://files.example/film.mp4", { fetch: async () => new Response(null, { status: 404 }) });
  await expect(ask(view(gone), { Range: "bytes=0-9" })).rejects.toMatchObject({ status: 404 });
  await expect(ask(view(gone), { Range: "bytes=-500" })).rejects.toMatchObject({ status: 404 });
  expect(state.asked).toEqual(["bytes=0-0", range(2)]);
});

test("Once the entity tag has changed, the shared manifest is dropped as well: the next request has the new version", async () => {
  const { state, file } = upstream();
  kept = new KeptFiles({ folder, failureMemory: 0, shared: new MemoryStorage() });
  await ask(view(file), { Range: "bytes=-500" });
  await untilKept();
  state.version = 2;
  await ask(view(file), { Range: "bytes=0-9" }).catch(() => undefined);
  const answer = await ask(view(file), { Range: "bytes=0-9" });
  expect([answer.headers.get("etag"), answer.bytes.equals(bytesOf(2).subarray(0, 10))]).toEqual(['"v2"', true]);
});

test("HEAD and 304 fetch no slice", async () => {
  const { state, file } = upstream();
  const handler = view(file);
  const head = await ask(handler, {}, "HEAD");
  expect([head.status, head.headers.get("content-length"), head.headers.get("etag")]).toEqual([
    200,
    String(size),
    '"v1"',
  ]);
  expect((await ask(handler, { "If-None-Match": '"v1"' })).status).toBe(304);
  expect(state.asked).toEqual(["bytes=0-0"]);
});

test("Once the entity tag has changed, no byte of the old version is sent, and its slices are dropped", async () => {
  const { state, file } = upstream();
  const handler = view(file);
  await ask(handler);
  state.version = 2;
  // The manifest is still fresh: the first slice that is not kept tells.
  await kept.sweep();
  state.asked.length = 0;
  const later = view(file, { freshFor: 0 });
  const answer = await ask(later, { Range: "bytes=0-99" });
  expect([answer.status, answer.headers.get("etag")]).toEqual([206, '"v2"']);
  expect(answer.bytes.equals(bytesOf(2).subarray(0, 100))).toBe(true);
  expect(state.asked).toEqual(["bytes=0-0", range(0)]);
  const keys: string[] = [];
  for await (const { key } of kept.list()) keys.push(JSON.stringify(key));
  expect(keys.filter((key) => key.includes("v1"))).toEqual([]);
});

test("If the upstream changes between two slices, the client gets an error, and the next one the new version", async () => {
  const { state, file } = upstream();
  const handler = view(file);
  await ask(handler, { Range: "bytes=0-0" });
  state.version = 2;
  await expect(ask(handler)).rejects.toMatchObject({ name: "FileChangedError" });
  expect((await ask(handler)).bytes.equals(bytesOf(2))).toBe(true);
});

test("If the upstream has changed before the first slice is fetched, the client gets the new version, head and all", async () => {
  const { state, file } = upstream();
  const handler = view(file);
  await ask(handler, {}, "HEAD");
  state.version = 2;
  await expect
    .poll(async () => (await ask(handler, { Range: "bytes=0-9" }).catch(() => undefined))?.headers.get("etag"))
    .toBe('"v2"');
});

test.each([
  ["has a weak entity tag", () => upstream({ "Cache-Control": "max-age=60" }), 'W/"v1"'],
  ["has none", () => upstream({ "Cache-Control": "max-age=60" }), ""],
])("A file that %s is kept whole", async (_, make, etag) => {
  const { state, file } = make();
  state.etag = () => etag;
  const handler = view(file);
  expect((await ask(handler, { Range: "bytes=-5" })).bytes.equals(bytesOf(1).subarray(-5))).toBe(true);
  expect(state.asked).toEqual(["bytes=0-0", "whole"]);
  expect(await kept.get(["film"])).toBeDefined();
});

test("A file that is shorter than sliceFrom is kept whole, and one that must not be kept is passed through", async () => {
  const short = upstream();
  await ask(view(short.file, { sliceFrom: size + 1 }));
  expect(short.state.asked).toEqual(["bytes=0-0", "whole"]);
  await kept.clear();
  const secret = upstream({ "Cache-Control": "no-store" });
  const passed = await ask(view(secret.file), { Range: "bytes=-5" });
  expect(passed.bytes.equals(bytesOf(1).subarray(-5))).toBe(true);
  for await (const { key } of kept.list()) expect(key).toBeUndefined();
});
