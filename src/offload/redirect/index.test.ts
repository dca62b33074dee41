import type { SignedUrlOptions } from "../../files/download-file.ts";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ImproperlyConfiguredError } from "../../errors.ts";
import { HTTPFile } from "../../files/remote/http-file.ts";
import { LocalFile } from "../../files/local/local-file.ts";
import { VirtualFile } from "../../files/virtual-file.ts";
import type { DownloadOptions } from "../../responses/presentation.ts";
import type { RenderedResponse } from "../../responses/rendered-response.ts";
import { renderResult } from "../../responses/render.ts";
import { MemoryStorage } from "../../storages/memory-storage.ts";
import { StorageFile } from "../../storages/storage-file.ts";

import { download } from "../../views/download.ts";
import { redirectToStorage, type RedirectOptions } from "./index.ts";

/** A remote storage that counts its calls. */
class RemoteStorage extends MemoryStorage {
  opened = 0;
  asked: SignedUrlOptions[] = [];

  override open(name: string): ReturnType<MemoryStorage["open"]> {
    this.opened += 1;
    return super.open(name);
  }

  async url(name: string, options: SignedUrlOptions): Promise<string> {
    this.asked.push(options);
    return `https://store.example/${name}?signed`;
  }
}

let storage: RemoteStorage;
beforeEach(async () => {
  storage = new RemoteStorage();
  await storage.save("a/report.pdf", "0123456789");
  await storage.save("page.html", "<p>");
});

interface Asked extends Partial<RedirectOptions> {
  readonly name?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly options?: DownloadOptions;
}

async function ask({ name = "a/report.pdf", method = "GET", headers = {}, options = {}, ...redirect }: Asked = {}) {
  const request = new Request("http://localhost/", { method, headers });
  const response = download(new StorageFile(storage, name), options);
  return readable(
    await renderResult(await redirectToStorage({ expiresIn: 600, ...redirect })(response, request), request),
  );
}

async function readable({ status, headers, body }: RenderedResponse) {
  if (body.kind === "content") await body.file.close();
  const fields = new Headers();
  for (let at = 0; at < headers.length; at += 2) fields.append(headers[at]!, headers[at + 1]!);
  return { status, fields, body: body.kind };
}

describe("redirectToStorage", () => {
  it("sends the client to the store, with type and disposition in the URL", async () => {
    const { status, fields, body } = await ask({ options: { attachment: false, headers: { "Set-Cookie": "a=1" } } });
    expect([status, body]).toEqual([302, "none"]);
    expect(Object.fromEntries(fields)).toEqual({
      "cache-control": expect.stringMatching(/^private, max-age=\d+$/),
      "content-length": "0",
      location: "https://store.example/a/report.pdf?signed",
      "referrer-policy": "no-referrer",
      "set-cookie": "a=1",
    });
    expect(storage.asked).toEqual([
      { expiresIn: 600, contentType: "application/pdf", contentDisposition: 'inline; filename="report.pdf"' },
    ]);
    expect(storage.opened).toBe(0);
  });

  it("is reported as handed over, because the store may send the file or fail", async () => {
    const outcomes: unknown[] = [];
    const request = new Request("http://localhost/");
    const onFinish = (outcome: unknown): void => void outcomes.push(outcome);
    const source = download(new StorageFile(storage, "a/report.pdf"), { onFinish });
    const response = await redirectToStorage({ expiresIn: 600 })(source, request);
    const { status, delivery } = await renderResult(response, request);
    delivery.finish(status, 0);
    expect(outcomes).toEqual([{ kind: "handedOver", status: 302, bytesSent: 0, completed: false }]);
  });

  it("sends no client to the store once a later part of the application refused", async () => {
    const request = new Request("http://localhost/");
    const response = await redirectToStorage({ expiresIn: 600 })(
      download(new StorageFile(storage, "a/report.pdf")),
      request,
    );
    if (!(response instanceof Response)) response.status = 403;
    const { status, fields, body } = await readable(await renderResult(response, request));
    expect([status, fields.get("location"), body]).toEqual([403, null, "none"]);
  });

  it("lets the store answer ranges, except with a stale If-Range, which some stores ignore", async () => {
    const { etag = "" } = await new StorageFile(storage, "a/report.pdf").stat();
    for (const headers of [{ Range: "bytes=0-1" }, { Range: "bytes=100-" }, { Range: "bytes=0-1", "If-Range": etag }]) {
      expect((await ask({ headers })).status).toBe(302);
    }
    const stale = await ask({ headers: { Range: "bytes=0-1", "If-Range": '"x"' } });
    expect([stale.status, stale.fields.get("content-length")]).toEqual([200, "10"]);
  });

  it("answers HEAD from metadata", async () => {
    const { status, fields, body } = await ask({ method: "HEAD" });
    expect([status, body]).toEqual([200, "none"]);
    expect(fields.get("content-length")).toBe("10");
    expect(fields.get("location")).toBeNull();
    expect([storage.opened, storage.asked]).toEqual([0, []]);
  });

  it.each([
    ["If-None-Match", "*", 304],
    ["If-Match", '"other"', 412],
  ])("answers %s: %s by itself", async (name, value, status) => {
    expect(await ask({ headers: { [name]: value } })).toMatchObject({ status, body: "none" });
    expect([storage.opened, storage.asked]).toEqual([0, []]);
  });

  it("answers a missing file with 404 itself", async () => {
    await expect(ask({ name: "none" })).rejects.toMatchObject({ status: 404 });
  });

  it.each<[string, Asked]>([
    ["the page needs a policy to be shown", { name: "page.html", options: { attachment: false } }],
    ["the application says that the bytes are in a coding", { options: { contentEncoding: "gzip" } }],
    ["the rate is limited", { options: { limitRate: 1000 } }],
    ["there is no URL", { url: () => undefined }],
    ["the URL is one of this site", { url: () => "/media/report.pdf" }],
    ["the URL is of no use to a browser", { url: () => "file:///report.pdf" }],
  ])("leaves the file to the application where %s", async (_, asked) => {
    const { status, fields } = await ask(asked);
    expect([status, fields.get("location")]).toEqual([200, null]);
  });

  it("leaves any other status to the application", async () => {
    const { status } = await ask({ options: { status: 203 } });
    expect(status).toBe(203);
  });

  it.each([
    ["of this machine", new LocalFile(import.meta.filename)],
    ["of the application", new VirtualFile("text")],
    ["elsewhere, to which only the application has access", new HTTPFile("https://a.example/", { fetch: answering })],
  ])("leaves a file %s to the application", async (_, file) => {
    const request = new Request("http://localhost/");
    const result = await redirectToStorage({ expiresIn: 600 })(download(file), request);
    expect((await readable(await renderResult(result, request))).status).toBe(200);
  });

  it.each([0, -1, Number.NaN])("refuses URLs that live for %d seconds", (expiresIn) => {
    expect(() => redirectToStorage({ expiresIn })).toThrow(ImproperlyConfiguredError);
  });
});

