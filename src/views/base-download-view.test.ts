import { describe, expect, it } from "vitest";
import { respond } from "../../tests/views/respond.ts";
import { FileNotFoundError, ImproperlyConfiguredError, InvalidPathError, PermissionDeniedError } from "../errors.ts";
import type { DownloadFile, FileStat } from "../files/download-file.ts";
import { VirtualFile, type VirtualFileOptions } from "../files/virtual-file.ts";
import type { HeaderFields } from "../http/header-fields.ts";
import { DownloadResponse } from "../responses/download-response.ts";
import { MemoryStorage } from "../storages/memory-storage.ts";
import { assertDownloadResponse, setupView } from "../testing/index.ts";
import { BaseDownloadView, DownloadMixin } from "./base-download-view.ts";
import { HTTPDownloadView } from "./http-download-view.ts";
import { ObjectDownloadView } from "./object-download-view.ts";
import { PathDownloadView } from "./path-download-view.ts";
import { StorageDownloadView } from "./storage-download-view.ts";
import { View } from "./view.ts";

const day = new Date("2026-01-31T12:00:00Z");
const dayField = "Sat, 31 Jan 2026 12:00:00 GMT";
const dayAfterField = "Sun, 01 Feb 2026 12:00:00 GMT";
const dayBeforeField = "Fri, 30 Jan 2026 12:00:00 GMT";

function hello(options: VirtualFileOptions = {}): VirtualFile {
  return new VirtualFile("Hello", { name: "hello.txt", etag: false, ...options });
}

class HelloView extends BaseDownloadView {
  override getFile(): DownloadFile | Promise<DownloadFile> {
    return hello({ lastModified: day });
  }
}

