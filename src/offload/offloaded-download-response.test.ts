import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DownloadFile } from "../files/download-file.ts";
import { LocalFile } from "../files/local/local-file.ts";
import { HeaderFields } from "../http/header-fields.ts";
import { closeBody, type RenderedResponse } from "../responses/rendered-response.ts";
import { withMiddleware } from "../responses/handler.ts";
import { PathDownloadView } from "../views/path-download-view.ts";
import { DownloadResponse, type DownloadHooks } from "../responses/download-response.ts";
import type { DownloadOptions } from "../responses/presentation.ts";
import { apache } from "./apache/index.ts";
import type { OffloadBackend } from "./contract.ts";
import { caddy } from "./caddy/index.ts";
import { h2o } from "./h2o/index.ts";
import { lighttpd, XSendfileResponse } from "./lighttpd/index.ts";
import { nginx, XAccelRedirectResponse } from "./nginx/index.ts";
import { OffloadedDownloadResponse } from "./offloaded-download-response.ts";
import { smartDownloadMiddleware } from "./smart-download-middleware.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "offload-"));
  await writeFile(join(folder, "a.txt"), "0123456789");
  await utimes(join(folder, "a.txt"), 1_700_000_000, 1_700_000_000);
});
afterAll(() => rm(folder, { recursive: true }));

const backends = [nginx(), apache(), lighttpd(), caddy(), h2o()].map((backend) => [backend.name, backend] as const);
const etag = '"6553f100-a"';
const lastModified = "Tue, 14 Nov 2023 22:13:20 GMT";

interface Given extends DownloadOptions {
  readonly file?: DownloadFile;
  readonly hooks?: DownloadHooks;
}

async function offloaded(
  backend: OffloadBackend,
  { file = new LocalFile(join(folder, "a.txt")), hooks, ...options }: Given = {},
): Promise<OffloadedDownloadResponse> {
  const rules = [{ sourceDir: folder, destinationUrl: "/_dl/", destinationDir: "/dl" }];
  const response = new DownloadResponse(file, options, hooks);
  const result = await smartDownloadMiddleware({ backend, rules })(response, request());
  if (!(result instanceof OffloadedDownloadResponse)) throw new Error("Not offloaded");
  return result;
}

function request(headers: Record<string, string> = {}, method = "GET"): Request {
  return new Request("http://localhost/", { method, headers });
}

async function render(
  response: OffloadedDownloadResponse,
  to: Request = request(),
): Promise<{ status: number; fields: HeaderFields; body: RenderedResponse["body"]["kind"] }> {
  const rendered = await response.render(to);
  await closeBody(rendered.body);
  const fields = new HeaderFields();
  for (let at = 0; at < rendered.headers.length; at += 2) {
    fields.append(rendered.headers[at]!, rendered.headers[at + 1]!);
  }
  return { status: rendered.status, fields, body: rendered.body.kind };
}

function counted(path: string): { file: DownloadFile; calls: string[] } {
  const local = new LocalFile(path);
  const calls: string[] = [];
  const file: DownloadFile = {
    name: local.name,
    path: local.path,
    stat: () => (calls.push("stat"), local.stat()),
    open: () => (calls.push("open"), local.open()),
  };
  return { file, calls };
}

