import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FileChangedError, FileNotFoundError } from "../errors.ts";
import type { DownloadFile, FileStat, OpenFile } from "../files/download-file.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import { DownloadResponse, type DownloadHooks } from "./download-response.ts";
import type { DownloadOptions } from "./presentation.ts";
import type { RenderedResponse } from "./rendered-response.ts";

const stat: FileStat = {
  size: 10,
  etag: '"v1"',
  lastModified: new Date("2014-06-25T17:12:18.5Z"),
  contentType: "text/plain",
};

interface Calls {
  stat: number;
  open: number;
  close: number;
  content: number;
}

function fakeFile(known: FileStat = stat, name = "folder/a.txt"): { file: DownloadFile; calls: Calls } {
  const calls: Calls = { stat: 0, open: 0, close: 0, content: 0 };
  const opened = (): OpenFile => ({
    stat: known,
    content: async () => {
      calls.content += 1;
      return { kind: "bytes", bytes: new Uint8Array(known.size ?? 0) };
    },
    close: async () => void (calls.close += 1),
    [Symbol.asyncDispose]: async () => undefined,
  });
  const file: DownloadFile = {
    name,
    stat: async () => ((calls.stat += 1), known),
    open: async () => ((calls.open += 1), opened()),
  };
  return { file, calls };
}

const request = (headers: Record<string, string> = {}, method = "GET"): Request =>
  new Request("http://localhost/", { method, headers });

function fields({ headers }: RenderedResponse): Record<string, string> {
  const pairs: [string, string][] = [];
  for (let at = 0; at < headers.length; at += 2) pairs.push([headers[at]!.toLowerCase(), headers[at + 1]!]);
  return Object.fromEntries(pairs);
}

async function rendered(
  headers: Record<string, string> = {},
  {
    method = "GET",
    options = {},
    hooks = {},
    known = stat,
    name = "folder/a.txt",
  }: {
    method?: string;
    options?: DownloadOptions;
    hooks?: DownloadHooks;
    known?: FileStat;
    name?: string;
  } = {},
): Promise<{ status: number; fields: Record<string, string>; body: RenderedResponse["body"] }> {
  const response = new DownloadResponse(fakeFile(known, name).file, options, hooks);
  const result = await response.render(request(headers, method));
  return { status: result.status, fields: fields(result), body: result.body };
}

describe("rendering touches the file once", () => {
  it.each([
    ["GET", {}, { stat: 0, open: 1, close: 0, content: 1 }],
    ["HEAD", {}, { stat: 1, open: 0, close: 0, content: 0 }],
    ["GET", { "if-none-match": '"v1"' }, { stat: 0, open: 1, close: 1, content: 0 }],
    ["GET", { "if-match": '"other"' }, { stat: 0, open: 1, close: 1, content: 0 }],
    ["GET", { range: "bytes=99-" }, { stat: 0, open: 1, close: 1, content: 0 }],
    ["HEAD", { "if-none-match": '"v1"' }, { stat: 1, open: 0, close: 0, content: 0 }],
  ])("%s %o", async (method, headers, expected) => {
    const { file, calls } = fakeFile();
    await new DownloadResponse(file).render(request(headers, method));
    expect(calls).toEqual(expected);
  });

  it("gives a remote source the one range that is asked for, or the several", async () => {
    const hints: unknown[] = [];
    const { file } = fakeFile();
    const spied: DownloadFile = {
      ...file,
      open: (options) => (hints.push([options?.range, options?.ranges]), file.open(options)),
    };
    await new DownloadResponse(spied).render(request({ range: "bytes=2-" }));
    await new DownloadResponse(spied).render(request({ range: "bytes=-3" }));
    await new DownloadResponse(spied).render(request({ range: "bytes=0-1,4-5" }));
    await new DownloadResponse(spied).render(request({ range: `bytes=${Array(101).fill("0-0").join()}` }));
    expect(hints).toEqual([
      [{ start: 2 }, undefined],
      [{ suffix: 3 }, undefined],
      [
        undefined,
        [
          { start: 0, end: 1 },
          { start: 4, end: 5 },
        ],
      ],
      [undefined, undefined],
    ]);
  });

  it("describes and opens anew a file that was replaced in between", async () => {
    const { file } = fakeFile();
    let attempts = 0;
    const replaced: DownloadFile = {
      ...file,
      open: async () => {
        const opened = await file.open();
        attempts += 1;
        return attempts > 1 ? opened : { ...opened, content: async () => Promise.reject(new FileChangedError()) };
      },
    };
    expect((await new DownloadResponse(replaced).render(request())).status).toBe(200);
    expect(attempts).toBe(2);
  });
});

