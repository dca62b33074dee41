import { describe, expect, it } from "vitest";
import { FileNotFoundError } from "../errors.ts";
import type { OpenFile } from "../files/download-file.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import { DownloadResponse } from "../responses/download-response.ts";
import type { DownloadRequest } from "../responses/handler.ts";
import type { RenderedResponse } from "../responses/rendered-response.ts";
import { ProxiedDownloadResponse } from "../responses/proxied-download-response.ts";
import { assertDownloadResponse } from "./assert-download-response.ts";
import { DownloadAssertionError } from "./download-assertion-error.ts";
import type { DownloadExpectations } from "./download-expectations.ts";
import type { TestedResponse } from "./tested-response.ts";

const csv = "id,name\n1,Zoë\n";

function response(headers: Record<string, string> = {}, body: BodyInit | null = csv, status = 200): Response {
  return new Response(body, {
    status,
    headers: {
      "Content-Disposition": `attachment; filename="cafe.csv"; filename*=UTF-8''caf%C3%A9.csv`,
      "Content-Type": "text/csv; charset=utf-8",
      "Content-Length": "15",
      ...headers,
    },
  });
}

async function failure(
  tested: TestedResponse | Promise<TestedResponse>,
  expected?: DownloadExpectations,
): Promise<DownloadAssertionError> {
  const error: unknown = await assertDownloadResponse(tested, expected).then(
    () => expect.unreachable("the assertion held"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DownloadAssertionError);
  return error as DownloadAssertionError;
}

describe("assertDownloadResponse", () => {
  it("holds for a response that has every property", async () => {
    await assertDownloadResponse(response({ "Content-Encoding": "identity", Vary: "Accept" }), {
      status: 200,
      filename: "café.csv",
      attachment: true,
      contentType: "text/csv; charset=utf-8",
      charset: "utf-8",
      contentEncoding: "identity",
      size: 15,
      content: csv,
      headers: { vary: "Accept", "Content-Length": /^\d+$/, "Set-Cookie": false },
    });
  });

  it.each<[expected: DownloadExpectations, actual: unknown]>([
    [{ filename: "cafe.csv" }, "café.csv"],
    [{ filename: "café" }, "café.csv"],
    [{ filename: "é.csv" }, "café.csv"],
    [{ filename: "" }, "café.csv"],
    [{ attachment: false }, true],
    [{ contentType: "text/csv;charset=utf-8" }, "text/csv; charset=utf-8"],
    [{ contentType: "text" }, "text/csv"],
    [{ contentType: "text/cs" }, "text/csv"],
    [{ charset: "utf" }, "utf-8"],
    [{ charset: false }, "utf-8"],
    [{ contentEncoding: "gzip" }, false],
    [{ size: 14 }, 15],
    [{ content: "id,name\n1,Zoe\n" }, csv],
    [{ content: "id,name\n" }, csv],
    [{ content: "" }, csv],
  ])("names the property that differs: %j", async (expected, actual) => {
    const error = await failure(response(), expected);
    const [property = ""] = Object.keys(expected);
    expect(error.message.split("\n")).toHaveLength(2);
    expect(error.message).toContain(`\n  ${property}: `);
    expect(error.actual).toEqual({ [property]: actual });
    expect(error.expected).toEqual(expected);
  });

  it.each<[headers: Record<string, string | RegExp | false>, property: string]>([
    [{ Vary: "Accept" }, "Vary"],
    [{ "Content-Length": "1" }, "Content-Length"],
    [{ "Content-Length": /^1$/ }, "Content-Length"],
    [{ "content-type": false }, "content-type"],
    [{ Vary: /.*/ }, "Vary"],
  ])("names the header field that differs: %j", async (headers, property) => {
    const error = await failure(response(), { headers });
    expect(Object.keys(error.actual)).toEqual([property]);
  });

  it("does not keep the place of a global pattern between two fields", async () => {
    const digits = /\d/g;
    await assertDownloadResponse(response({ "X-One": "1", "X-Two": "2" }), {
      headers: { "X-One": digits, "X-Two": digits },
    });
  });

  it("tells of everything that differs at once", async () => {
    const error = await failure(response(), { filename: "x", size: 1, contentType: "text/csv", content: "x" });
    expect(error.expected).toEqual({ filename: "x", size: 1, content: "x" });
    expect(error.actual).toEqual({ filename: "café.csv", size: 15, content: csv });
    expect(error.message).toBe(
      [
        "Not the download that was expected",
        '  filename: expected "x", got "café.csv"',
        "  size: expected 1, got 15",
        "  content: expected 1 bytes, got 15, which differ from byte 0 on",
      ].join("\n"),
    );
  });

  it("fails in the shape by which test runners recognise an assertion", async () => {
    const error = await failure(response(), { size: 1 });
    expect(error).toMatchObject({ name: "AssertionError", code: "ERR_ASSERTION", operator: "assertDownloadResponse" });
  });

  it.each([{ basenam: "x" }, { filename: undefined }, { content: undefined }])(
    "refuses an expectation that would check nothing: %j",
    async (expected) => {
      await expect(assertDownloadResponse(response(), expected as DownloadExpectations)).rejects.toThrow(TypeError);
    },
  );

  describe("without expectations", () => {
    it.each([200, 206])("holds for a download of status %i", async (status) => {
      await assertDownloadResponse(response({}, csv, status));
    });

    it.each([201, 304, 404, 500])("fails for the status %i", async (status) => {
      const error = await failure(response({}, status === 304 ? null : csv, status));
      expect(error.actual).toEqual({ status });
    });

    it("fails for a response that says nothing of saving or showing it", async () => {
      const error = await failure(new Response("page"));
      expect(Object.keys(error.actual)).toEqual(["Content-Disposition"]);
    });
  });

  it("takes the status that is expected, and then needs no disposition", async () => {
    await assertDownloadResponse(new Response(null, { status: 304, headers: { ETag: '"x"' } }), {
      status: 304,
      headers: { ETag: '"x"' },
    });
    expect((await failure(response(), { status: 206 })).actual).toEqual({ status: 200 });
  });

  it.each([
    ["inline", false],
    ["INLINE; filename=a", false],
    ["attachment", true],
    ["form-data; filename=a", true],
  ])("takes %j for attachment: %s", async (disposition, attachment) => {
    await assertDownloadResponse(response({ "Content-Disposition": disposition }), { attachment });
    await failure(response({ "Content-Disposition": disposition }), { attachment: !attachment });
  });

  it.each([
    ["TEXT/CSV; header=present", { contentType: "text/csv", charset: false }],
    ['text/csv; header=present; charset="UTF-8"', { contentType: "Text/CSV", charset: "Utf-8" }],
    ["text/csv;charset=iso-8859-1", { charset: "ISO-8859-1" }],
  ] as const)("reads the type and the charset of %j", async (contentType, expected) => {
    await assertDownloadResponse(response({ "Content-Type": contentType }), expected);
  });

  it("knows no filename where the header has none", async () => {
    const error = await failure(response({ "Content-Disposition": "attachment" }), { filename: "a.csv" });
    expect(error.message).toContain('filename: expected "a.csv", got none');
  });

  describe("content", () => {
    const bytes = new TextEncoder().encode(csv);

    it.each<[string, () => NonNullable<DownloadExpectations["content"]>]>([
      ["text", () => csv],
      ["bytes", () => bytes],
      ["an ArrayBuffer", () => bytes.slice().buffer],
      ["a Blob", () => new Blob([bytes])],
      ["a stream", () => new Blob([bytes]).stream()],
      ["an iterable", () => ["id,name\n", bytes.subarray(8)]],
      [
        "an async iterable",
        async function* () {
          yield "id,name\n";
          yield bytes.subarray(8);
        },
      ],
    ])("may be expected as %s", async (_, content) => {
      await assertDownloadResponse(response(), { content: content() });
      await failure(response({}, `${csv}more`), { content: content() });
      await failure(response({}, csv.slice(1)), { content: content() });
    });

    it("may be judged by a function", async () => {
      await assertDownloadResponse(response(), { content: (body) => body.byteLength === 15 });
      await assertDownloadResponse(response(), { content: async (body) => body[0] === 0x69 });
      const error = await failure(response(), { content: (body) => body.byteLength === 14 });
      expect(error.actual).toEqual({ content: csv });
    });

    it("is wrong where the function forgets to say that it is right", async () => {
      await failure(response(), { content: (() => undefined) as unknown as () => boolean });
    });

    it("shows bytes around the first that differs", async () => {
      const expected = Uint8Array.from({ length: 1000 }, (_, at) => 0x80 + (at % 64));
      const actual = expected.slice();
      actual[500] = 0;
      const error = await failure(response({}, actual), { content: expected });
      expect(error.message).toContain("expected 1000 bytes, got 1000, which differ from byte 500 on");
      expect(error.actual["content"]).toMatch(/^… (?:[\da-f]{2} ){8}00 /);
      expect(String(error.actual["content"]).length).toBeLessThan(110);
    });
  });

  it("leaves a Response to be read", async () => {
    const tested = response();
    await assertDownloadResponse(tested, { content: csv });
    await assertDownloadResponse(tested, { content: csv });
    expect(await tested.text()).toBe(csv);
  });

  it("says that a body was read before", async () => {
    const tested = response();
    await tested.text();
    await assertDownloadResponse(tested, { filename: "café.csv" });
    await expect(assertDownloadResponse(tested, { content: csv })).rejects.toThrow("has been read already");
  });

  it.each([undefined, null, "200", 200, {}, { status: 200 }])("refuses %j, which is no response", async (tested) => {
    await expect(assertDownloadResponse(tested as unknown as Response)).rejects.toThrow("This is no response");
  });
});

describe("assertDownloadResponse on a DownloadResponse", () => {
  it("renders it", async () => {
    await assertDownloadResponse(new DownloadResponse(new VirtualFile(csv, { name: "a/b.csv" })), {
      status: 200,
      filename: "b.csv",
      attachment: true,
      contentType: "text/csv; charset=utf-8",
      size: 15,
      content: csv,
    });
  });

  it("leaves a source that can be read once unread until its content is asked for", async () => {
    const read: string[] = [];
    const rows = (function* () {
      read.push("row");
      yield csv;
    })();
    const tested = new DownloadResponse(new VirtualFile(rows, { name: "rows.csv" }));
    await assertDownloadResponse(tested, { filename: "rows.csv" });
    await assertDownloadResponse(tested, { contentType: "text/csv" });
    expect(read).toEqual([]);
    await assertDownloadResponse(tested, { content: csv });
    expect(read).toEqual(["row"]);
  });

  it("never tells onFinish, which may delete the file", async () => {
    const finished: unknown[] = [];
    const tested = new DownloadResponse(new VirtualFile(csv), { onFinish: (outcome) => void finished.push(outcome) });
    await assertDownloadResponse(tested);
    await assertDownloadResponse(tested, { content: csv });
    expect(finished).toEqual([]);
  });

  it("closes what it opened", async () => {
    const closed: string[] = [];
    const rows = (): AsyncIterable<string> => ({
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false, value: "x" }),
        return: async () => (closed.push("rows"), { done: true, value: undefined }),
      }),
    });
    const tested = new DownloadResponse(new VirtualFile(rows, { name: "rows.txt", size: 3 }));
    await assertDownloadResponse(tested, { content: "xxx" });
    expect(closed).toEqual(["rows"]);
  });

  it("closes what it opened for a content that the wrong status spares it", async () => {
    const closed: string[] = [];
    const opened = {
      stat: { size: 5 },
      content: async () => ({ kind: "seekable", length: 5, readInto: () => expect.unreachable("read") }) as const,
      close: async () => void closed.push("file"),
      [Symbol.asyncDispose]: async () => undefined,
    };
    const tested = new DownloadResponse({ name: "a", stat: async () => opened.stat, open: async () => opened });
    await failure(tested, { status: 206, content: "Hello" });
    expect(closed).toEqual(["file"]);
  });

  it("passes on what breaks a body", async () => {
    const tested = new DownloadResponse(new VirtualFile(() => ["short"], { name: "a.txt", size: 100 }));
    await expect(assertDownloadResponse(tested, { content: "short" })).rejects.toThrow("ended 95 bytes early");
  });

  it("takes a missing file for the 404 that it is answered with, and keeps the reason", async () => {
    const missing = new FileNotFoundError();
    const file = { name: "a", stat: () => Promise.reject(missing), open: () => Promise.reject(missing) };
    await assertDownloadResponse(new DownloadResponse(file), { status: 404 });
    const error = await failure(new DownloadResponse(file));
    expect(error.actual).toEqual({ status: 404 });
    expect(error.cause).toBe(missing);
  });

  it("takes the promise of a handler", async () => {
    await assertDownloadResponse(Promise.resolve(response()), { filename: "café.csv" });
    await assertDownloadResponse(Promise.reject(new FileNotFoundError()), { status: 404 });
    await expect(assertDownloadResponse(Promise.reject(new RangeError("bug")))).rejects.toThrow("bug");
  });
});

