import { once } from "node:events";
import { createServer as createHTTPServer, get, type IncomingMessage, type RequestListener } from "node:http";
import { connect, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { toFetchHandler } from "../adapters/fetch.ts";
import { toHTTP2Handler } from "../adapters/http2.ts";
import { toNodeHandler } from "../adapters/node/index.ts";
import { crossOrigin } from "../responses/cross-origin.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import { nginx } from "../offload/nginx/index.ts";
import { apache } from "../offload/apache/index.ts";
import { LocalFile } from "../files/local/local-file.ts";
import { smartDownloadMiddleware } from "../offload/smart-download-middleware.ts";
import { DownloadResponse } from "../responses/download-response.ts";
import {
  withMiddleware,
  isProxiedDownloadResponse,
  type DownloadHandler,
  type DownloadResult,
} from "../responses/handler.ts";
import type { RenderedResponse } from "../responses/rendered-response.ts";
import { renderResult } from "../responses/render.ts";
import { limitDownloads, type LimitDownloadsOptions } from "./limit-downloads.ts";
import { MemoryRunningDownloads } from "./memory-running-downloads.ts";

const view: DownloadHandler = async () =>
  new DownloadResponse(new VirtualFile("0123456789", { name: "a.txt", size: 10, etag: '"1"' }));

interface Asked {
  readonly user?: string;
  readonly url?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
}

const key = ({ headers }: { headers: { get(name: string): string | null } }): string | undefined =>
  headers.get("x-user") ?? undefined;

function limiting(options: LimitDownloadsOptions = {}, handler: DownloadHandler = view): DownloadHandler {
  return limitDownloads(handler, { concurrent: 1, key, ...options });
}

async function start(
  handler: DownloadHandler,
  { user = "alice", url = "/a", method = "GET", headers = {} }: Asked = {},
): Promise<RenderedResponse> {
  const request = new Request(`http://localhost${url}`, { method, headers: { ...headers, "X-User": user } });
  return renderResult(await handler(request, { params: {}, native: undefined }), request);
}

/** The status that a client gets, and `Retry-After`. */
async function statusOf(handler: DownloadHandler, asked: Asked = {}): Promise<unknown> {
  return start(handler, asked).then(
    ({ status }) => status,
    (error: { status: number; headers: Record<string, string> }) => [error.status, error.headers["Retry-After"]],
  );
}

const busy = [429, "30"];

afterEach(() => vi.useRealTimers());

describe("limitDownloads", () => {
  it("answers 429 with Retry-After to a download too many, until one has ended", async () => {
    const handler = limiting();
    const running = await start(handler);
    expect(await statusOf(handler)).toEqual(busy);
    expect(await statusOf(handler, { user: "bob" })).toBe(200);
    running.delivery.finish(200, 10);
    expect(await statusOf(handler)).toBe(200);
  });

  it.each(["finish", "abort", "fail"] as const)("frees the place at the end: %s", async (end) => {
    const handler = limiting();
    const { delivery } = await start(handler);
    if (end === "finish") delivery.finish(200, 10);
    else delivery.abort(200, 3, end === "fail" ? new Error("disk") : undefined);
    expect(await statusOf(handler)).toBe(200);
  });

  it("counts a range of a running download with it", async () => {
    const handler = limiting();
    await start(handler);
    expect(await statusOf(handler, { headers: { Range: "bytes=5-" } })).toBe(206);
    expect(await statusOf(handler, { headers: { Range: "bytes=5-" }, url: "/b" })).toEqual(busy);
  });

  const free: [what: string, asked: Asked, status: number][] = [
    ["HEAD", { method: "HEAD" }, 200],
    ["304", { headers: { "If-None-Match": '"1"' } }, 304],
    ["412", { headers: { "If-Match": '"2"' } }, 412],
    ["416", { headers: { Range: "bytes=20-" } }, 416],
  ];
  it.each(free)("does not count %s", async (_, asked, status) => {
    const handler = limiting();
    await start(handler);
    expect(await statusOf(handler, asked)).toBe(status);
  });

  it("limits no request without a key, and by default the client's address", async () => {
    const open = limiting({ key: () => undefined });
    await start(open);
    expect(await statusOf(open)).toBe(200);
    const { key: _, ...rest } = { key, concurrent: 1 };
    const byAddress = limitDownloads(view, rest);
    const from = async (address: string): Promise<unknown> => {
      const request = new Request("http://localhost/a");
      const native = { socket: { remoteAddress: address } };
      const result = await byAddress(request, { params: {}, native });
      return renderResult(result, request).then(
        ({ status }) => status,
        ({ status }) => status,
      );
    };
    expect([await from("10.0.0.1"), await from("10.0.0.1"), await from("10.0.0.2")]).toEqual([200, 429, 200]);
  });

  it("has limits of each user", async () => {
    const handler = limiting({ concurrent: ({ headers }) => (headers.get("x-user") === "premium" ? 2 : 1) });
    const statuses = [];
    for (const user of ["premium", "premium", "premium", "free", "free"]) {
      statuses.push(await statusOf(handler, { user }));
    }
    expect(statuses).toEqual([200, 200, busy, 200, busy]);
  });

  it("keeps the hooks of the view, and a response that the view reuses apart", async () => {
    const ends: string[] = [];
    const one = new DownloadResponse(new VirtualFile("0123456789", { name: "a", size: 10 }), {
      onFinish: ({ kind }) => void ends.push(kind),
    });
    const handler = limiting({ concurrent: 2 }, async () => one);
    const [first, second] = [await start(handler), await start(handler)];
    expect(await statusOf(handler)).toEqual(busy);
    first.delivery.finish(200, 10);
    second.delivery.abort(200, 1);
    expect(ends).toEqual(["failed", "completed", "aborted"]);
    expect(await statusOf(handler)).toBe(200);
  });

  it("renews the leases of what runs, and of nothing else", async () => {
    vi.useFakeTimers();
    const counter = new MemoryRunningDownloads();
    const handler = limiting({ counter, lease: 30 });
    const { delivery } = await start(handler);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(await statusOf(handler)).toEqual(busy);
    delivery.finish(200, 10);
    expect(vi.getTimerCount()).toBe(0);
    expect(await statusOf(handler)).toBe(200);
  });

  it("goes on if the counter fails meanwhile", async () => {
    vi.useFakeTimers();
    const counter = new MemoryRunningDownloads();
    const down = (): Promise<never> => Promise.reject(new Error("down"));
    Object.assign(counter, { renew: down, end: down });
    const { delivery } = await start(limiting({ counter }));
    await vi.advanceTimersByTimeAsync(60_000);
    delivery.finish(200, 10);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a rate that is shared", () => {
  const rateOf = ({ limitRate }: RenderedResponse): unknown =>
    typeof limitRate === "function" ? limitRate() : limitRate;

  it("is divided among the downloads of a key, as they begin and end", async () => {
    const handler = limiting({ concurrent: 9, rate: 1000 });
    const first = await start(handler);
    expect(rateOf(first)).toBe(1000);
    const second = await start(handler);
    const other = await start(handler, { user: "bob" });
    expect([first, second, other].map(rateOf)).toEqual([500, 500, 1000]);
    second.delivery.finish(200, 10);
    expect(rateOf(first)).toBe(1000);
  });

  it("counts what other processes send, as of the last renewal", async () => {
    vi.useFakeTimers();
    const counter = new MemoryRunningDownloads();
    const [here, there] = [
      limiting({ concurrent: 9, rate: 1000, counter }),
      limiting({ concurrent: 9, rate: 1000, counter }),
    ];
    const first = await start(here);
    await start(there);
    expect(rateOf(first)).toBe(1000);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(rateOf(first)).toBe(500);
  });

  it("never raises the rate of the response itself", async () => {
    const slow: DownloadHandler = async () =>
      new DownloadResponse(new VirtualFile("0123456789", { name: "a", size: 10 }), { limitRate: 10 });
    expect(rateOf(await start(limiting({ rate: 1000 }, slow)))).toBe(10);
  });

  const rules = [{ sourceDir: import.meta.dirname, destinationUrl: "/_d/", destinationDir: import.meta.dirname }];
  const local: DownloadHandler = async () => new DownloadResponse(new LocalFile(import.meta.filename));

  it.each(["around", "inside"])("is told to nginx, with the middleware %s", async (where) => {
    const middleware = smartDownloadMiddleware({ backend: nginx(), rules });
    const wrap = (options: LimitDownloadsOptions): DownloadHandler =>
      where === "around"
        ? withMiddleware(limiting(options, local), middleware)
        : limiting(options, withMiddleware(local, middleware));
    const handler = wrap({ concurrent: 9, rate: 1000 });
    const rates = [];
    for (let at = 0; at < 2; at += 1) {
      const { headers } = await start(handler);
      rates.push(headers[headers.indexOf("X-Accel-Limit-Rate") + 1]);
    }
    expect(rates).toEqual(["1000", "500"]);
  });

  it("keeps a download from a server that can't limit it", async () => {
    const backend = apache();
    const handler = withMiddleware(limiting({ rate: 1000 }, local), smartDownloadMiddleware({ backend, rules }));
    const request = new Request("http://localhost/a", { headers: { "X-User": "a" } });
    const result: DownloadResult = await handler(request, { params: {}, native: undefined });
    expect(isProxiedDownloadResponse(result)).toBe(false);
    const inside = limiting({ rate: 1000 }, withMiddleware(local, smartDownloadMiddleware({ backend, rules })));
    const { headers, body } = await start(inside);
    expect([headers.includes("X-Sendfile"), body.kind]).toEqual([false, "content"]);
    if (body.kind === "content") await body.file.close();
  });
});

describe("a slow client is told from one that takes nothing", () => {
  const bytes = new Uint8Array(1024 * 1024).fill(7);
  const large: DownloadHandler = async () => new DownloadResponse(new VirtualFile(bytes, { name: "a.bin" }));

  it("by pieces of 64 KiB in a web body, of which it is not known how much was taken", async () => {
    const response = await toFetchHandler(limiting({ key: () => "alice" }, large))(new Request("http://localhost/a"));
    const sizes: number[] = [];
    for await (const chunk of response.body!) sizes.push(chunk.byteLength);
    expect(sizes).toEqual(Array.from({ length: 16 }, () => 64 * 1024));
  });

  it("by pieces of 64 KiB on HTTP/2, which does not tell either", async () => {
    const written: number[] = [];
    const handler = toHTTP2Handler(limiting({ key: () => "alice" }, large));
    const server = createServer((request, response) => {
      const write = response.stream.write.bind(response.stream) as (...all: unknown[]) => boolean;
      response.stream.write = (chunk: Uint8Array, ...rest: unknown[]): boolean => {
        written.push(chunk.byteLength);
        return write(chunk, ...rest);
      };
      void handler(request, response);
    }).listen(0);
    const session = connect(`http://localhost:${(server.address() as AddressInfo).port}`);
    let received = 0;
    for await (const chunk of session.request({ ":path": "/a" })) received += (chunk as Uint8Array).byteLength;
    session.close();
    server.close();
    expect(received).toBe(bytes.byteLength);
    expect(written).toEqual(Array.from({ length: 16 }, () => 64 * 1024));
  });
});

describe("a download that another server sends", () => {
  const middleware = smartDownloadMiddleware({
    backend: nginx(),
    rules: [{ sourceDir: import.meta.dirname, destinationUrl: "/_d/", destinationDir: import.meta.dirname }],
  });
  const local = withMiddleware(async () => new DownloadResponse(new LocalFile(import.meta.filename)), middleware);

  it("counts for an hour at most while a report of its end is waited for", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"] });
    const handler = limiting({}, local);
    await start(handler);
    await vi.advanceTimersByTimeAsync(3_570_000);
    expect(await statusOf(handler)).toEqual(busy);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await statusOf(handler)).toBe(200);
  });

  const lives: [options: LimitDownloadsOptions, seconds: number][] = [
    [{ lease: 60 }, 60],
    [{ handedOver: 600 }, 600],
    [{ rate: 0.001 }, 3600],
  ];
  it.each(lives)("counts for its time, as its end is not known: %o", async (options, seconds) => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"] });
    const handler = limiting(options, local);
    (await start(handler)).delivery.finish(200, 0);
    await vi.advanceTimersByTimeAsync((seconds - 21) * 1000);
    expect(await statusOf(handler)).toEqual(busy);
    await vi.advanceTimersByTimeAsync(42_000);
    expect(await statusOf(handler)).toBe(200);
    await turn();
  });
});

