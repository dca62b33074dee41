import { readOpened } from "../content.ts";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  FileChangedError,
  FileNotFoundError,
  ImproperlyConfiguredError,
  IncompleteBodyError,
  UpstreamError,
} from "../../errors.ts";
import type { ByteRange, RangeSpec } from "../../http/range.ts";
import { DescribedFile } from "../described-file.ts";
import type { FileStat, OpenFile } from "../download-file.ts";
import type { HTTPFileOptions } from "./http-file-options.ts";
import { HTTPFile } from "./http-file.ts";

let server: Server;
let answer: RequestListener;
let requests: IncomingMessage[];
let closed: Promise<unknown>[];

beforeEach(async () => {
  requests = [];
  closed = [];
  server = createServer((request, response) => {
    requests.push(request);
    closed.push(new Promise<void>((resolve) => response.once("close", () => resolve())));
    answer(request, response);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function fileAt(path = "/file.txt", options: HTTPFileOptions = {}): HTTPFile {
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return new HTTPFile(`http://${host}${path}`, { allowedHosts: [host], ...options });
}

function sent(): string[] {
  return requests.map(({ method, headers }) => [method, headers.range].filter(Boolean).join(" "));
}

const content = Buffer.from("0123456789");
const described = { "Content-Type": "text/plain", ETag: '"v1"', "Last-Modified": "Tue, 14 Nov 2023 22:13:20 GMT" };
const dateAlone = { "Last-Modified": described["Last-Modified"] };
const lastModified = new Date(1_700_000_000_000);

/** A server that does ranges and conditions as RFC 9110 says. */
function serve(body: Buffer = content, fields: Record<string, string> = described): RequestListener {
  return (request, response: ServerResponse) => {
    for (const [name, value] of Object.entries(fields)) response.setHeader(name, value);
    const condition = request.headers["if-match"];
    if (condition !== undefined && condition !== fields.ETag) return void response.writeHead(412).end();
    const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
    if (first === "" && last === "") return void response.setHeader("Content-Length", body.length).end(body);
    const start = first === "" ? Math.max(0, body.length - Number(last)) : Number(first);
    const end = first === "" || last === "" ? body.length - 1 : Math.min(Number(last), body.length - 1);
    if (start > end) {
      response.removeHeader("ETag");
      response.removeHeader("Last-Modified");
      return void response.writeHead(416, { "Content-Range": `bytes */${body.length}` }).end();
    }
    const length = end + 1 - start;
    response.writeHead(206, { "Content-Range": `bytes ${start}-${end}/${body.length}`, "Content-Length": length });
    response.end(body.subarray(start, end + 1));
  };
}

/** A server that knows no ranges. */
const serveWhole: RequestListener = (_, response) => void response.writeHead(200, described).end(content);

async function textOf(opened: OpenFile, range?: ByteRange): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readOpened(opened, range)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function failure(promise: Promise<unknown>): Promise<Error & { status: number }> {
  return promise.then(
    () => expect.unreachable("should have failed"),
    (error: Error & { status: number }) => error,
  );
}

describe("The name of an HTTPFile", () => {
  it.each([
    ["https://a.example/x/report.pdf", "report.pdf"],
    ["https://a.example/x/report.pdf?v=1#p", "report.pdf"],
    ["https://a.example/x/", "x"],
    ["https://a.example/%E6%97%A5%20%C3%BC.txt", "日 ü.txt"],
    ["https://a.example/100%.txt", "100%.txt"],
    ["https://a.example/", "a.example"],
    ["not a URL", "download"],
  ])("is, for %s, %s", (url, name) => {
    expect(new HTTPFile(url).name).toBe(name);
    expect(new HTTPFile(url, { name: "given" }).name).toBe("given");
  });
});

describe("The name that an upstream says", () => {
  it.each<[string, string]>([
    ['attachment; filename="report 1.pdf"', "report 1.pdf"],
    ["attachment; filename*=UTF-8''%E6%97%A5.txt; filename=x.txt", "日.txt"],
    ['attachment; filename="../../etc/passwd"', "passwd"],
    ['attachment; filename="C:\\\\temp\\\\a.txt"', "a.txt"],
    [Buffer.from('attachment; filename="été.txt"').toString("latin1"), "été.txt"],
    ['attachment; filename=""', "file.txt"],
    ['attachment; filename="folder/"', "file.txt"],
    ["attachment", "file.txt"],
    ["%%%", "file.txt"],
  ])("in Content-Disposition: %s is %s", async (field, name) => {
    answer = serve(content, { ...described, "Content-Disposition": field });
    for (const ask of [(file: HTTPFile) => file.stat(), async (file: HTTPFile) => (await file.open()).close()]) {
      const file = fileAt();
      const renamed = new DescribedFile(file, { name: "described" });
      const same = new DescribedFile(file, {});
      await ask(file);
      expect([file.name, same.name, renamed.name]).toEqual([name, name, "described"]);
    }
  });

  it("is not used where a name was given", async () => {
    answer = serve(content, { "Content-Disposition": 'attachment; filename="other.txt"' });
    const file = fileAt("/file.txt", { name: "given.txt" });
    await file.stat();
    expect(file.name).toBe("given.txt");
    expect(fileAt("/file.txt", { name: undefined }).name).toBe("file.txt");
  });

  it("is not that of an error", async () => {
    answer = (_, response) =>
      void response.writeHead(404, { "Content-Disposition": 'inline; filename="error.html"' }).end();
    const file = fileAt();
    await expect(file.stat()).rejects.toThrow(FileNotFoundError);
    expect(file.name).toBe("file.txt");
  });
});

describe("HTTPFile.stat", () => {
  it("asks by HEAD what the file is", async () => {
    answer = serve();
    expect(await fileAt().stat()).toEqual({ size: 10, contentType: "text/plain", etag: '"v1"', lastModified });
    expect(sent()).toEqual(["HEAD"]);
  });

  it.each([403, 405, 501])("asks by a GET that it does not read where HEAD is answered %i", async (status) => {
    answer = (request, response) => {
      if (request.method === "HEAD") return void response.writeHead(status).end();
      response.writeHead(200, { ...described, "Content-Length": 1e9 }).write("begin");
    };
    expect(await fileAt().stat()).toMatchObject({ size: 1e9, etag: '"v1"' });
    expect(sent()).toEqual(["HEAD", "GET"]);
    await closed[1];
  });

  it("is not found where the GET is refused too", async () => {
    answer = (_, response) => void response.writeHead(403).end();
    await expect(fileAt().stat()).rejects.toThrow(FileNotFoundError);
  });
});

describe("HTTPFile.open", () => {
  it("makes one GET for metadata and bytes", async () => {
    answer = serve();
    await using opened = await fileAt().open();
    expect(opened.stat).toEqual({ size: 10, contentType: "text/plain", etag: '"v1"', lastModified });
    expect(await textOf(opened)).toBe("0123456789");
    expect(sent()).toEqual(["GET"]);
  });

  it.each<[RangeSpec, ByteRange, string, string]>([
    [{ start: 2, end: 4 }, { start: 2, end: 4 }, "bytes=2-4", "234"],
    [{ start: 7 }, { start: 7, end: 9 }, "bytes=7-", "789"],
    [{ suffix: 3 }, { start: 7, end: 9 }, "bytes=-3", "789"],
    [{ start: 8, end: 99 }, { start: 8, end: 9 }, "bytes=8-99", "89"],
    [{ suffix: 99 }, { start: 0, end: 9 }, "bytes=-99", "0123456789"],
  ])("sends the range %j on", async (spec, range, field, text) => {
    answer = serve();
    await using opened = await fileAt().open({ range: spec });
    expect(opened.stat).toMatchObject({ size: 10, etag: '"v1"' });
    expect(await textOf(opened, range)).toBe(text);
    expect(sent()).toEqual([`GET ${field}`]);
  });

  it("cuts the range out itself where the upstream knows no ranges", async () => {
    answer = serveWhole;
    await using opened = await fileAt().open({ range: { start: 2, end: 4 } });
    expect(await textOf(opened, { start: 2, end: 4 })).toBe("234");
    expect(sent()).toHaveLength(1);
  });

  it("describes the file in full where the range is past its end", async () => {
    answer = serve();
    await using opened = await fileAt().open({ range: { start: 10 } });
    expect(opened.stat).toEqual({ size: 10, contentType: "text/plain", etag: '"v1"', lastModified });
    expect(sent()).toEqual(["GET bytes=10-", "GET"]);
  });

  it("knows no size where the answer is chunked", async () => {
    answer = (_, response) => {
      response.write("01234");
      response.end("56789");
    };
    await using opened = await fileAt().open();
    expect(opened.stat).toEqual({});
    expect(await textOf(opened)).toBe("0123456789");
  });

  it("knows no size where a 206 does not tell it", async () => {
    answer = (_, response) => void response.writeHead(206, { "Content-Range": "bytes 2-4/*" }).end("234");
    await using opened = await fileAt().open({ range: { start: 2, end: 4 } });
    expect(opened.stat).toEqual({});
    expect(await textOf(opened, { start: 2, end: 4 })).toBe("234");
  });

  it("asks for bytes as they are", async () => {
    answer = serve();
    await using opened = await fileAt().open();
    expect(opened.stat.size).toBe(10);
    expect(requests[0]?.headers["accept-encoding"]).toBe("identity");
  });

  it("takes neither length nor strong tag of an answer that is encoded all the same", async () => {
    answer = (_, response) =>
      void response.writeHead(200, { ...described, "Content-Encoding": "gzip" }).end(gzipSync(content));
    await using opened = await fileAt().open();
    expect(opened.stat).toEqual({ contentType: "text/plain", etag: 'W/"v1"', lastModified });
    expect(await textOf(opened)).toBe("0123456789");
  });

  it("passes on a coding that fetch leaves on", async () => {
    answer = (_, response) =>
      void response.writeHead(200, { "Content-Encoding": "compress", "Content-Length": 10 }).end(content);
    await using opened = await fileAt().open();
    expect(opened.stat).toEqual({ size: 10, contentEncoding: "compress" });
    expect(await textOf(opened)).toBe("0123456789");
  });

  it("asks for the whole file where a part of it is encoded", async () => {
    const encoded = gzipSync(content);
    answer = serve(encoded, { ...described, "Content-Encoding": "gzip" });
    await using opened = await fileAt().open({ range: { start: 2, end: 4 } });
    expect(await textOf(opened, { start: 2, end: 4 })).toBe("234");
    expect(sent()).toEqual(["GET bytes=2-4", "GET"]);
  });

  it.each(["bytes", "bytes 4-2/10", "bytes 2-x/10", "pages 2-4/10"])(
    "asks for the whole file where a 206 says Content-Range: %s",
    async (value) => {
      answer = (request, response) => {
        if (!request.headers.range) return serveWhole(request, response);
        response.writeHead(206, { "Content-Range": value }).end("abc");
      };
      await using opened = await fileAt().open({ range: { start: 2, end: 4 } });
      expect(await textOf(opened, { start: 2, end: 4 })).toBe("234");
    },
  );

  it("does not take a part for the whole", async () => {
    answer = (_, response) => void response.writeHead(206, { "Content-Range": "bytes 2-4/10" }).end("234");
    expect(await failure(fileAt().open())).toMatchObject({ status: 502 });
  });

  it("sends the headers of its options and no others", async () => {
    answer = serve();
    const requestInit = { headers: { Authorization: "Bearer x", "Content-Length": "1" }, method: "get", body: null };
    await using opened = await fileAt("/file.txt", { requestInit }).open();
    expect(await textOf(opened)).toBe("0123456789");
    expect(requests[0]?.method).toBe("GET");
    expect(requests[0]?.headers.authorization).toBe("Bearer x");
    expect(requests[0]?.headers).not.toHaveProperty("content-length");
  });

  it.each<[string, RequestInit]>([
    ["method", { method: "POST" }],
    ["method", { method: "HEAD" }],
    ["body", { body: "x" }],
    ["body", { body: "" }],
    ["signal", { signal: AbortSignal.abort() }],
  ])("refuses a requestInit with a %s that it would not send", (name, requestInit) => {
    expect(() => fileAt("/", { requestInit })).toThrow(`requestInit.${name}`);
    expect(() => fileAt("/", { requestInit })).toThrow(ImproperlyConfiguredError);
  });

  it("passes on the digests of bytes that it passes on unchanged", async () => {
    const sha256 = "hNiYd/DUBB79a/kaF86iAn/TXaEIuUu5tBI8Pwpbxmw=";
    const fields = { ...described, "Repr-Digest": `sha-256=:${sha256}:, unixsum=:AAE=:` };
    answer = serve(content, fields);
    for (const range of [undefined, { start: 2, end: 4 }]) {
      await using opened = await fileAt().open({ range });
      expect(Object.keys(opened.stat.digests ?? {})).toEqual(["sha-256"]);
      expect(Buffer.from(opened.stat.digests?.["sha-256"] ?? []).toString("base64")).toBe(sha256);
    }
    answer = (_, response) =>
      void response.writeHead(200, { ...fields, "Content-Encoding": "gzip" }).end(gzipSync(content));
    await using decoded = await fileAt().open();
    expect(decoded.stat.digests).toBeUndefined();
  });

  it("decides itself on what condition and which part is asked for", async () => {
    answer = serve();
    const headers = {
      Range: "bytes=0-1,4-5",
      "If-None-Match": '"v1"',
      "If-Modified-Since": described["Last-Modified"],
    };
    await using opened = await fileAt("/file.txt", { requestInit: { headers } }).open();
    expect(await textOf(opened)).toBe("0123456789");
    expect(Object.keys(requests[0]?.headers ?? {}).filter((name) => /^(if-|range)/.test(name))).toEqual([]);
  });

  it("reads nothing of a file whose entity tag the client has", async () => {
    answer = (request, response) => {
      expect(request.headers["if-none-match"]).toBe('"v1"');
      response.writeHead(304, { ETag: '"v1"', "Last-Modified": described["Last-Modified"] }).end();
    };
    await using opened = await fileAt().open({ ifNoneMatch: '"v1"', range: { start: 0, end: 1 } });
    expect(opened.notModified).toBe(true);
    expect(opened.stat).toEqual({ etag: '"v1"', lastModified });
    expect(sent()).toEqual(["GET bytes=0-1"]);
  });

  it("reads a file whose entity tag is another one than the client's", async () => {
    answer = serve();
    await using opened = await fileAt().open({ ifNoneMatch: '"v0"' });
    expect(opened.notModified).toBe(false);
    expect(await textOf(opened)).toBe("0123456789");
  });

  it("fails on a 304 without a precondition", async () => {
    answer = (_, response) => void response.writeHead(304).end();
    await expect(fileAt().open()).rejects.toThrow(UpstreamError);
    await expect(fileAt().open({ range: { start: 0 } })).rejects.toThrow(UpstreamError);
  });

  it("uses the fetch that it is given, not as a method", async () => {
    const urls: unknown[] = [];
    async function send(this: unknown, url: unknown): Promise<Response> {
      urls.push(url);
      return new Response(this === undefined ? "unbound" : "bound");
    }
    await using opened = await new HTTPFile("https://a.example/x", { fetch: send }).open();
    expect(await textOf(opened)).toBe("unbound");
    expect(urls).toEqual(["https://a.example/x"]);
  });
});

describe("HTTPFile.read", () => {
  it("asks again for each further range, on condition that the file is the same", async () => {
    answer = serve();
    await using opened = await fileAt().open();
    expect(await textOf(opened, { start: 6, end: 7 })).toBe("67");
    expect(await textOf(opened, { start: 1, end: 2 })).toBe("12");
    expect(await textOf(opened)).toBe("0123456789");
    expect(sent()).toEqual(["GET", "GET bytes=1-2", "GET"]);
    expect(requests.map(({ headers }) => headers["if-match"])).toEqual([undefined, '"v1"', '"v1"']);
  });

  it("requests again if the body does not contain the range", async () => {
    answer = serve();
    await using opened = await fileAt().open({ range: { start: 6 } });
    expect(await textOf(opened)).toBe("0123456789");
    expect(sent()).toEqual(["GET bytes=6-", "GET"]);
  });

  it("does not read through half a file to get at its end", async () => {
    const large = Buffer.alloc(1_000_000, "0123456789");
    answer = serve(large, { ...described, "Accept-Ranges": "bytes" });
    await using opened = await fileAt().open();
    expect(await textOf(opened, { start: 900_000, end: 900_004 })).toBe("01234");
    expect(sent()).toEqual(["GET", "GET bytes=900000-900004"]);
  });

  it("uses the date as condition where there is no strong tag, and never joins two answers by it", async () => {
    answer = serve(content, { ETag: 'W/"v1"', "Last-Modified": described["Last-Modified"] });
    await using opened = await fileAt().open({ range: { start: 4, end: 5 } });
    expect(await textOf(opened, { start: 1, end: 2 })).toBe("12");
    expect(requests[1]?.headers["if-unmodified-since"]).toBe(described["Last-Modified"]);
    expect(requests[1]?.headers).not.toHaveProperty("if-match");
    await expect(textOf(opened, { start: 1, end: 2 })).rejects.toThrow(FileChangedError);
  });

  it("asks for each of several ranges, and for nothing else", async () => {
    answer = serve();
    await using opened = await fileAt().open({
      ranges: [
        { start: 1, end: 2 },
        { start: 6, end: 7 },
      ],
    });
    expect(opened.stat).toMatchObject({ size: 10, etag: '"v1"' });
    expect(opened.stat.seekable).toBeUndefined();
    expect(await textOf(opened, { start: 1, end: 2 })).toBe("12");
    expect(await textOf(opened, { start: 6, end: 7 })).toBe("67");
    expect(sent()).toEqual(["GET bytes=1-2", "GET bytes=6-7"]);
  });

  it.each([{ ETag: 'W/"v1"' }, { "Last-Modified": described["Last-Modified"] }, {}])(
    "has no several ranges of a file that only %j tells from another version",
    async (fields: Record<string, string>) => {
      answer = serve(content, fields);
      await using opened = await fileAt().open({
        ranges: [
          { start: 1, end: 2 },
          { start: 6, end: 7 },
        ],
      });
      expect(opened.stat.seekable).toBe(false);
      expect(await textOf(opened)).toBe("0123456789");
      await using one = await fileAt().open({ range: { start: 1, end: 2 } });
      expect(one.stat.seekable).toBeUndefined();
    },
  );

  it.each<[string, number, Record<string, string>, string]>([
    ["the same strong tag", 206, { ETag: '"v1"', "Content-Range": "bytes 3-9/10" }, "joined"],
    ["the same strong tag and no size", 206, { ETag: '"v1"', "Content-Range": "bytes 3-9/*" }, "joined"],
    ["the same strong tag and another date", 206, { ETag: '"v1"', "Content-Range": "bytes 3-9/10" }, "joined"],
    ["no tag", 206, { "Content-Range": "bytes 3-9/10" }, "refused"],
    ["the same date only", 206, { ...dateAlone, "Content-Range": "bytes 3-9/10" }, "refused"],
    ["a weak tag", 206, { ETag: 'W/"v1"', "Content-Range": "bytes 3-9/10" }, "refused"],
    ["another tag", 206, { ETag: '"v2"', "Content-Range": "bytes 3-9/10" }, "refused"],
    ["another size", 206, { ETag: '"v1"', "Content-Range": "bytes 3-9/11" }, "refused"],
    ["an impossible range", 206, { ETag: '"v1"', "Content-Range": "bytes 3-9/9" }, "refused"],
    ["no range", 206, { ETag: '"v1"' }, "refused"],
    ["another beginning", 206, { ETag: '"v1"', "Content-Range": "bytes 4-9/10" }, "refused"],
    ["the whole without a tag", 200, { "Content-Length": "10" }, "refused"],
    ["the whole of another tag", 200, { ETag: '"v2"', "Content-Length": "10" }, "refused"],
    ["the whole of another size", 200, { ETag: '"v1"', "Content-Length": "11" }, "refused"],
  ])("joins a body that broke to a second answer only by proof: %s", async (_, status, fields, outcome) => {
    answer = (request, response) => {
      if (requests.length > 1) return void response.writeHead(status, fields).end("3456789");
      response.writeHead(200, { ...described, "Content-Length": 10, "Accept-Ranges": "bytes" });
      response.write("012", () => request.socket.resetAndDestroy());
    };
    await using opened = await fileAt().open();
    const text = textOf(opened).catch((error: Error) => error);
    if (outcome === "joined") expect(await text).toBe("0123456789");
    else expect(await text).toBeInstanceOf(Error);
  });

  it.each(['W/"v1"', undefined])(
    "does not ask for the rest of a body whose version is not proven: %s",
    async (etag) => {
      answer = (request, response) => {
        response.writeHead(200, { ...(etag && { ETag: etag }), "Content-Length": 10, "Accept-Ranges": "bytes" });
        response.write("012", () => request.socket.resetAndDestroy());
      };
      await using opened = await fileAt().open();
      await expect(textOf(opened)).rejects.toThrow(IncompleteBodyError);
      expect(sent()).toHaveLength(1);
    },
  );

  it("breaks where a connection is reset that a body of unknown length was to end with", async () => {
    const reset = createTcpServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n01234", () => {
          // After the bytes have been read: a reset drops what has not.
          void received.then(() => socket.resetAndDestroy());
        });
      });
    });
    let sawBytes = (): void => undefined;
    const received = new Promise<void>((resolve) => (sawBytes = resolve));
    await once(reset.listen(0, "127.0.0.1"), "listening");
    const host = `127.0.0.1:${(reset.address() as AddressInfo).port}`;
    try {
      await using opened = await new HTTPFile(`http://${host}/`, { allowedHosts: [host] }).open();
      const read = async (): Promise<void> => {
        for await (const _ of readOpened(opened)) sawBytes();
      };
      await expect(read()).rejects.toThrow(IncompleteBodyError);
    } finally {
      reset.close();
    }
  });

  it.each<[string, Buffer, Record<string, string>]>([
    ["tag", content, { ...described, ETag: '"v2"' }],
    ["date", content, { "Last-Modified": "Tue, 14 Nov 2023 22:13:21 GMT" }],
    ["size", Buffer.from("0123"), {}],
  ])("never mixes two versions: the %s is another", async (_, body, fields) => {
    answer = serve(content, "ETag" in fields ? described : { "Last-Modified": described["Last-Modified"] });
    await using opened = await fileAt().open();
    await textOf(opened);
    const next = serve(body, fields);
    // Also of an upstream that takes no notice of conditions.
    answer = (request, response) => {
      delete request.headers["if-match"];
      next(request, response);
    };
    await expect(textOf(opened, { start: 1, end: 2 })).rejects.toThrow(FileChangedError);
  });

  it("never mixes two versions: the upstream refuses", async () => {
    answer = serve();
    await using opened = await fileAt().open();
    await textOf(opened);
    answer = serve(content, { ...described, ETag: '"v2"' });
    await expect(textOf(opened, { start: 1, end: 2 })).rejects.toThrow(FileChangedError);
    expect(requests[1]?.headers["if-match"]).toBe('"v1"');
  });

  it("never mixes two versions: the range is past the end by now", async () => {
    answer = serve(content, {});
    await using opened = await fileAt().open();
    await textOf(opened);
    answer = serve(Buffer.from("01"), {});
    await expect(textOf(opened, { start: 5, end: 6 })).rejects.toThrow(FileChangedError);
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ["with a length", (response) => response.writeHead(200, { "Content-Length": 10 }).write("0123")],
    ["in chunks", (response) => response.write("0123")],
  ])("fails where the upstream cuts a body short that it sends %s", async (_, begin) => {
    answer = (request, response) => {
      begin(response);
      setImmediate(() => request.socket.destroy());
    };
    await using opened = await fileAt().open();
    const error = await failure(textOf(opened));
    expect(error).toBeInstanceOf(IncompleteBodyError);
    expect(error.cause).toBeDefined();
  });

  it("asks for the rest of a body that breaks, of the same version", async () => {
    const whole = serve();
    let cuts = 2;
    answer = (request, response) => {
      if (cuts-- === 0) return whole(request, response);
      const start = Number(/\d+/.exec(request.headers.range ?? "")?.[0] ?? 0);
      const range = start > 0 ? { "Content-Range": `bytes ${start}-9/10` } : {};
      response.writeHead(start > 0 ? 206 : 200, { ...described, ...range, "Content-Length": 10 - start });
      response.write(content.subarray(start, start + 3), () => response.destroy());
    };
    await using opened = await fileAt().open();
    expect(await textOf(opened)).toBe("0123456789");
    expect(sent()).toEqual(["GET", "GET bytes=3-9", "GET bytes=6-9"]);
    expect(requests.map(({ headers }) => headers["if-match"])).toEqual([undefined, '"v1"', '"v1"']);
  });

  it("does not join a broken body with another version", async () => {
    answer = (request, response) => {
      if (request.headers["if-match"] !== undefined) return void response.writeHead(412).end();
      response.writeHead(200, { ...described, "Content-Length": 10 });
      response.write("012", () => response.destroy());
    };
    await using opened = await fileAt().open();
    await expect(textOf(opened)).rejects.toThrow(FileChangedError);
  });

  it("does not pull a body faster than it is read", async () => {
    let pulled = 0;
    const pull = (controller: ReadableStreamDefaultController): void => {
      controller.enqueue(new Uint8Array(++pulled));
    };
    const send = async (): Promise<Response> => new Response(new ReadableStream({ pull }, { highWaterMark: 0 }));
    await using opened = await new HTTPFile("https://a.example/x", { fetch: send }).open();
    const chunks = readOpened(opened)[Symbol.asyncIterator]();
    for (const length of [1, 2, 3]) expect((await chunks.next()).value).toHaveLength(length);
    expect(pulled).toBe(3);
  });
});

