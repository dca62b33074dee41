import { PassThrough } from "node:stream";
import { afterEach, describe, expect, it, vi } from "vitest";
import { PermissionDeniedError } from "../errors.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import { redirectToStorage } from "../offload/redirect/index.ts";
import type { DownloadOutcome } from "../responses/delivery.ts";
import { DownloadResponse } from "../responses/download-response.ts";
import type { DownloadHandler, DownloadRequest, ViewContext } from "../responses/handler.ts";
import {
  toLambdaHandler,
  toStreamingLambdaHandler,
  type LambdaEvent,
  type LambdaResponseHead,
  type LambdaRuntime,
} from "./lambda.ts";

/** As a function URL and an HTTP API send it. */
const version2: LambdaEvent = {
  version: "2.0",
  rawPath: "/files/a b.txt",
  rawQueryString: "x=1&x=%2F",
  cookies: ["session=42", "b=2"],
  headers: { host: "files.example", range: "bytes=2-4", "x-many": "a,b" },
  requestContext: { http: { method: "GET", sourceIp: "203.0.113.9" } },
};

/** As a REST API sends it. */
const version1: LambdaEvent = {
  httpMethod: "GET",
  path: "/files/a%20b.txt",
  headers: { Host: "files.example", Range: "bytes=2-4", Cookie: "session=42; b=2", "X-Many": "b" },
  multiValueHeaders: {
    Host: ["files.example"],
    Range: ["bytes=2-4"],
    Cookie: ["session=42; b=2"],
    "X-Many": ["a", "b"],
  },
  queryStringParameters: { x: "/" },
  multiValueQueryStringParameters: { x: ["1", "/"] },
  requestContext: { identity: { sourceIp: "203.0.113.9" } },
};

/** As a load balancer sends it, without and with several values. */
const balancer: LambdaEvent = {
  httpMethod: "GET",
  path: "/files/a%20b.txt",
  headers: { host: "files.example", range: "bytes=2-4", cookie: "session=42; b=2", "x-many": "a, b" },
  queryStringParameters: { x: "%2F" },
  requestContext: { elb: {} },
};
const balancerOfMany: LambdaEvent = {
  httpMethod: "GET",
  path: "/files/a%20b.txt",
  multiValueHeaders: {
    host: ["files.example"],
    range: ["bytes=2-4"],
    cookie: ["session=42", "b=2"],
    "x-many": ["a", "b"],
  },
  multiValueQueryStringParameters: { x: ["1", "%2F"] },
  requestContext: { elb: {} },
};

const events: [name: string, event: LambdaEvent, query: string, address: string | undefined][] = [
  ["a function URL", version2, "x=1&x=%2F", "203.0.113.9"],
  ["a REST API", version1, "x=1&x=%2F", "203.0.113.9"],
  ["a load balancer", balancer, "x=%2F", undefined],
  ["a load balancer with several values", balancerOfMany, "x=1&x=%2F", undefined],
];

const ten: DownloadHandler<LambdaEvent> = async () =>
  new DownloadResponse(new VirtualFile("0123456789", { name: "a b.txt", size: 10, etag: '"1"' }), {
    headers: { "Set-Cookie": ["a=1", "b=2"] },
  });