describe.each(backends)("a download that %s sends", (_name, backend) => {
  it("has the fields of the application, and no body", async () => {
    const { status, fields, body } = await render(await offloaded(backend, { headers: { "X-Test": "1" } }));
    expect(status).toBe(backend.status);
    expect(body).toBe("none");
    expect(fields.get(backend.header)).toContain("a.txt");
    expect(fields.get("Content-Length")).toBe("0");
    expect(fields.get("Content-Type")).toBe("text/plain; charset=utf-8");
    expect(fields.get("Content-Disposition")).toBe('attachment; filename="a.txt"');
    expect(fields.get("X-Content-Type-Options")).toBe("nosniff");
    expect(fields.get("Cache-Control")).toBe("private, no-cache, no-transform");
    expect(fields.get("ETag")).toBe(etag);
    expect(fields.get("Last-Modified")).toBe(lastModified);
    expect(fields.get("X-Test")).toBe("1");
  });

  it("costs one stat, and opens nothing", async () => {
    const { file, calls } = counted(join(folder, "a.txt"));
    await render(await offloaded(backend, { file }));
    await render(await offloaded(backend, { file }), request({ "if-none-match": etag }));
    await render(await offloaded(backend, { file }), request({}, "HEAD"));
    expect(calls).toEqual(["stat", "stat", "stat"]);
  });

  it.each([
    ["If-None-Match", etag, 304],
    ["If-None-Match", `"other", W/${etag}`, 304],
    ["If-Modified-Since", lastModified, 304],
    ["If-Match", '"other"', 412],
    ["If-Unmodified-Since", "Mon, 13 Nov 2023 22:13:20 GMT", 412],
  ])("is not offloaded when %s: %s makes it %i", async (name, value, status) => {
    const rendered = await render(await offloaded(backend), request({ [name]: value }));
    expect(rendered.status).toBe(status);
    expect(rendered.fields.has(backend.header)).toBe(false);
    expect(rendered.fields.has("Content-Disposition")).toBe(status === 304);
    expect(rendered.fields.get("ETag")).toBe(status === 304 ? etag : null);
  });

  it.each([
    ["If-None-Match", '"other"'],
    ["If-Modified-Since", "Mon, 13 Nov 2023 22:13:20 GMT"],
    ["Range", "bytes=0-3"],
    ["If-Range", '"other"'],
  ])("is offloaded with %s: %s", async (name, value) => {
    const rendered = await render(await offloaded(backend), request({ [name]: value }));
    expect(rendered.status).toBe(backend.status);
    expect(rendered.fields.has(backend.header)).toBe(true);
    expect(rendered.fields.has("Content-Range")).toBe(false);
  });

  it.each([
    ["bytes=100-", 416, "bytes */10"],
    ["bytes=-0", 416, "bytes */10"],
    ["lines=0-1", 200, null],
    ["bytes=x", 200, null],
  ])("is answered by the application, where servers disagree on Range: %s", async (range, status, contentRange) => {
    const rendered = await render(await offloaded(backend), request({ range }));
    expect([rendered.status, rendered.fields.get("Content-Range")]).toEqual([status, contentRange]);
    expect(rendered.fields.has(backend.header)).toBe(false);
  });

  it("is answered by the application to HEAD, with all that it knows", async () => {
    const { status, fields, body } = await render(await offloaded(backend), request({ range: "bytes=0-3" }, "HEAD"));
    expect([status, body, fields.get("Content-Length")]).toEqual([200, "none", "10"]);
    expect(fields.get("ETag")).toBe(etag);
    expect(fields.has(backend.header)).toBe(false);
  });

  it.each([
    ["If-Match", etag],
    ["If-Unmodified-Since", lastModified],
  ])("is sent by the application with %s, of which servers think differently", async (name, value) => {
    const { status, fields, body } = await render(await offloaded(backend), request({ [name]: value }));
    expect([status, fields.get("Content-Length")]).toEqual([200, "10"]);
    expect(body).not.toBe("none");
    expect(fields.has(backend.header)).toBe(false);
  });

  it.each([401, 403, 404, 500, 206])("leaves nothing for the server when it is made a %i", async (status) => {
    const response = await offloaded(backend);
    response.status = status;
    const rendered = await render(response);
    expect([rendered.status, rendered.body]).toEqual([status, "none"]);
    expect(rendered.fields.toRaw().join()).not.toContain("a.txt");
  });

  it("is a 404 for a missing file, or the view's own answer", async () => {
    const file = new LocalFile(join(folder, "missing.txt"));
    await expect((await offloaded(backend, { file })).render(request())).rejects.toMatchObject({ status: 404 });
    const hooks = { fileNotFoundResponse: () => new Response("gone", { status: 410 }) };
    const { status, fields } = await render(await offloaded(backend, { file, hooks }));
    expect([status, fields.has(backend.header)]).toEqual([410, false]);
  });

  it("asks the view whether the file changed", async () => {
    const since = request({ "if-modified-since": "Mon, 13 Nov 2023 22:13:20 GMT" });
    const never = await render(await offloaded(backend, { hooks: { wasModifiedSince: () => false } }), since);
    expect([never.status, never.fields.has(backend.header)]).toEqual([304, false]);
  });

  it("is sent by the application if the view knows of a change that the server would not see", async () => {
    const since = request({ "if-modified-since": lastModified });
    const { status, fields, body } = await render(
      await offloaded(backend, { hooks: { wasModifiedSince: () => true } }),
      since,
    );
    expect([status, fields.has(backend.header)]).toEqual([200, false]);
    expect(body).not.toBe("none");
  });

  it("lets the view answer for a file that did not change", async () => {
    const hooks = { notModifiedResponse: () => new Response(null, { status: 304, headers: { "X-Own": "1" } }) };
    const { status, fields } = await render(await offloaded(backend, { hooks }), request({ "if-none-match": etag }));
    expect([status, fields.get("X-Own")]).toEqual([304, "1"]);
  });

  it("sends fields that were changed afterwards, and each cookie", async () => {
    const response = await offloaded(backend);
    response.headers.set("Cache-Control", "no-store");
    response.headers.append("Set-Cookie", "a=1");
    response.headers.append("Set-Cookie", "b=2");
    const { fields } = await render(response);
    expect(fields.get("Cache-Control")).toBe("no-store");
    expect(fields.getAll("Set-Cookie")).toEqual(["a=1", "b=2"]);
  });

  it("sandboxes types that a browser could run", async () => {
    const { fields } = await render(await offloaded(backend, { attachment: false, contentType: "text/html" }));
    expect(fields.get("Content-Security-Policy")).toContain("sandbox");
    expect(fields.get("Content-Disposition")).toContain("inline");
  });

  it("reports its outcome once", async () => {
    const outcomes: unknown[] = [];
    const response = await offloaded(backend, { onFinish: (outcome) => void outcomes.push(outcome) });
    const rendered = await response.render(request());
    rendered.delivery.finish(rendered.status, 0);
    expect(outcomes).toEqual([{ kind: "handedOver", status: backend.status, bytesSent: 0, completed: false }]);
  });
});