describe("the head of a response", () => {
  it("describes a whole file, privately and as an attachment", async () => {
    expect(await rendered()).toMatchObject({
      status: 200,
      fields: {
        "content-type": "text/plain",
        "content-length": "10",
        "content-disposition": 'attachment; filename="a.txt"',
        "accept-ranges": "bytes",
        etag: '"v1"',
        "last-modified": "Wed, 25 Jun 2014 17:12:18 GMT",
        "cache-control": "private, no-cache, no-transform",
        "x-content-type-options": "nosniff",
      },
    });
  });

  it("is the same for HEAD as for GET", async () => {
    const [get, head] = [await rendered(), await rendered({}, { method: "HEAD" })];
    expect(head.fields).toEqual(get.fields);
    expect(head.body.kind).toBe("none");
  });

  it("of a 206 has the range and all that the 200 has", async () => {
    const whole = (await rendered()).fields;
    const part = await rendered({ range: "bytes=2-5" });
    expect(part.status).toBe(206);
    expect(part.fields).toEqual({ ...whole, "content-length": "4", "content-range": "bytes 2-5/10" });
  });

  it("of a multipart answer has no Content-Range, and the type in its parts", async () => {
    const { status, fields, body } = await rendered(
      { range: "bytes=0-1,5-6" },
      { options: { contentType: "text/csv" } },
    );
    expect(status).toBe(206);
    expect(fields["content-type"]).toMatch(/^multipart\/byteranges; boundary=/);
    expect(fields).not.toHaveProperty("content-range");
    expect(body.kind === "multipart" && body.multipart.parts[0]?.head).toContain(
      "Content-Type: text/csv; charset=utf-8",
    );
  });

  it("of a 304 has what a cache needs, what the app set, and nothing of the content", async () => {
    const options = { headers: { Vary: "Cookie", "Set-Cookie": "a=1", "Content-Language": "de", Expires: "0" } };
    const { status, fields } = await rendered({ "if-none-match": '"v1"' }, { options });
    expect(status).toBe(304);
    expect(fields).toEqual({
      etag: '"v1"',
      "cache-control": "private, no-cache, no-transform",
      "content-disposition": 'attachment; filename="a.txt"',
      "x-content-type-options": "nosniff",
      vary: "Cookie",
      "set-cookie": "a=1",
      expires: "0",
    });
  });

  it.each([
    [412, { "if-match": '"other"' }, { "content-length": "0" }],
    [416, { range: "bytes=10-" }, { "content-length": "0", "content-range": "bytes */10" }],
  ])("of a %i has no validators and nothing that lets a cache keep it", async (expected, headers, whole) => {
    const options = { headers: { "X-Own": "1" }, cacheControl: "public, max-age=60" };
    const { status, fields } = await rendered(headers, { options });
    expect(status).toBe(expected);
    expect(fields).toEqual({ ...whole, "x-own": "1" });
  });

  it("has no Last-Modified at the epoch, which means that nobody knows", async () => {
    const { fields } = await rendered({}, { known: { ...stat, lastModified: new Date(0) } });
    expect(fields).not.toHaveProperty("last-modified");
  });

  it("offers no ranges of what can be read only once, and ignores the one that is asked for", async () => {
    const { status, fields } = await rendered({ range: "bytes=0-1" }, { known: { ...stat, seekable: false } });
    expect(status).toBe(200);
    expect(fields).not.toHaveProperty("accept-ranges");
  });

  it("never lets the application say how long the body is", async () => {
    const options = { headers: { "Content-Length": "999", "Transfer-Encoding": "chunked", "content-range": "x" } };
    const { fields } = await rendered({}, { options });
    expect(fields["content-length"]).toBe("10");
    expect(fields).not.toHaveProperty("transfer-encoding");
    expect(fields).not.toHaveProperty("content-range");
  });

  it("takes the application's fields before those of the file, and holds preconditions against them", async () => {
    const options = { headers: { ETag: '"mine"', "Content-Disposition": "inline", "Content-Type": "x/y" } };
    const own = await rendered({}, { options });
    expect(own.fields).toMatchObject({ etag: '"mine"', "content-disposition": "inline", "content-type": "x/y" });
    expect((await rendered({ "if-none-match": '"mine"' }, { options })).status).toBe(304);
    expect((await rendered({ "if-none-match": '"v1"' }, { options })).status).toBe(200);
  });

  it("says which coding the bytes are in, if any", async () => {
    expect((await rendered({}, { options: { contentEncoding: "gzip" } })).fields["content-encoding"]).toBe("gzip");
    expect((await rendered({}, { options: { contentEncoding: "identity" } })).fields).not.toHaveProperty(
      "content-encoding",
    );
    expect((await rendered({}, { known: { size: 1 }, name: "a.tar.gz" })).fields).not.toHaveProperty(
      "content-encoding",
    );
  });

  it.each([
    ["a.txt", {}, "text/plain; charset=utf-8"],
    ["a.txt", { charset: "latin1" }, "text/plain; charset=latin1"],
    ["a.txt", { charset: false }, "text/plain"],
    ["a.tar.gz", {}, "application/gzip"],
    ["a.unknown", {}, "application/octet-stream"],
    ["8f3a", { filename: "report.pdf" }, "application/pdf"],
    ["8f3a.pdf", { filename: "report" }, "application/pdf"],
    ["a.txt", { contentType: "text/html; charset=ascii" }, "text/html; charset=ascii"],
  ] as const)("types %s with %o as %s", async (name, options, expected) => {
    expect((await rendered({}, { known: { size: 1 }, name, options })).fields["content-type"]).toBe(expected);
  });

  it("has the digests that are known, or the one that is preferred", async () => {
    const known = { size: 1, digests: { "sha-256": new Uint8Array([1]), "sha-512": new Uint8Array([2]) } };
    expect((await rendered({}, { known })).fields["repr-digest"]).toBe("sha-256=:AQ==:, sha-512=:Ag==:");
    const wanted = await rendered({ "want-repr-digest": "sha-512=5, sha-256=1" }, { known });
    expect(wanted.fields["repr-digest"]).toBe("sha-512=:Ag==:");
  });
});

