import { mkdtemp, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isDownloadResponse } from "../../responses/handler.ts";
import type { RenderedResponse } from "../../responses/rendered-response.ts";
import { PathDownloadView } from "../../views/path-download-view.ts";

let root: string;
let outside: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "precompressed-"));
  outside = await mkdtemp(join(tmpdir(), "outside-"));
  await writeFile(join(root, "a.txt"), "identity");
  await writeFile(join(root, "a.txt.br"), "brotli");
  await writeFile(join(root, "a.txt.gz"), "gz");
  await writeFile(join(root, "plain.txt"), "plain");
  await writeFile(join(outside, "secret"), "secret");
  await writeFile(join(root, "trap.txt"), "harmless");
  await symlink(join(outside, "secret"), join(root, "trap.txt.br"));
  for (const name of ["a.txt", "a.txt.br", "a.txt.gz", "plain.txt"]) {
    await utimes(join(root, name), 1_700_000_000, 1_700_000_000);
  }
});
afterAll(() => Promise.all([root, outside].map((folder) => rm(folder, { recursive: true }))));

const view = (): ReturnType<typeof PathDownloadView.asView> =>
  PathDownloadView.asView({ root, precompressed: ["br", "zstd", "gzip"] });

interface Answer {
  status: number;
  text: string;
  coding: string | undefined;
  type: string | undefined;
  vary: string | undefined;
  etag: string | undefined;
}

async function get(path: string, headers: Record<string, string>, method = "GET"): Promise<Answer> {
  const request = new Request("http://localhost/", { method, headers });
  const result = await view()(request, { params: { path }, native: undefined });
  if (!isDownloadResponse(result)) throw new TypeError("not a download");
  const rendered = await result.render(request);
  const field = (name: string): string | undefined => rendered.headers[rendered.headers.indexOf(name) + 1];
  const has = (name: string): string | undefined => (rendered.headers.includes(name) ? field(name) : undefined);
  return {
    status: rendered.status,
    text: textOf(rendered),
    coding: has("Content-Encoding"),
    type: has("Content-Type"),
    vary: has("Vary"),
    etag: has("ETag"),
  };
}

function textOf({ body }: RenderedResponse): string {
  return body.kind === "content" && body.content.kind === "bytes" ? Buffer.from(body.content.bytes).toString() : "";
}

describe("a file that lies compressed beside itself", () => {
  it.each([
    ["br, gzip", "brotli", "br"],
    ["gzip", "gz", "gzip"],
    ["br;q=0.5, gzip", "gz", "gzip"],
    ["zstd", "identity", undefined],
    ["zstd, gzip;q=0.5", "gz", "gzip"],
    ["identity, gzip;q=0.5", "identity", undefined],
    ["br;q=0", "identity", undefined],
    ["", "identity", undefined],
  ])("is sent to a client that accepts %j as %s", async (acceptEncoding, text, coding) => {
    const answer = await get("a.txt", { "accept-encoding": acceptEncoding });
    expect(answer).toMatchObject({ status: 200, text, type: "text/plain; charset=utf-8", vary: "Accept-Encoding" });
    expect(answer.coding).toBe(coding);
  });

  it("has an entity tag for each variant, and a 304 for the one that the client has", async () => {
    const [brotli, identity] = [await get("a.txt", { "accept-encoding": "br" }), await get("a.txt", {})];
    expect(brotli.etag).not.toBe(identity.etag);
    const again = (headers: Record<string, string>): Promise<Answer> =>
      get("a.txt", { ...headers, "if-none-match": brotli.etag ?? "" });
    expect(await again({ "accept-encoding": "br" })).toMatchObject({ status: 304, vary: "Accept-Encoding" });
    expect(await again({})).toMatchObject({ status: 200, text: "identity" });
  });

  it("is described to HEAD as it is sent to GET", async () => {
    expect(await get("a.txt", { "accept-encoding": "br" }, "HEAD")).toMatchObject({ status: 200, coding: "br" });
  });

  it("is sent as it is where there is no other variant, and says that there may be one", async () => {
    expect(await get("plain.txt", { "accept-encoding": "br" })).toMatchObject({
      text: "plain",
      vary: "Accept-Encoding",
    });
  });

  it("is no way out of the root", async () => {
    expect(await get("trap.txt", { "accept-encoding": "br" })).toMatchObject({ text: "harmless" });
  });
});
