import { beforeEach, describe, expect, it } from "vitest";
import { ImproperlyConfiguredError } from "../errors.ts";
import { nginx } from "../offload/nginx/index.ts";
import { OffloadedDownloadResponse } from "../offload/offloaded-download-response.ts";
import { redirectToStorage } from "../offload/redirect/index.ts";
import { withMiddleware, type DownloadHandler, type DownloadMiddleware } from "../responses/handler.ts";
import { renderResult } from "../responses/render.ts";
import { MemoryStorage } from "../storages/memory-storage.ts";
import { StorageFile } from "../storages/storage-file.ts";
import { download } from "../views/download.ts";
import { limitedDownloads } from "./limited-downloads.ts";
import { MemorySentVersions } from "./sent-versions.ts";
import { signatureRequired, type SignatureRequiredOptions } from "./signature-required.ts";
import { URLSigner } from "./url-signer.ts";

const noon = Date.UTC(2026, 0, 1, 12);
const secrets = "0123456789abcdef0123456789abcdef";
let time: number;
const now = (): Date => new Date(time);
const signer = new URLSigner({ secrets, expiresIn: 60, now });
let storage: MemoryStorage;
let etag: string;

beforeEach(async () => {
  time = noon;
  storage = new MemoryStorage();
  await storage.save("a.bin", "0123456789");
  etag = (await new StorageFile(storage, "a.bin").stat()).etag!;
});

const view: DownloadHandler = async () => download(new StorageFile(storage, "a.bin"));
const redirect = redirectToStorage({ expiresIn: 600, url: () => "https://cdn.example/a.bin" });
const offload: DownloadMiddleware = (response) =>
  new OffloadedDownloadResponse(response, nginx(), { "X-Accel-Redirect": "/_files/a.bin" });

type Ask = (headers?: Record<string, string>, method?: string) => Promise<number | string>;

/** A link that lasts for a minute, and whose downloads may go on for ten. Answers with a status, or a reason. */
async function link(options: Partial<SignatureRequiredOptions> = {}, handler = view, around?: DownloadMiddleware) {
  const url = await signer.sign("/a.bin");
  const signed = signatureRequired(handler, { signer, now, resumeFor: 600, ...options });
  const mounted = around ? withMiddleware(signed, around) : signed;
  const ask: Ask = async (headers = {}, method = "GET") => {
    const request = { method, url, headers: new Headers(headers) };
    try {
      const rendered = await renderResult(await mounted(request, { params: {}, native: {} }), request);
      rendered.delivery.finish(rendered.status, 5);
      return rendered.status;
    } catch (error) {
      return String((error as Error).cause);
    }
  };
  return ask;
}

const rest = (range = "bytes=5-", version = etag): Record<string, string> => ({ Range: range, "If-Range": version });