describe("inline content", () => {
  it("that a browser may run is sandboxed by default", async () => {
    const { fields } = await rendered({}, { known: { size: 1 }, name: "a.svg", options: { attachment: false } });
    expect(fields["content-security-policy"]).toBe("default-src 'none'; style-src 'unsafe-inline'; sandbox");
    expect(fields["content-disposition"]).toBe('inline; filename="a.svg"');
  });

  it("that a browser may run becomes an attachment where the view says so", async () => {
    const options = { attachment: false, activeContent: "attachment" } as const;
    const { fields } = await rendered({}, { known: { size: 1 }, name: "a.html", options });
    expect(fields["content-disposition"]).toBe('attachment; filename="a.html"');
    expect(fields).not.toHaveProperty("content-security-policy");
  });

  it("that a browser only shows needs no policy", async () => {
    const { fields } = await rendered({}, { known: { size: 1 }, name: "a.png", options: { attachment: false } });
    expect(fields).not.toHaveProperty("content-security-policy");
  });
});

describe("a status other than 200", () => {
  it.each([{ range: "bytes=0-1" }, { "if-none-match": '"v1"' }, { "if-match": '"other"' }])(
    "is sent whole whatever the request says: %o",
    async (headers) => {
      const { status, body } = await rendered(headers, { options: { status: 403 } });
      expect([status, body.kind]).toEqual([403, "content"]);
    },
  );
});