describe("a download view", () => {
  it("serves its file as a private attachment under its own name and type", async () => {
    await assertDownloadResponse(respond(HelloView.asView()), {
      status: 200,
      filename: "hello.txt",
      attachment: true,
      contentType: "text/plain; charset=utf-8",
      contentEncoding: false,
      size: 5,
      content: "Hello",
      headers: {
        "Cache-Control": "private, no-cache, no-transform",
        "X-Content-Type-Options": "nosniff",
        "Last-Modified": dayField,
      },
    });
  });

  it("answers HEAD like GET, without reading the file", async () => {
    const opened: string[] = [];
    const handler = HelloView.asView({
      getFile: () => ({ name: "a.txt", stat: async () => ({ size: 5 }), open: () => expect.unreachable("opened") }),
    });
    await assertDownloadResponse(respond(handler, { method: "HEAD" }), { size: 5, filename: "a.txt", content: "" });
    expect(opened).toEqual([]);
  });

  it("waits for getFile()", async () => {
    const handler = HelloView.asView({ getFile: async () => hello() });
    await assertDownloadResponse(respond(handler), { content: "Hello" });
  });

  it("has its file when the other methods are called", async () => {
    const handler = HelloView.asView({
      getFilename() {
        return `about ${this.file?.name}`;
      },
    });
    await assertDownloadResponse(respond(handler), { filename: "about hello.txt" });
  });

  it.each([
    [{ attachment: false }, { attachment: false, filename: "hello.txt" }],
    [{ filename: "été.md" }, { filename: "été.md", contentType: "text/markdown" }],
    [{ contentType: "text/x-greeting" }, { contentType: "text/x-greeting; charset=utf-8" }],
    [{ contentEncoding: "gzip" }, { contentEncoding: "gzip" }],
    [{ contentEncoding: "identity" }, { contentEncoding: false }],
    [{ charset: "iso-8859-1" }, { contentType: "text/plain; charset=iso-8859-1" }],
    [{ charset: false }, { contentType: "text/plain" }],
    [{ cacheControl: "public, max-age=60" }, { headers: { "Cache-Control": "public, max-age=60, no-transform" } }],
    [{ cacheControl: false }, { headers: { "Cache-Control": "no-transform" } }],
    [{ headers: { "X-Robots-Tag": "noindex" } }, { headers: { "X-Robots-Tag": "noindex" } }],
    [{ headers: { "cache-control": "no-store" } }, { headers: { "Cache-Control": "no-store" } }],
  ] as const)("is configured by the field in %j", async (options, expected) => {
    await assertDownloadResponse(respond(HelloView.asView(options)), expected);
  });

  it.each([
    [{ getFilename: async () => "été.md" }, { filename: "été.md" }],
    [{ getContentType: async () => "text/x-greeting" }, { contentType: "text/x-greeting" }],
    [{ getContentEncoding: async () => "br" }, { contentEncoding: "br" }],
    [{ getCharset: async () => "iso-8859-1" }, { charset: "iso-8859-1" }],
  ])("computes what the overridden method in %o says", async (options, expected) => {
    await assertDownloadResponse(respond(HelloView.asView(options)), expected);
  });

  it("waits for a promise of any kind", async () => {
    // oxlint-disable-next-line unicorn/no-thenable -- what ORMs give
    const title: PromiseLike<string> = { then: (resolve) => Promise.resolve("été.md").then(resolve) };
    const handler = HelloView.asView({ getFilename: () => title as Promise<string> });
    await assertDownloadResponse(respond(handler), { filename: "été.md" });
  });

  it("hands on how fast it may be sent", async () => {
    const view = setupView(Object.assign(new HelloView(), { limitRate: 1000 }));
    expect(await view.renderToResponse()).toMatchObject({ limitRate: 1000 });
  });

  it.each([
    [{ contentType: "pdf" }, 'contentType must be a media type, such as text/csv, got "pdf"'],
    [{ contentType: "" }, 'got ""'],
    [{ contentType: "text/html\r\nX-Evil: 1" }, "contentType must be a media type"],
    [{ cacheControl: "private\n" }, "Cache-Control"],
    [{ headers: { "X Name": "1" } }, "X Name"],
    [{ headers: { "X-Name": "名" } }, "X-Name"],
  ])("is refused with %j, which could be sent with no file", (options, message) => {
    for (const make of [
      () => HelloView.asView(options),
      () => PathDownloadView.asView({ path: "/srv/manual.pdf", ...options }),
      () => StorageDownloadView.asView({ storage: new MemoryStorage(), ...options }),
      () => HTTPDownloadView.asView({ url: "https://files.example/", ...options }),
      () => ObjectDownloadView.asView({ model: { findOne: () => null }, ...options }),
    ]) {
      expect(make).toThrow(ImproperlyConfiguredError);
      expect(make).toThrow(message);
    }
  });

  it.each([
    ["sandbox", { attachment: false, headers: { "Content-Security-Policy": /sandbox/ } }],
    ["attachment", { attachment: true, headers: { "Content-Security-Policy": false } }],
    ["allow", { attachment: false, headers: { "Content-Security-Policy": false } }],
  ] as const)("does what activeContent: %s says with a page that is shown", async (activeContent, expected) => {
    const handler = HelloView.asView({ attachment: false, filename: "page.html", activeContent });
    await assertDownloadResponse(respond(handler), expected);
  });

  it("tells onFinish how the download ended", async () => {
    const outcomes: unknown[] = [];
    const handler = HelloView.asView({ onFinish: (outcome) => void outcomes.push(outcome) });
    await (await respond(handler)).text();
    expect(outcomes).toEqual([{ kind: "completed", status: 200, bytesSent: 5, completed: true }]);
  });

  it("answers with the responseClass", async () => {
    class Counted extends DownloadResponse {
      static rendered = 0;
      override render(...given: Parameters<DownloadResponse["render"]>): ReturnType<DownloadResponse["render"]> {
        Counted.rendered += 1;
        return super.render(...given);
      }
    }
    await assertDownloadResponse(respond(HelloView.asView({ responseClass: Counted })), { content: "Hello" });
    expect(Counted.rendered).toBe(1);
  });

  it("lets downloadResponse() be overridden", async () => {
    class Tagged extends HelloView {
      override async downloadResponse(...given: Parameters<HelloView["downloadResponse"]>): Promise<DownloadResponse> {
        const response = await super.downloadResponse(...given);
        response.headers.set("X-Tag", "tagged");
        return response as DownloadResponse;
      }
    }
    await assertDownloadResponse(respond(Tagged.asView()), { content: "Hello", headers: { "X-Tag": "tagged" } });
  });

  it("lets renderToResponse() be overridden", async () => {
    class Denied extends HelloView {
      override async renderToResponse(): Promise<never> {
        throw new PermissionDeniedError();
      }
    }
    expect((await respond(Denied.asView())).status).toBe(403);
  });

  it("gives options of renderToResponse() precedence over its fields", async () => {
    class Named extends HelloView {
      override get(): ReturnType<HelloView["get"]> {
        return this.renderToResponse({ filename: "given.txt", attachment: false });
      }
    }
    await assertDownloadResponse(respond(Named.asView({ filename: "field.txt" })), {
      filename: "given.txt",
      attachment: false,
    });
  });
});