describe("a link that has expired, with resumeFor,", () => {
  it("serves the rest of what was sent under it, for a time", async () => {
    const ask = await link();
    expect(await ask()).toBe(200);
    time = noon + 60_000;
    expect(await ask(rest())).toBe(206);
    time = noon + 659_999;
    expect(await ask(rest())).toBe(206);
    time = noon + 660_000;
    expect(await ask(rest())).toBe("expired");
  });

  it.each<[what: string, headers: () => Record<string, string>, method?: string]>([
    ["no range", () => ({ "If-Range": etag })],
    ["no If-Range", () => ({ Range: "bytes=5-" })],
    ["a range from the first byte", () => rest("bytes=0-")],
    ["ranges of which one begins with the first byte", () => rest("bytes=5-6,0-1")],
    ["a range from the end, which may be all", () => rest("bytes=-10")],
    ["a weak tag", () => rest("bytes=5-", `W/${etag}`)],
    ["a date", () => rest("bytes=5-", new Date(noon).toUTCString())],
    ["another tag", () => rest("bytes=5-", '"another"')],
    ["a range in another unit", () => rest("lines=5-")],
    ["HEAD", () => rest(), "HEAD"],
    ["POST", () => rest(), "POST"],
  ])("starts no download anew: %s", async (_, headers, method) => {
    const ask = await link();
    await ask();
    time = noon + 61_000;
    expect(await ask(headers(), method)).toMatch(method === "POST" ? /invalid/ : /expired/);
  });

  it("serves nothing of a version that was not sent under it", async () => {
    const [ask, another] = [await link(), await link()];
    expect(await another()).toBe(200);
    time = noon + 61_000;
    expect(await ask(rest())).toBe("expired");
  });

  it("serves nothing of another version", async () => {
    const ask = await link();
    await ask();
    await storage.delete("a.bin");
    await storage.save("a.bin", "abcdefghij");
    time = noon + 61_000;
    expect(await ask(rest())).toBe("expired");
  });

  it("remembers nothing of an answer without the file", async () => {
    const ask = await link();
    await ask({ "If-None-Match": "*" });
    await ask({}, "HEAD");
    time = noon + 61_000;
    expect(await ask(rest())).toBe("expired");
  });

  it("ends with its key", async () => {
    const sentVersions = new MemorySentVersions();
    const url = await signer.sign("/a.bin");
    const asked = async (own: URLSigner, headers: Record<string, string>): Promise<unknown> => {
      const request = { method: "GET", url, headers: new Headers(headers) };
      const handler = signatureRequired(view, { signer: own, now, resumeFor: 600, sentVersions });
      return renderResult(await handler(request, { params: {}, native: {} }), request).then(({ status }) => status);
    };
    expect(await asked(signer, {})).toBe(200);
    time = noon + 61_000;
    expect(await asked(signer, rest())).toBe(206);
    const newer = new URLSigner({ secrets: "fedcba9876543210fedcba9876543210", now });
    await expect(asked(newer, rest())).rejects.toMatchObject({ cause: "invalid" });
  });

  it("is bound to the same addresses", async () => {
    let ip = "203.0.113.7";
    const url = await signer.sign("/a.bin", { ipPrefix: "203.0.113.7" });
    const handler = signatureRequired(view, { signer, now, resumeFor: 600, ip: () => ip });
    const ask = async (headers: Record<string, string>): Promise<number> => {
      const request = { method: "GET", url, headers: new Headers(headers) };
      return (await renderResult(await handler(request, { params: {}, native: {} }), request)).status;
    };
    expect(await ask({})).toBe(200);
    time = noon + 61_000;
    expect(await ask(rest())).toBe(206);
    ip = "203.0.113.8";
    await expect(ask(rest())).rejects.toMatchObject({ cause: "invalid" });
  });

  it("is not kept by a cache", async () => {
    const ask = await link();
    await ask();
    time = noon + 61_000;
    const url = await signer.sign("/a.bin", { expiresAt: new Date(noon + 60_000) });
    const request = { method: "GET", url, headers: new Headers(rest()) };
    const sent = { add: async () => undefined, has: async () => true };
    const cached: DownloadHandler = async () =>
      download(new StorageFile(storage, "a.bin"), { cacheControl: "max-age=9" });
    const handler = signatureRequired(cached, { signer, now, resumeFor: 600, sentVersions: sent });
    const result = await handler(request, { params: {}, native: {} });
    expect(result.headers.get("Cache-Control")).toBe("private, max-age=0");
  });

  it("is counted as the same use", async () => {
    const ask = await link({}, limitedDownloads(view, { limit: 1, now, client: () => "alice" }));
    expect(await ask({ Range: "bytes=0-4" })).toBe(206);
    time = noon + 61_000;
    expect(await ask(rest())).toBe(206);
    expect(await ask(rest())).toBe("used");
  });

  it("is sent by the application in place of a redirect, and not at all through one around it", async () => {
    const inside = await link({}, withMiddleware(view, redirect));
    const outside = await link({}, view, redirect);
    expect([await inside(), await outside()]).toEqual([302, 302]);
    time = noon + 61_000;
    expect([await inside(rest()), await outside(rest())]).toEqual([206, "expired"]);
  });

  it("is sent by the server in front of the application, too", async () => {
    const inside = await link({}, withMiddleware(view, offload));
    const outside = await link({}, view, offload);
    expect([await inside(), await outside()]).toEqual([200, 200]);
    time = noon + 61_000;
    expect([await inside(rest()), await outside(rest())]).toEqual([206, 200]);
  });

  it("serves a web Response that is the rest, and no other", async () => {
    const headers = (): Record<string, string> => ({ ETag: etag });
    const whole: DownloadHandler = async () => new Response("0123456789", { headers: headers() });
    const partial: DownloadHandler = async ({ headers: asked }) =>
      asked.get("range") === null
        ? new Response("0123456789", { headers: headers() })
        : new Response("56789", { status: 206, headers: { ...headers(), "Content-Range": "bytes 5-9/10" } });
    const [never, always] = [await link({}, whole), await link({}, partial)];
    expect([await never(), await always()]).toEqual([200, 200]);
    time = noon + 61_000;
    expect([await never(rest()), await always(rest())]).toEqual(["expired", 206]);
  });

  it("does not fail a download that it can't remember", async () => {
    const sentVersions = { add: () => Promise.reject(new Error("lost")), has: async () => false };
    expect(await (await link({ sentVersions }))()).toBe(200);
  });

  it.each([-1, NaN, Infinity])("can't be made for %d seconds", (resumeFor) => {
    expect(() => signatureRequired(view, { signer, resumeFor })).toThrow(ImproperlyConfiguredError);
  });

  it("refuses everything without it", async () => {
    const ask = await link({ resumeFor: 0 });
    await ask();
    time = noon + 61_000;
    expect(await ask(rest())).toBe("expired");
  });
});

describe("MemorySentVersions", () => {
  it("keeps no more than it may, and forgets first what ends first", async () => {
    const sent = new MemorySentVersions({ maxVersions: 2 });
    await sent.add("a", 30, 0);
    await sent.add("b", 20, 0);
    await sent.add("c", 40, 0);
    expect(await Promise.all(["a", "b", "c"].map((key) => sent.has(key, 10)))).toEqual([true, false, true]);
  });

  it("forgets what has ended", async () => {
    const sent = new MemorySentVersions();
    await sent.add("a", 30, 0);
    expect(await sent.has("a", 29)).toBe(true);
    expect(await sent.has("a", 30)).toBe(false);
    expect(await sent.has("b", 0)).toBe(false);
  });
});