describe("toLambdaHandler", () => {
  it.each(events)("reads the request of %s", async (_, event, query, address) => {
    let seen: [DownloadRequest, ViewContext<LambdaEvent>] | undefined;
    await toLambdaHandler((request, context) => ((seen = [request, context]), ten(request, context)))(event);
    const [{ method, url, headers }, { params, native, clientAddress }] = seen!;
    expect([method, url]).toEqual(["GET", `https://files.example/files/a%20b.txt?${query}`]);
    expect(["Range", "COOKIE", "missing"].map((name) => headers.get(name))).toEqual([
      "bytes=2-4",
      "session=42; b=2",
      null,
    ]);
    expect(headers.get("x-many")?.replace(" ", "")).toBe("a,b");
    expect([params["path"], native, clientAddress?.()]).toEqual(["files/a b.txt", event, address]);
  });

  it.each(events)("answers %s in its form", async (_, event) => {
    const result = await toLambdaHandler(ten)(event);
    expect([result.statusCode, result.isBase64Encoded, atob(result.body)]).toEqual([206, true, "234"]);
    const field = (name: string): unknown => result.headers?.[name] ?? result.multiValueHeaders?.[name]?.[0];
    expect([field("content-range"), field("content-length")]).toEqual(["bytes 2-4/10", "3"]);
    const cookies = result.cookies ?? result.multiValueHeaders?.["set-cookie"] ?? result.headers?.["set-cookie"];
    expect(cookies).toEqual(event === balancer ? "a=1" : ["a=1", "b=2"]);
    expect([result.headers === undefined, result.multiValueHeaders === undefined]).toEqual(
      event === version2 || event === balancer ? [false, true] : [true, false],
    );
  });

  it("keeps every byte", async () => {
    const bytes = Uint8Array.from({ length: 100_003 }, (_, at) => at % 256);
    const view = async (): Promise<DownloadResponse> => new DownloadResponse(new VirtualFile(bytes, { name: "a.bin" }));
    const { body } = await toLambdaHandler(view)({ ...version2, headers: {} });
    expect(Buffer.from(body, "base64").equals(Buffer.from(bytes))).toBe(true);
  });

  const without: [what: string, event: LambdaEvent, status: number][] = [
    ["HEAD", { ...version2, requestContext: { http: { method: "HEAD" } }, headers: {} }, 200],
    ["304", { ...version2, headers: { "if-none-match": '"1"' } }, 304],
    ["412", { ...version2, headers: { "if-match": '"2"' } }, 412],
  ];
  it.each(without)("has no body for %s", async (_, event, status) => {
    const { statusCode, body, isBase64Encoded } = await toLambdaHandler(ten)(event);
    expect([statusCode, body, isBase64Encoded]).toEqual([status, "", false]);
  });

  it("answers what a view refuses, and throws what it does not know", async () => {
    const refusing = toLambdaHandler(() => Promise.reject(new PermissionDeniedError()));
    expect((await refusing(version2)).statusCode).toBe(403);
    await expect(toLambdaHandler(() => Promise.reject(new TypeError("bug")))(version2)).rejects.toThrow("bug");
  });

  it("has parameters of the route", async () => {
    let path: string | undefined;
    const handler: DownloadHandler<LambdaEvent> = (request, context) => {
      path = context.params["path"];
      return ten(request, context);
    };
    const params = ({ pathParameters }: LambdaEvent) => ({ path: pathParameters?.["proxy"] });
    await toLambdaHandler(handler, { params })({ ...version1, pathParameters: { proxy: "b.txt" } });
    expect(path).toBe("b.txt");
  });

  const paths: [raw: string, path: string | undefined][] = [
    ["/a%2520b", "a%20b"],
    ["/ü/日本.txt", "ü/日本.txt"],
    ["/%C3%BC.txt", "ü.txt"],
    ["/100%", "100%"],
    ["/a?b#c", "a?b#c"],
    ["/a/../b", "a/../b"],
    ["//a", "/a"],
  ];
  it.each(paths)("reads the path %s as %s", async (rawPath, expected) => {
    let path: string | undefined;
    const handler: DownloadHandler<LambdaEvent> = (request, context) => {
      path = context.params["path"];
      return ten(request, context);
    };
    await toLambdaHandler(handler)({ ...version2, rawPath });
    expect(path).toBe(expected);
  });

  const bad: [what: string, event: unknown][] = [
    ["of a queue", { Records: [] }],
    ["empty", {}],
    ["without a method", { version: "2.0", rawPath: "/" }],
    ["without a path", { httpMethod: "GET" }],
  ];
  it.each(bad)("refuses an event %s", async (_, event) => {
    await expect(toLambdaHandler(ten)(event as LambdaEvent)).rejects.toThrow(/no HTTP request/);
  });

  it.each([0, -1, 1.5, Number.NaN])("refuses %s as maxBytes", (maxBytes) => {
    expect(() => toLambdaHandler(ten, { maxBytes })).toThrow(/maxBytes must be a whole number/);
  });
});