describe("wasModifiedSince", () => {
  it.each([
    [dayAfterField, 304],
    [dayField, 304],
    [dayBeforeField, 200],
    ["yesterday", 200],
  ])("answers If-Modified-Since: %s by the file's date", async (since, status) => {
    const response = await respond(HelloView.asView(), { headers: { "If-Modified-Since": since } });
    expect(response.status).toBe(status);
    expect(await response.text()).toBe(status === 304 ? "" : "Hello");
  });

  it("can be overridden, and is told the file, the date and what is known of it", async () => {
    const asked: unknown[] = [];
    const handler = HelloView.asView({
      wasModifiedSince(file, since, stat) {
        asked.push(file.name, since, stat?.size);
        return false;
      },
    });
    const response = await respond(handler, { headers: { "If-Modified-Since": dayBeforeField } });
    expect(response.status).toBe(304);
    expect(asked).toEqual(["hello.txt", new Date("2026-01-30T12:00:00Z"), 5]);
    expect((await respond(handler)).status).toBe(200);
  });

  it("comes after If-None-Match", async () => {
    const handler = HelloView.asView({ wasModifiedSince: () => false, getFile: () => hello({ etag: '"v2"' }) });
    const headers = { "If-Modified-Since": dayAfterField, "If-None-Match": '"v1"' };
    expect((await respond(handler, { headers })).status).toBe(200);
  });

  it.each<[string, Partial<DownloadFile>, FileStat | undefined, boolean]>([
    ["the file's own answer no", { wasModifiedSince: () => false }, { lastModified: day }, false],
    ["the file's own answer yes", { wasModifiedSince: async () => true }, { lastModified: new Date(0) }, true],
    ["a date in the same second", {}, { lastModified: new Date("2026-01-30T12:00:00.999Z") }, false],
    ["a later date", {}, { lastModified: new Date("2026-01-30T12:00:01Z") }, true],
    ["a date that it has to ask for", { stat: async () => ({ lastModified: day }) }, undefined, true],
    ["no date", {}, {}, true],
    ["the epoch, which stands for no date", {}, { lastModified: new Date(0) }, true],
    ["a date that is none", {}, { lastModified: new Date(Number.NaN) }, true],
  ])("goes by %s", async (_, members, stat, modified) => {
    const file: DownloadFile = { name: "a", stat: async () => ({}), open: () => expect.unreachable(), ...members };
    const since = new Date("2026-01-30T12:00:00Z");
    expect(await new HelloView().wasModifiedSince(file, since, stat)).toBe(modified);
  });
});

describe("notModifiedResponse", () => {
  const ask = { headers: { "If-Modified-Since": dayAfterField } };

  it("may change the fields of the 304", async () => {
    const handler = HelloView.asView({
      notModifiedResponse(headers: HeaderFields) {
        headers.set("Expires", dayAfterField);
        return undefined;
      },
    });
    const response = await respond(handler, ask);
    expect([response.status, response.headers.get("Expires")]).toEqual([304, dayAfterField]);
  });

  it("may answer otherwise, and then the file is closed", async () => {
    const closed: string[] = [];
    const opened = {
      stat: { lastModified: day },
      content: () => expect.unreachable("read"),
      close: async () => void closed.push("file"),
      [Symbol.asyncDispose]: async () => undefined,
    };
    const handler = HelloView.asView({
      getFile: () => ({ name: "a.txt", stat: async () => opened.stat, open: async () => opened }),
      notModifiedResponse: () => new Response(null, { status: 304, headers: { "X-Own": "yes" } }),
    });
    const response = await respond(handler, ask);
    expect([response.status, response.headers.get("X-Own"), closed]).toEqual([304, "yes", ["file"]]);
  });

  it("is not asked for a 200", async () => {
    const handler = HelloView.asView({ notModifiedResponse: () => expect.unreachable("asked") });
    expect((await respond(handler)).status).toBe(200);
  });
});