describe("The redirect in a browser's cache", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
  afterEach(() => void vi.useRealTimers());

  it.each([
    ["at the beginning of a window", 0, "private, max-age=540"],
    ["in the middle of it", 150_000, "private, max-age=390"],
    ["at its end", 299_999, "private, max-age=240"],
  ])("ends before its URL does, %s", async (_, now, cacheControl) => {
    vi.setSystemTime(1_700_000_100_000 + now);
    expect((await ask()).fields.get("cache-control")).toBe(cacheControl);
  });

  it("goes stale before its URL expires, also if the store signed for less than requested", async () => {
    vi.setSystemTime(Date.parse("2026-11-25T12:00:10Z"));
    const url = (): string => "https://store.example/a?X-Amz-Date=20261125T120000Z&X-Amz-Expires=100";
    expect((await ask({ url })).fields.get("cache-control")).toBe("private, max-age=30");
  });

  it.each([
    ["private, max-age=60", "private, max-age=60"],
    ["public, max-age=31536000, immutable", "private, immutable, max-age=540"],
    ["no-store", "private, no-store"],
  ])("is kept as the application says, if that is shorter: %s", async (cacheControl, kept) => {
    vi.setSystemTime(1_700_000_100_000);
    expect((await ask({ options: { cacheControl } })).fields.get("cache-control")).toBe(kept);
  });
});

const answering = async (): Promise<Response> => new Response("text");

describe("redirectToStorage with a condition", () => {
  type When = NonNullable<RedirectOptions["when"]>;
  const large: When = ({ size = 0 }) => size > 5;

  it.each<[what: string, when: When, name: string, status: number]>([
    ["large enough", large, "a/report.pdf", 302],
    ["too small", large, "page.html", 200],
    ["of the right type", ({ contentType }) => contentType === "application/pdf", "a/report.pdf", 302],
    ["of another type", ({ contentType }) => contentType === "image/png", "a/report.pdf", 200],
    [
      "asked for by the right client",
      async ({ request }) => request.headers.get("X-App") === null,
      "a/report.pdf",
      302,
    ],
    ["asked for by another client", async ({ request }) => request.headers.get("X-App") !== null, "a/report.pdf", 200],
    ["the right file", ({ file }) => file.name === "a/report.pdf", "a/report.pdf", 302],
  ])("redirects, or sends, what is %s", async (_, when, name, status) => {
    const answer = await ask({ name, when });
    expect(answer.status).toBe(status);
    expect(storage.asked).toHaveLength(status === 302 ? 1 : 0);
    expect(storage.opened).toBe(status === 302 ? 0 : 1);
  });

  it("sends the range that was asked for", async () => {
    expect((await ask({ when: () => false, headers: { Range: "bytes=0-1" } })).status).toBe(206);
  });

  it.each<[Asked, number]>([
    [{ method: "HEAD" }, 200],
    [{ headers: { "If-None-Match": "*" } }, 304],
    [{ headers: { "If-Match": '"gone"' } }, 412],
  ])("is not asked for what gets no file: %o", async (asked, status) => {
    expect((await ask({ ...asked, when: () => expect.unreachable() })).status).toBe(status);
  });

  it("is answered with the error that it throws", async () => {
    const when = (): never => {
      throw new RangeError("no");
    };
    await expect(ask({ when })).rejects.toThrow(RangeError);
  });

  it("must be a function", () => {
    expect(() => redirectToStorage({ expiresIn: 600, when: true as never })).toThrow(ImproperlyConfiguredError);
  });
});