describe("a download above the limit", () => {
  const whole: LambdaEvent = { ...version2, headers: {} };
  const stored: DownloadHandler<LambdaEvent> = async () => {
    const file = new VirtualFile("0123456789", { name: "a.txt", size: 10, etag: '"1"' });
    return new DownloadResponse(
      Object.assign(file, { signedUrl: async () => "https://bucket.example/a.txt?signature" }),
      { onFinish: ({ kind }) => void ends.push(kind) },
    );
  };
  let ends: DownloadOutcome["kind"][] = [];
  afterEach(() => (ends = []));

  it("is redirected to its store, and a small range of it is sent", async () => {
    const handler = toLambdaHandler(stored, { maxBytes: 5, tooLarge: redirectToStorage({ expiresIn: 60 }) });
    const large = await handler(whole);
    expect([large.statusCode, large.headers?.["location"]]).toEqual([302, "https://bucket.example/a.txt?signature"]);
    const part = await handler(version2);
    expect([part.statusCode, atob(part.body)]).toEqual([206, "234"]);
    // A store may ignore If-Range, and send a part of another version.
    const stale = handler({ ...version2, headers: { ...version2.headers, "if-range": '"0"' } });
    await expect(stale).rejects.toThrow(/sends 5 in one piece/);
    expect((await handler({ ...whole, requestContext: { http: { method: "HEAD" } } })).statusCode).toBe(200);
  });

  it.each([10, undefined])("is an error without that, and the log has the reason: size %s", async (size) => {
    const view: DownloadHandler<LambdaEvent> = async () =>
      new DownloadResponse(new VirtualFile("0123456789", { name: "a", ...(size === undefined ? {} : { size }) }), {
        onFinish: ({ kind }) => void ends.push(kind),
      });
    await expect(toLambdaHandler(view, { maxBytes: 9 })(whole)).rejects.toThrow(/toStreamingLambdaHandler\(\)/);
    await vi.waitFor(() => expect(ends).toEqual(["aborted"]));
    expect((await toLambdaHandler(view, { maxBytes: 10 })(whole)).statusCode).toBe(200);
  });

  it("is a 404 if it is missing", async () => {
    const missing: DownloadHandler<LambdaEvent> = async () =>
      new DownloadResponse(new VirtualFile(() => Promise.reject(new PermissionDeniedError()), { name: "a" }));
    const handler = toLambdaHandler(missing, { tooLarge: redirectToStorage({ expiresIn: 60 }) });
    expect((await handler(whole)).statusCode).toBe(403);
  });
});

describe("toStreamingLambdaHandler", () => {
  const heads: LambdaResponseHead[] = [];
  const runtime: LambdaRuntime = {
    streamifyResponse: (handler) => handler,
    HttpResponseStream: {
      from: (stream, head) => {
        heads.push(head);
        return stream;
      },
    },
  };
  const streaming = (view: DownloadHandler<LambdaEvent>) =>
    toStreamingLambdaHandler(view, {}, runtime) as (event: LambdaEvent, stream: PassThrough) => Promise<void>;

  it("streams a body, however large", async () => {
    const size = 20_000_000;
    const view: DownloadHandler<LambdaEvent> = async () =>
      new DownloadResponse(new VirtualFile(new Uint8Array(size), { name: "a.bin" }));
    const stream = new PassThrough();
    let received = 0;
    stream.on("data", (chunk: Buffer) => (received += chunk.byteLength));
    await streaming(view)({ ...version2, headers: {} }, stream);
    expect(received).toBe(size);
    expect(heads.at(-1)).toMatchObject({ statusCode: 200, headers: { "content-length": String(size) }, cookies: [] });
  });

  it("sends the head of a response without a body", async () => {
    const stream = new PassThrough();
    const written = vi.spyOn(stream, "write");
    await streaming(ten)({ ...version2, headers: { "if-none-match": '"1"' } }, stream);
    expect(heads.at(-1)).toMatchObject({ statusCode: 304, cookies: ["a=1", "b=2"] });
    expect(written).toHaveBeenCalledWith("");
    expect(stream.writableEnded).toBe(true);
  });

  it("breaks the stream of a source that fails", async () => {
    const logged = vi.spyOn(console, "error").mockReturnValue();
    const view: DownloadHandler<LambdaEvent> = async () =>
      new DownloadResponse(
        new VirtualFile(
          async function* () {
            yield "01234";
            throw new Error("disk");
          },
          { name: "a", size: 10 },
        ),
      );
    const stream = new PassThrough();
    const failed = new Promise((resolve) => stream.once("error", resolve));
    await streaming(view)({ ...version2, headers: {} }, stream);
    expect(String(await failed)).toContain("disk");
    expect(stream.writableFinished).toBe(false);
    logged.mockRestore();
  });

  it("stops when the client has left", async () => {
    const ends: string[] = [];
    const view: DownloadHandler<LambdaEvent> = async () =>
      new DownloadResponse(new VirtualFile(new Uint8Array(50_000_000), { name: "a" }), {
        onFinish: ({ kind }) => void ends.push(kind),
      });
    const stream = new PassThrough();
    const running = streaming(view)({ ...version2, headers: {} }, stream);
    await new Promise((resolve) => stream.once("readable", resolve));
    stream.destroy();
    await running;
    expect(ends).toEqual(["aborted"]);
  });

  it("needs Lambda's runtime", () => {
    expect(() => toStreamingLambdaHandler(ten)).toThrow(/needs the global awslambda/);
  });
});