describe("fileNotFoundResponse", () => {
  const missing = new FileNotFoundError("File not found", { cause: "the reason" });
  const found = (error: FileNotFoundError): Response => new Response(`gone: ${error.cause as string}`, { status: 410 });

  const late: DownloadFile = {
    name: "late",
    stat: () => Promise.reject(missing),
    open: () => Promise.reject(missing),
  };

  it.each<[string, () => DownloadFile | Promise<DownloadFile>]>([
    [
      "getFile() throws",
      () => {
        throw missing;
      },
    ],
    ["getFile() rejects", () => Promise.reject(missing)],
    ["the file isn't there when it is opened", () => late],
  ])("answers when %s", async (_, getFile) => {
    const response = await respond(HelloView.asView({ getFile, fileNotFoundResponse: found }));
    expect([response.status, await response.text()]).toEqual([410, "gone: the reason"]);
    expect((await respond(HelloView.asView({ getFile }))).status).toBe(404);
  });

  it("answers for a HEAD too", async () => {
    const handler = HelloView.asView({ getFile: () => late, fileNotFoundResponse: found });
    expect((await respond(handler, { method: "HEAD" })).status).toBe(410);
  });

  it("answers for a path that is refused", async () => {
    const handler = HelloView.asView({
      getFile: () => Promise.reject(new InvalidPathError()),
      fileNotFoundResponse: () => new Response(null, { status: 410 }),
    });
    expect((await respond(handler)).status).toBe(410);
  });

  it("leaves other errors as they are", async () => {
    const handler = HelloView.asView({
      getFile: () => Promise.reject(new RangeError("a bug")),
      fileNotFoundResponse: () => expect.unreachable("asked"),
    });
    await expect(respond(handler)).rejects.toThrow("a bug");
  });
});

describe("BaseDownloadView", () => {
  it("is refused where nothing gives it a file", () => {
    expect(() => BaseDownloadView.asView()).toThrow(ImproperlyConfiguredError);
    expect(() => BaseDownloadView.asView()).toThrow("getFile()");
  });

  class OwnGet extends BaseDownloadView {
    override get(): Response {
      return new Response("own");
    }
  }
  class OwnRendering extends BaseDownloadView {
    override async renderToResponse(): Promise<Response> {
      return new Response("own");
    }
  }

  it.each([
    ["getFile", () => BaseDownloadView.asView({ getFile: () => hello() })],
    ["get", () => OwnGet.asView()],
    ["renderToResponse", () => OwnRendering.asView()],
  ])("is content with a %s() of one's own", async (_, make) => {
    expect((await respond(make())).status).toBe(200);
  });
});

describe("DownloadMixin", () => {
  it("lets a view answer other methods with a file", async () => {
    class Export extends DownloadMixin(View) {
      override getFile(): DownloadFile {
        return hello();
      }
      post(): ReturnType<BaseDownloadView["get"]> {
        return this.renderToResponse();
      }
    }
    await assertDownloadResponse(respond(Export.asView(), { method: "POST" }), { content: "Hello" });
    expect((await respond(Export.asView())).status).toBe(405);
  });

  it("adds downloads to a class that is no view, and keeps its constructor", async () => {
    class Job {
      readonly id: number;
      constructor(id: number) {
        this.id = id;
      }
    }
    class JobLog extends DownloadMixin(Job) {
      override attachment = false;
      override getFile(): DownloadFile {
        return new VirtualFile("done", { name: `${this.id}.log` });
      }
    }
    const log = new JobLog(7);
    expect(log).toBeInstanceOf(Job);
    await assertDownloadResponse(log.renderToResponse(), { filename: "7.log", attachment: false, content: "done" });
  });

  it("keeps fields, getters and methods of the base class that its own options are named after", () => {
    class Report {
      attachment = false;
      headers = { "X-Base": "1" };
      get limitRate(): number {
        return 10;
      }
    }
    class Served extends DownloadMixin(Report) {}
    const { attachment, headers, limitRate, activeContent } = new Served();
    expect({ attachment, headers, limitRate, activeContent }).toEqual({
      attachment: false,
      headers: { "X-Base": "1" },
      limitRate: 10,
      activeContent: "sandbox",
    });
  });

  it("has each option as a field, also where the class sets none", () => {
    expect("cacheControl" in new HelloView() && "toJSON" in new HelloView()).toBe(true);
    expect(Object.keys(new HelloView())).toEqual([]);
  });

  it("says what is missing where it has no getFile()", async () => {
    const view = setupView(new (class Bare extends DownloadMixin(View) {})());
    await expect(view.renderToResponse()).rejects.toThrow("Bare needs a getFile()");
  });
});
