import { createServer, type RequestListener, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { toFetchHandler } from "../adapters/fetch.ts";
import { toNodeHandler } from "../adapters/node/index.ts";
import { signatureRequired } from "../signing/signature-required.ts";
import { URLSigner } from "../signing/url-signer.ts";
import { crossOrigin } from "./cross-origin.ts";
import type { DownloadHandler } from "./handler.ts";
import { ProxiedDownloadResponse } from "./proxied-download-response.ts";

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

const next = "the next client's bytes";

/** All that two requests on one connection get. The second closes it. */
async function pipelined(first: DownloadHandler, method: string): Promise<string> {
  const view: DownloadHandler = async (request, context) =>
    request.url === "/first" ? first(request, context) : new Response(next);
  const socket = connect(await listen(toNodeHandler(view)), "127.0.0.1");
  socket.write(
    `${method} /first HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
  );
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}

/** What a strict client reads: one response, by its own Content-Length or in chunks, and what is left after it. */
function firstOf(text: string, method: string): { head: string; body: string; rest: string } {
  const at = text.indexOf("\r\n\r\n") + 4;
  const head = text.slice(0, at).toLowerCase();
  if (method === "HEAD") return { head, body: "", rest: text.slice(at) };
  if (head.includes("transfer-encoding: chunked")) {
    const end = text.indexOf("0\r\n\r\n", at) + 5;
    return { head, body: text.slice(at, end), rest: text.slice(end) };
  }
  const length = Number(/content-length: (\d+)/.exec(head)?.[1] ?? 0);
  return { head, body: text.slice(at, at + length), rest: text.slice(at + length) };
}

function streamed(text: string): ReadableStream<Uint8Array> {
  return new Blob([text]).stream();
}

const encoded = gzipSync("x".repeat(5000));

async function fetched(): Promise<Response> {
  const port = await listen((_, response) => {
    response.writeHead(200, {
      "Content-Encoding": "gzip",
      "Content-Length": encoded.length,
      ETag: '"a"',
      "Repr-Digest": "sha-256=:AAAA:",
      "X-Accel-Redirect": "/_secret/key",
    });
    response.end(encoded);
  });
  return fetch(`http://127.0.0.1:${port}/`);
}

describe("a web response never decides where the next response on the connection begins", () => {
  const answers: [what: string, make: () => Response | Promise<Response> | ProxiedDownloadResponse][] = [
    ["a longer body", () => new Response(streamed(`0123456789${next}`), { headers: { "Content-Length": "10" } })],
    ["a shorter body", () => new Response(streamed("0123"), { headers: { "Content-Length": "10" } })],
    ["a text that is shorter", () => new Response("0123", { headers: { "Content-Length": "10" } })],
    ["no body", () => new Response(null, { headers: { "Content-Length": "10" } })],
    ["204", () => new Response(null, { status: 204, headers: { "Content-Length": "10" } })],
    [
      "two lengths",
      () =>
        new Response("0123", {
          headers: [
            ["Content-Length", "10"],
            ["Content-Length", "4"],
          ],
        }),
    ],
    [
      "another framing",
      () => new Response("0123", { headers: { "Transfer-Encoding": "chunked", "Content-Length": "9" } }),
    ],
    ["a framing and no body", () => new Response(null, { headers: { "Transfer-Encoding": "chunked" } })],
    ["a body that fetch has decoded", fetched],
    ["a proxied response with a length", () => new ProxiedDownloadResponse({ headers: { "Content-Length": "10" } })],
    [
      "a proxied response with a framing",
      () => new ProxiedDownloadResponse({ headers: { "Transfer-Encoding": "chunked", Connection: "keep-alive" } }),
    ],
    [
      "a refused one with a framing",
      () => new ProxiedDownloadResponse({ status: 403, headers: { "Transfer-Encoding": "chunked" } }),
    ],
  ];
  it.each(answers)("%s", async (_, make) => {
    for (const method of ["GET", "HEAD"]) {
      const text = await pipelined(async () => make(), method);
      const { head, body, rest } = firstOf(text, method);
      expect(body).not.toContain(next);
      expect(body).not.toContain("HTTP/1.1");
      // Either the next response begins right there, or the connection has ended before it.
      expect(rest === "" || rest.startsWith("HTTP/1.1 200 OK\r\n")).toBe(true);
      if (rest !== "") expect(rest).toContain(next);
      expect(head).not.toMatch(/^content-length: .*\r\ntransfer-encoding/ms);
    }
  });

  it("a source that is too short breaks the connection", async () => {
    const text = await pipelined(
      async () => new Response(streamed("0123"), { headers: { "Content-Length": "10" } }),
      "GET",
    );
    expect(text.endsWith("\r\n\r\n0123")).toBe(true);
  });
});

describe("a response that fetch has decoded", () => {
  const wrap: [how: string, wrap: (handler: DownloadHandler) => DownloadHandler][] = [
    ["as it is", (handler) => handler],
    ["with fields for other origins", crossOrigin({ origins: ["https://app.example.com"] })],
    ["behind a signature", (handler) => signatureRequired(handler, { signer })],
  ];
  const signer = new URLSigner({ secrets: "s".repeat(32) });
  it.each(wrap)("%s is described as what it is now", async (_, around) => {
    const handler = toFetchHandler(around(() => fetched()));
    const { status, headers, ...response } = await sent(await handler(new Request(await signer.sign("http://a/b"))));
    expect(status).toBe(200);
    expect([response.text, headers.get("Content-Encoding"), headers.get("Content-Length")]).toEqual([
      "x".repeat(5000),
      null,
      null,
    ]);
    expect([headers.get("ETag"), headers.get("Repr-Digest"), headers.get("X-Accel-Redirect")]).toEqual([
      'W/"a"',
      null,
      null,
    ]);
  });

  async function sent(response: Response): Promise<{ status: number; headers: Headers; text: string }> {
    return { status: response.status, headers: response.headers, text: await response.text() };
  }
});

describe("on a runtime that speaks fetch", () => {
  it("a body has exactly the length that is announced", async () => {
    const respond = (text: string): Promise<Response> =>
      toFetchHandler(async () => new Response(streamed(text), { headers: { "Content-Length": "10" } }))(
        new Request("http://a/"),
      );
    expect(await (await respond(`0123456789${next}`)).text()).toBe("0123456789");
    expect(await (await respond("0123456789")).text()).toBe("0123456789");
    await expect((await respond("0123")).text()).rejects.toThrow(/6 bytes early/);
  });

  it("cancels the body that it cuts, or that is not read", async () => {
    const cancelled: string[] = [];
    const handler = toFetchHandler(async ({ method }) => {
      const stream = new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(new Uint8Array(4)),
        cancel: () => void cancelled.push(method),
      });
      return new Response(stream, { headers: { "Content-Length": "10" } });
    });
    expect((await (await handler(new Request("http://a/"))).bytes()).byteLength).toBe(10);
    await (await handler(new Request("http://a/", { method: "HEAD" }))).body?.cancel();
    expect(cancelled).toEqual(["GET", "HEAD"]);
  });
});