describe("assertDownloadResponse on other forms", () => {
  const request = new Request("http://localhost/", { headers: { Range: "bytes=0-1" } });

  it("takes a rendered response, whose body it reads only if it is asked for", async () => {
    const rendered = await new DownloadResponse(new VirtualFile(csv, { name: "b.csv" })).render(request);
    await assertDownloadResponse(rendered, { status: 206, size: 2, filename: "b.csv" });
    await assertDownloadResponse(rendered, { content: "id", headers: { "Content-Range": "bytes 0-1/15" } });
  });

  it("takes a response that leaves the bytes to a proxy", async () => {
    const proxied = new ProxiedDownloadResponse({
      headers: { "X-Accel-Redirect": "/private/a.csv", "Content-Disposition": 'attachment; filename="a.csv"' },
    });
    await assertDownloadResponse(proxied, { filename: "a.csv", headers: { "X-Accel-Redirect": "/private/a.csv" } });
    expect((await failure(proxied, { content: csv })).actual).toEqual({ content: "" });
  });

  it("asks by GET what a server answers by itself to a HEAD, and closes what that opened", async () => {
    const closed: string[] = [];
    class ByGet extends ProxiedDownloadResponse {
      override async render(asked: DownloadRequest): Promise<RenderedResponse> {
        const rendered = await super.render(asked);
        const file = { close: async () => void closed.push(asked.method) } as unknown as OpenFile;
        return { ...rendered, body: { kind: "content", file, content: { kind: "bytes", bytes: new Uint8Array() } } };
      }
    }
    await assertDownloadResponse(new ByGet({ headers: { "Content-Disposition": "inline" } }), { attachment: false });
    expect(closed).toEqual(["GET"]);
  });

  it("joins header fields that came more than once", async () => {
    const injected = {
      statusCode: 200,
      headers: { "content-disposition": "inline", "set-cookie": ["a=1", "b=2"], "content-length": 3 },
      rawPayload: Buffer.from("abc"),
    };
    await assertDownloadResponse(injected, { content: "abc", size: 3, headers: { "Set-Cookie": "a=1, b=2" } });
  });
});