describe("a file with a compressed variant beside it", () => {
  const view = PathDownloadView.asView({ root: "/", precompressed: ["gzip"] });
  const ask = async (backend: OffloadBackend, coding: string, folders: string): Promise<HeaderFields> => {
    const rules = [{ sourceDir: folders, destinationUrl: "/_dl/", destinationDir: "/dl" }];
    const handler = withMiddleware(view, smartDownloadMiddleware({ backend, rules }));
    const asked = request({ "accept-encoding": coding });
    const result = await handler(asked, { params: { path: join(folder, "v.txt").slice(1) }, native: undefined });
    if (!(result instanceof OffloadedDownloadResponse)) throw new Error("Not offloaded");
    return (await render(result, asked)).fields;
  };
  beforeAll(async () => {
    await writeFile(join(folder, "v.txt"), "0123456789");
    await writeFile(join(folder, "v.txt.gz"), "gzipped");
  });

  it("is offloaded as the variant that the client prefers", async () => {
    const gzip = await ask(nginx(), "gzip", folder);
    expect([gzip.get("X-Accel-Redirect"), gzip.get("Content-Encoding")]).toEqual(["/_dl/v.txt.gz", "gzip"]);
    const identity = await ask(nginx(), "identity", folder);
    expect([identity.get("X-Accel-Redirect"), identity.get("Content-Encoding")]).toEqual(["/_dl/v.txt", null]);
    expect(gzip.get("ETag")).not.toBe(identity.get("ETag"));
    expect([gzip.get("Vary"), identity.get("Vary")]).toEqual(["Accept-Encoding", "Accept-Encoding"]);
  });

  it("is sent by the application if the server would drop Content-Encoding", async () => {
    const gzip = await ask(apache(), "gzip", folder);
    expect([gzip.has("X-Sendfile"), gzip.get("Content-Encoding"), gzip.get("Content-Length")]).toEqual([
      false,
      "gzip",
      "7",
    ]);
    expect((await ask(apache(), "identity", folder)).get("X-Sendfile")).toBe("/dl/v.txt");
  });
});