describe("HTTPFile and an upstream that fails", () => {
  it.each([
    [404, 404],
    [410, 404],
    [401, 404],
    [403, 404],
    [429, 503],
    [503, 503],
    [500, 502],
    [502, 502],
    [400, 502],
    [204, 502],
    [304, 502],
    [416, 502],
  ])("turns %i into %i, and says neither URL nor key", async (upstream, status) => {
    answer = (_, response) => void response.writeHead(upstream).end();
    for (const attempt of [fileAt("/secret?key=1").open(), fileAt("/secret?key=1").stat()]) {
      const error = await failure(attempt);
      expect(error.status).toBe(status);
      expect(error.message).not.toMatch(/secret|key|127/);
      expect(String(error.cause)).toContain("/secret?key=1");
    }
  });

  it("passes Retry-After on", async () => {
    answer = (_, response) => void response.writeHead(503, { "Retry-After": "120" }).end();
    expect(await failure(fileAt().open())).toMatchObject({ status: 503, headers: { "Retry-After": "120" } });
  });

  it("frees the body of an error", async () => {
    answer = (_, response) => void response.writeHead(500, { "Content-Length": 1e9 }).write("begin");
    await failure(fileAt().open());
    await closed[0];
  });

  it("answers 504 when nothing comes in time, and lets go of the upstream", async () => {
    answer = () => {};
    const error = await failure(fileAt("/file.txt", { timeout: 20 }).open());
    expect(error).toMatchObject({ name: "UpstreamError", status: 504 });
    await closed[0];
  });

  it("answers 504 also when fetch takes no notice of its signal, and frees an answer that comes too late", async () => {
    let answerLate!: (response: Response) => void;
    const send = (): Promise<Response> => new Promise((resolve) => (answerLate = resolve));
    const error = await failure(new HTTPFile("https://a.example/", { fetch: send, timeout: 1 }).open());
    expect(error.status).toBe(504);
    await new Promise((cancel) => answerLate(new Response(new ReadableStream({ cancel }))));
  });

  it.each<[string, () => Promise<Response>]>([
    ["has begun", async () => new Response("begin")],
    ["is refused", async () => new Response(null, { status: 404 })],
    ["has failed", () => Promise.reject(new TypeError("no route"))],
  ])("leaves no timer behind when an answer %s", async (_, send) => {
    vi.useFakeTimers();
    try {
      await new HTTPFile("https://a.example/", { fetch: send }).open().catch(() => undefined);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it.each(["http://127.0.0.1:1/", "not a URL", "ftp://a.example/"])("answers 502 for %s", async (url) => {
    const error = await failure(new HTTPFile(url, { allowedHosts: ["127.0.0.1:1", "a.example"] }).open());
    expect(error).toBeInstanceOf(UpstreamError);
    expect(error.status).toBe(502);
  });
});

describe("Closing an HTTPFile", () => {
  const endless: RequestListener = (_, response) => void response.writeHead(200).write("begin");

  it("ends a request whose body was not read", async () => {
    answer = endless;
    const opened = await fileAt().open();
    await opened.close();
    await opened.close();
    await closed[0];
    await expect(textOf(opened)).rejects.toThrow(IncompleteBodyError);
  });

  it("ends a request whose body is awaited, and fails the read", async () => {
    answer = endless;
    const opened = await fileAt().open();
    const chunks = readOpened(opened)[Symbol.asyncIterator]();
    await chunks.next();
    const pending = expect(chunks.next()).rejects.toThrow(IncompleteBodyError);
    await opened.close();
    await Promise.all([pending, closed[0]]);
  });

  it("ends a request when its reader stops", async () => {
    answer = endless;
    const opened = await fileAt().open();
    const chunks = readOpened(opened)[Symbol.asyncIterator]();
    await chunks.next();
    await chunks.return(undefined);
    await closed[0];
  });

  it("happens when the client leaves, before an answer came", async () => {
    const client = new AbortController();
    answer = () => client.abort(new Error("gone"));
    const { signal } = client;
    for (const attempt of [fileAt().open({ signal }), fileAt().stat({ signal })]) {
      await expect(attempt).rejects.toThrow("gone");
    }
    await Promise.all(closed);
  });

  it("happens when the client leaves, while the body is awaited", async () => {
    answer = endless;
    const client = new AbortController();
    const opened = await fileAt().open({ signal: client.signal });
    const chunks = readOpened(opened)[Symbol.asyncIterator]();
    await chunks.next();
    const pending = expect(chunks.next()).rejects.toThrow("gone");
    client.abort(new Error("gone"));
    await Promise.all([pending, closed[0]]);
  });

  it("leaves the connection to the next download when a writer has all the bytes that it counted on", async () => {
    const body = Buffer.alloc(1_000_000);
    answer = serve(body);
    let lost = 0;
    server.on("connection", (socket) => socket.once("close", () => lost++));
    for (const range of [undefined, { start: 2, end: 999_990 }, undefined]) {
      const opened = await fileAt().open(range ? { range } : {});
      const wanted = range ? range.end - range.start + 1 : body.length;
      let read = 0;
      for await (const chunk of readOpened(opened, range)) {
        read += chunk.length;
        if (read === wanted) break;
      }
      await opened.close();
    }
    expect(lost).toBe(0);
  });
});

it("describes a file by HEAD as by GET", async () => {
  answer = serve();
  const stats: FileStat[] = [await fileAt().stat(), (await fileAt().open()).stat];
  expect(stats[0]).toEqual(stats[1]);
});