describe("limitDownloads refuses", () => {
  const wrong: [options: object, message: RegExp][] = [
    [{ concurrent: 0 }, /concurrent must be a whole number of downloads, 1 or more, got 0/],
    [{ concurrent: 1.5 }, /got 1.5/],
    [{ concurrent: Number.NaN }, /got NaN/],
    [{ rate: 0 }, /rate must be a number of bytes a second, more than 0, got 0/],
    [{ rate: -1 }, /rate/],
    [{ minimumRate: -1 }, /minimumRate/],
    [{ idle: 0 }, /idle must be a number of seconds, more than 0, got 0/],
    [{ retryAfter: 0 }, /retryAfter/],
    [{ lease: Infinity }, /lease/],
    [{ handedOver: 0 }, /handedOver/],
  ];
  it.each(wrong)("%o", (options, message) => {
    expect(() => limitDownloads(view, options)).toThrow(message);
  });

  it.each([undefined, null])("%s in place of options", (options) => {
    expect(() => limitDownloads(view, options as never)).toThrow(/needs a handler/);
  });

  it("a limit of a function that is none", async () => {
    await expect(start(limiting({ concurrent: () => 0 }))).rejects.toThrow(/concurrent must be/);
  });
});

describe("limitDownloads of a web response that a view makes itself", () => {
  /** Sends ten bytes, and ends when `end` is called. */
  class Source {
    cancelled = 0;
    end!: () => void;
    readonly stream: ReadableStream<Uint8Array> = new ReadableStream({
      start: (controller) => {
        controller.enqueue(new Uint8Array(10));
        this.end = () => controller.close();
      },
      cancel: () => void (this.cancelled += 1),
    });
  }

  const sources: Source[] = [];
  const own: DownloadHandler = async () => {
    const source = new Source();
    sources.push(source);
    return new Response(source.stream, { headers: { "Content-Type": "text/csv", "X-Own": "1" } });
  };
  const asked = (init?: RequestInit): Request =>
    new Request("http://localhost/a", { headers: { "X-User": "alice" }, ...init });

  it("answers 429 until its body has ended, and closes the body that it refuses", async () => {
    sources.length = 0;
    const handler = toFetchHandler(limiting({}, own));
    const running = await handler(asked());
    expect([running.status, running.headers.get("X-Own")]).toEqual([200, "1"]);
    const refused = await handler(asked());
    expect([refused.status, sources.map(({ cancelled }) => cancelled)]).toEqual([429, [0, 1]]);
    sources[0]!.end();
    expect((await running.arrayBuffer()).byteLength).toBe(10);
    expect((await handler(asked())).status).toBe(200);
  });

  it("frees the place of a client that leaves, and tells the source at once, also one that stalls", async () => {
    sources.length = 0;
    const handler = limiting({}, own);
    const server = createHTTPServer(toNodeHandler(handler) as RequestListener).listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = get({ agent: false, port: (server.address() as AddressInfo).port, headers: { "X-User": "alice" } });
    const [response] = (await once(client, "response")) as [IncomingMessage];
    await once(response, "data");
    expect(await statusOf(handler)).toEqual(busy);
    client.destroy();
    await vi.waitFor(() => expect(sources[0]!.cancelled).toBe(1));
    expect(await statusOf(handler)).toBe(200);
    server.closeAllConnections();
    server.close();
  });

  it("frees the place of a request that is aborted", async () => {
    const handler = toFetchHandler(limiting({}, own));
    const leaving = new AbortController();
    await handler(asked({ signal: leaving.signal }));
    leaving.abort();
    expect((await handler(asked())).status).toBe(200);
  });

  it("sends it at the rate", async () => {
    const limited = limiting({ concurrent: 9, rate: 1000 }, async () => new Response("0123456789"));
    const rates = [await start(limited), await start(limited)].map(({ limitRate }) =>
      typeof limitRate === "function" ? limitRate() : limitRate,
    );
    expect(rates).toEqual([500, 500]);
  });

  const bodiless: [what: string, response: () => Response, method: string][] = [
    ["HEAD", () => new Response("0123456789"), "HEAD"],
    ["a redirect", () => Response.redirect("https://app.example.com/login"), "GET"],
    ["a page of an error", () => new Response("Not here", { status: 404 }), "GET"],
    ["nothing", () => new Response(null), "GET"],
  ];
  it.each(bodiless)("does not count %s", async (_, make, method) => {
    const handler = limiting({}, async () => make());
    await start(handler, { method });
    await start(handler, { method });
  });

  it("is limited also within wrappers that copy it", async () => {
    const handler = toFetchHandler(crossOrigin({ origins: "*" })(limiting({}, own)));
    const running = await handler(asked());
    expect((await handler(asked())).status).toBe(429);
    await running.body?.cancel();
    expect((await handler(asked())).status).toBe(200);
  });
});

describe("limitDownloads without a key", () => {
  it("counts all addresses of a customer's IPv6 network together", async () => {
    const handler = limitDownloads(view, { concurrent: 1 });
    const ask = async (address: string): Promise<number> => {
      const request = new Request("http://localhost/a");
      const context = { params: {}, native: undefined, clientAddress: () => address };
      const result = handler(request, context).then((response) => renderResult(response, request));
      return result.then(
        ({ status }) => status,
        (error: { status: number }) => error.status,
      );
    };
    const statuses = [];
    for (const address of [
      "2001:db8:1:2::1",
      "2001:db8:1:2:f00::2",
      "2001:db8:1:3::1",
      "203.0.113.1",
      "::ffff:203.0.113.1",
    ])
      statuses.push(await ask(address));
    expect(statuses).toEqual([200, 429, 200, 200, 429]);
  });
});