describe("the hooks of a view", () => {
  const since = { "if-modified-since": "Sun, 06 Nov 1994 08:49:37 GMT" };

  it("wasModifiedSince decides on If-Modified-Since", async () => {
    expect((await rendered(since)).status).toBe(200);
    expect((await rendered(since, { hooks: { wasModifiedSince: () => false } })).status).toBe(304);
    expect((await rendered(since, { hooks: { wasModifiedSince: async () => false }, method: "HEAD" })).status).toBe(
      304,
    );
  });

  it("wasModifiedSince is told the date that is sent, also where the application set it", async () => {
    const dates: unknown[] = [];
    const hooks: DownloadHooks = {
      wasModifiedSince: (_file, _since, { lastModified }) => dates.push(lastModified) > 0,
    };
    const options = { headers: { "Last-Modified": "Tue, 15 Nov 1994 12:45:26 GMT" } };
    await rendered(since, { hooks, options });
    expect(dates).toEqual([new Date("1994-11-15T12:45:26Z")]);
  });

  it("wasModifiedSince is not asked where If-None-Match counts", async () => {
    const hooks: DownloadHooks = {
      wasModifiedSince: () => {
        throw new Error("asked");
      },
    };
    expect((await rendered({ ...since, "if-none-match": '"other"' }, { hooks })).status).toBe(200);
  });

  it("notModifiedResponse may change the 304 or replace it", async () => {
    const headers = { "if-none-match": '"v1"' };
    const changed = await rendered(headers, {
      hooks: {
        notModifiedResponse: (fields) => {
          fields.set("X-Cache", "hit");
          return undefined;
        },
      },
    });
    expect(changed).toMatchObject({ status: 304, fields: { "x-cache": "hit", etag: '"v1"' } });
    const hooks: DownloadHooks = { notModifiedResponse: () => new Response(null, { status: 204 }) };
    expect((await rendered(headers, { hooks })).status).toBe(204);
  });

  it("notModifiedResponse changes this 304 and not the next", async () => {
    const { file } = fakeFile(Object.freeze({ ...stat }));
    const again = (): Promise<RenderedResponse> =>
      new DownloadResponse(file, {}, hooks).render(request({ "if-none-match": '"v1"' }));
    let count = 0;
    const hooks: DownloadHooks = {
      notModifiedResponse: (headers) => {
        headers.append("X-Count", String((count += 1)));
        return undefined;
      },
    };
    expect([fields(await again())["x-count"], fields(await again())["x-count"]]).toEqual(["1", "2"]);
  });

  it("fileNotFoundResponse answers for a file that turns out to be missing", async () => {
    const missing: DownloadFile = {
      name: "x",
      stat: async () => Promise.reject(new FileNotFoundError()),
      open: async () => Promise.reject(new FileNotFoundError()),
    };
    const hooks: DownloadHooks = { fileNotFoundResponse: () => new Response("gone", { status: 410 }) };
    for (const method of ["GET", "HEAD"]) {
      const result = await new DownloadResponse(missing, {}, hooks).render(request({}, method));
      expect(result.status).toBe(410);
    }
    await expect(new DownloadResponse(missing).render(request())).rejects.toThrow(FileNotFoundError);
  });
});

interface ConditionalCase {
  readonly id: string;
  readonly method: string;
  readonly representation: {
    size: number;
    etag?: string;
    lastModified?: string;
    mtimeEpochSeconds?: number;
    wouldBeStatus?: number;
  };
  readonly request: Record<string, string>;
  readonly expect: { status: number; contentRange?: string | null };
}

const conformance = JSON.parse(
  readFileSync(new URL("../../tests/conformance/conditionals.json", import.meta.url), "utf8"),
) as { cases: ConditionalCase[] };

describe("the conformance cases, from the file to the head", () => {
  it.each(conformance.cases.filter(({ method }) => method === "GET" || method === "HEAD"))("$id", async (testCase) => {
    const { size, etag, lastModified, mtimeEpochSeconds, wouldBeStatus = 200 } = testCase.representation;
    const date = lastModified ?? (mtimeEpochSeconds === undefined ? undefined : mtimeEpochSeconds * 1000);
    const known: FileStat = {
      size,
      ...(etag === undefined ? {} : { etag }),
      ...(date === undefined ? {} : { lastModified: new Date(date) }),
    };
    const { status, fields } = await rendered(testCase.request, {
      method: testCase.method,
      known,
      options: { status: wouldBeStatus },
    });
    expect(status).toBe(testCase.expect.status);
    if (testCase.expect.contentRange !== undefined) {
      expect(fields["content-range"] ?? null).toBe(testCase.expect.contentRange);
    }
  });
});

describe("a status that is set after the response was made", () => {
  it.each([401, 403, 404, 500])("%i refuses the file: no byte of it is sent", async (status) => {
    const response = new DownloadResponse(new VirtualFile("a secret", { name: "a.txt" }));
    response.status = status;
    const rendered = await response.render(new Request("http://localhost/"));
    expect([rendered.status, rendered.body.kind]).toEqual([status, "none"]);
    expect(rendered.headers.join()).not.toContain("a.txt");
  });

  it("is not that of a file that is an error page", async () => {
    const response = new DownloadResponse(new VirtualFile("not here", { name: "404.txt" }), { status: 404 });
    const rendered = await response.render(new Request("http://localhost/"));
    expect([rendered.status, rendered.body.kind]).toEqual([404, "content"]);
  });
});