describe("quirks of one server", () => {
  it("nginx doubles Accept-Ranges", async () => {
    expect((await render(await offloaded(nginx()))).fields.has("Accept-Ranges")).toBe(false);
    expect((await render(await offloaded(lighttpd()))).fields.get("Accept-Ranges")).toBe("bytes");
  });

  it("nginx gets the charset, if there is one", async () => {
    expect((await render(await offloaded(nginx()))).fields.get("X-Accel-Charset")).toBe("utf-8");
    const binary = await offloaded(nginx(), { contentType: "application/pdf" });
    expect((await render(binary)).fields.has("X-Accel-Charset")).toBe(false);
  });

  it("nginx restores a field from its first line only", async () => {
    const response = await offloaded(nginx(), { headers: { Link: ["</a>; rel=next", "</b>; rel=prev"] } });
    expect((await render(response)).fields.getAll("Link")).toEqual(["</a>; rel=next, </b>; rel=prev"]);
  });

  it("Apache drops Content-Encoding, so the application sends files that have one", async () => {
    const { fields, body } = await render(await offloaded(apache(), { contentEncoding: "gzip" }));
    expect([fields.get("Content-Encoding"), fields.has("X-Sendfile")]).toEqual(["gzip", false]);
    expect(body).not.toBe("none");
    expect((await render(await offloaded(caddy(), { contentEncoding: "gzip" }))).fields.get("Content-Encoding")).toBe(
      "gzip",
    );
  });

  it("Caddy sends a part only if If-Range holds", async () => {
    const named = async (condition: string): Promise<boolean> => {
      const part = request({ range: "bytes=0-1", "if-range": condition });
      return (await render(await offloaded(caddy()), part)).fields.has("X-Accel-Redirect");
    };
    expect([await named(etag), await named(lastModified), await named('"other"')]).toEqual([true, true, false]);
  });

  it("h2o drops the fields, so they travel in the URL", async () => {
    const response = await offloaded(h2o({ socket: "/s" }), {
      filename: "é.txt",
      headers: { "X-Test": "a b&c=\u00e9" },
    });
    const url = (await render(response)).fields.get("X-Reproxy-URL")!;
    expect(url.startsWith("http://[unix:/s]/_dl/a.txt?")).toBe(true);
    const query = Object.fromEntries(
      url
        .slice(url.indexOf("?") + 1)
        .split("&")
        .map((pair) => pair.split("=")),
    );
    expect(query).toMatchObject({ "x-test": "a%20b%26c%3d%e9", etag: "%226553f100-a%22" });
    expect(query).not.toHaveProperty("content-length");
  });
});

describe("a response that is made without a rule", () => {
  it("XAccelRedirectResponse presents the file", async () => {
    const response = new XAccelRedirectResponse({
      redirectUrl: "/_dl/a%20b.txt?x",
      contentType: "text/plain",
      attachment: false,
      expires: 60,
      withBuffering: true,
    });
    const { status, fields } = await render(response, request({}, "HEAD"));
    expect(status).toBe(200);
    expect(Object.fromEntries(fields)).toMatchObject({
      "Content-Type": "text/plain",
      "Content-Disposition": 'inline; filename="a b.txt"',
      "X-Accel-Redirect": "/_dl/a%20b.txt?x",
      "X-Accel-Expires": "60",
      "X-Accel-Buffering": "yes",
      "Cache-Control": "private, no-cache",
    });
    expect(fields.has("ETag")).toBe(false);
  });

  it("evaluates preconditions if the file is known", async () => {
    const file = new LocalFile(join(folder, "a.txt"));
    const response = new XSendfileResponse({ filePath: "/dl/a.txt", file, filename: "b.txt" });
    expect((await render(response)).fields.get("Content-Disposition")).toBe('attachment; filename="b.txt"');
    expect((await render(response, request({ "if-none-match": etag }))).status).toBe(304);
  });

  it("refuses a path that cannot be sent", () => {
    expect(() => new XSendfileResponse({ filePath: "/dl/a\nb" })).toThrow(/not found/i);
  });
});
