import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as zlib from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  download,
  LocalFile,
  smartDownloadMiddleware,
  VirtualFile,
  withMiddleware,
  type DownloadFile,
} from "../index.ts";
import { nginx } from "../offload/nginx/index.ts";
import { closeBody, readBody } from "../responses/rendered-response.ts";
import type { DownloadHandler } from "../responses/handler.ts";
import { renderResult } from "../responses/render.ts";
import { KeptFiles, type DerivedCoding } from "./index.ts";

let folder: string;
let kept: KeptFiles;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kept-"));
  kept = new KeptFiles({ folder: join(folder, "kept"), failureMemory: 0 });
});

afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

const text = "a,b,c\n".repeat(2000);

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
}

async function ask(handler: DownloadHandler, headers: Record<string, string>, method = "GET"): Promise<Answer> {
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

function view(recipe: DerivedCoding | readonly DerivedCoding[], original?: DownloadFile): DownloadHandler {
  const file = original ?? new VirtualFile(text, { name: "table.csv" });
  return async () => download(kept.derive(file, { recipe, key: ["table", 1] }));
}

const decoders: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  br: zlib.brotliDecompressSync,
  gzip: zlib.gunzipSync,
  identity: (bytes) => bytes,
};

const negotiations: readonly (readonly [
  recipe: DerivedCoding | readonly DerivedCoding[],
  accepts: string | undefined,
  coding: string,
])[] = [
  ["br", "gzip, br", "br"],
  ["br", "br;q=0", "identity"],
  ["br", "gzip", "identity"],
  ["br", "*", "br"],
  ["br", "identity", "identity"],
  ["br", "identity, br;q=0.5", "identity"],
  ["br", undefined, "identity"],
  ["gzip", "x-gzip", "gzip"],
  [["br", "gzip"], "gzip, br", "br"],
  [["gzip", "br"], "gzip, br", "gzip"],
  [["br", "gzip"], "gzip;q=1, br;q=0.5", "gzip"],
  [["br", "gzip"], "gzip", "gzip"],
  [["br", "gzip"], "deflate", "identity"],
];

for (const [recipe, accepts, coding] of negotiations) {
  test(`Of ${String(recipe)}, a client that accepts ${accepts ?? "nothing said"} gets ${coding}, with Vary`, async () => {
    const headers: Record<string, string> = accepts === undefined ? {} : { "Accept-Encoding": accepts };
    for (const method of ["HEAD", "GET"]) {
      const answer = await ask(view(recipe), headers, method);
      expect([answer.status, answer.headers.get("vary")]).toEqual([200, "Accept-Encoding"]);
      expect(answer.headers.get("content-encoding") ?? "identity").toBe(coding);
      if (method === "HEAD") continue;
      expect(decoders[coding]!(answer.bytes).toString()).toBe(text);
    }
    const again = await ask(view(recipe), headers);
    expect(again.headers.get("content-length")).toBe(String(again.bytes.byteLength));
  });
}

test("Each form has an entity tag of its own, ranges, and 304 with Vary", async () => {
  const handler = view("br");
  await ask(handler, { "Accept-Encoding": "br" }, "HEAD");
  const [compressed, plain] = await Promise.all([ask(handler, { "Accept-Encoding": "br" }), ask(handler, {})]);
  const etag = compressed.headers.get("etag")!;
  expect(etag).toMatch(/^"/);
  expect(etag).not.toBe(plain.headers.get("etag"));
  const part = await ask(handler, { "Accept-Encoding": "br", Range: "bytes=2-", "If-Range": etag });
  expect([part.status, part.bytes]).toEqual([206, compressed.bytes.subarray(2)]);
  const same = await ask(handler, { "Accept-Encoding": "br", "If-None-Match": etag });
  expect([same.status, same.headers.get("vary")]).toEqual([304, "Accept-Encoding"]);
  expect((await ask(handler, { "If-None-Match": etag })).status).toBe(200);
});

test("A file that has a coding already is not compressed again", async () => {
  const original = new VirtualFile(zlib.gzipSync(text), { name: "table.csv", contentEncoding: "gzip" });
  const answer = await ask(view("br", original), { "Accept-Encoding": "br, gzip" });
  expect([answer.headers.get("content-encoding"), answer.headers.get("vary")]).toEqual(["gzip", "Accept-Encoding"]);
  expect(zlib.gunzipSync(answer.bytes).toString()).toBe(text);
});

test("Both forms of a kept file are sent by the server in front", async () => {
  const original = await kept.make(["table", 1], new VirtualFile(text, { name: "table.csv" }));
  const rules = [{ sourceDir: join(folder, "kept", "files"), destinationUrl: "/_kept/" }];
  const handler = withMiddleware(
    async () => download(kept.derive(original!, { recipe: "br" })),
    smartDownloadMiddleware({ backend: nginx(), rules }),
  );
  const targets = await Promise.all(
    ["br", "identity"].map(async (accepts) => {
      const { headers } = await ask(handler, { "Accept-Encoding": accepts });
      return [headers.get("content-encoding"), headers.get("x-accel-redirect")];
    }),
  );
  const place = `/_kept/${original!.path.split("/files/")[1]}`;
  expect(targets[1]).toEqual([null, place]);
  expect(targets[0]).toEqual(["br", expect.stringMatching(/^\/_kept\//)]);
  expect(targets[0]![1]).not.toBe(place);
});

test("A local file is compressed once for each version of it", async () => {
  const path = join(folder, "table.csv");
  await writeFile(path, text);
  const derived = kept.derive(new LocalFile(path), { recipe: ["br", "gzip"] });
  expect((await derived.ready())?.path).toContain("kept");
  expect((await derived.stat({ acceptEncoding: null })).contentEncoding).toBeUndefined();
  expect((await derived.stat()).contentEncoding).toBe("br");
});

test("What cannot be compressed to is refused when it is configured", () => {
  const file = new VirtualFile(text);
  const refused = [["deflate"], [], "", "webp", ["br", "webp"], undefined];
  for (const recipe of refused) {
    expect(() => kept.derive(file, { recipe: recipe as never, key: ["a"] })).toThrow("derive:");
  }
  const canZstd = "createZstdCompress" in zlib;
  expect(() => {
    kept.derive(file, { recipe: ["zstd", "br"], key: ["a"] });
    if (canZstd) kept.derive(file, { recipe: "zstd", key: ["a"] });
    else expect(() => kept.derive(file, { recipe: "zstd", key: ["a"] })).toThrow("from Node 22.15 and 23.8 on");
  }).not.toThrow();
});
