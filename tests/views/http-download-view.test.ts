import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { download, HTTPDownloadView, type ViewOptions } from "downloadview";
import { send } from "downloadview/node";
import { assertDownloadResponse } from "downloadview/testing";
import { respond } from "./respond.ts";

const content = "0123456789".repeat(100);

let upstream: Server;
let base: string;
let asked: IncomingMessage[] = [];

beforeAll(async () => {
  upstream = createServer((request, response) => {
    asked.push(request);
    const status = Number(/^\/status\/(\d+)$/.exec(request.url ?? "")?.[1] ?? 200);
    if (status !== 200) response.writeHead(status, { "Retry-After": "7", "Set-Cookie": "theirs=1" }).end("their words");
    else if (request.url === "/cut")
      response.writeHead(200, { "Content-Length": 1000 }).write("short", () => response.destroy());
    else void send(request, response, download(content, { name: "theirs.txt", headers: { "Set-Cookie": "theirs=1" } }));
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
});
beforeEach(() => void (asked = []));
afterAll(() => {
  upstream.close();
  upstream.closeAllConnections();
});

const documents = (options: ViewOptions<HTTPDownloadView> = {}): ReturnType<typeof HTTPDownloadView.asView> =>
  HTTPDownloadView.asView({
    getUrl() {
      return `${base}/${this.params["path"]}`;
    },
    allowedHosts: [new URL(base).host],
    ...options,
  });

const get = (path: string, headers: HeadersInit = {}, method = "GET"): Promise<Response> =>
  respond(documents(), { params: { path }, headers, method });

describe("HTTPDownloadView in front of a server", () => {
  it("serves what the other server has, under its name and with its validators", async () => {
    const response = await get("a/report%20q1.txt");
    await assertDownloadResponse(response, {
      filename: "theirs.txt",
      attachment: true,
      contentType: "text/plain; charset=utf-8",
      size: 1000,
      content,
      headers: { "Set-Cookie": false, ETag: /^"/, "Cache-Control": "private, no-cache, no-transform" },
    });
    expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual(["GET /a/report%20q1.txt"]);
  });

  it("passes on the range, and nothing else of the client's request", async () => {
    const headers = { Range: "bytes=5-14", Cookie: "ours=1", Authorization: "Bearer theirs", "User-Agent": "secret" };
    await assertDownloadResponse(get("a.txt", headers), {
      status: 206,
      content: "5678901234",
      headers: { "Content-Range": "bytes 5-14/1000" },
    });
    expect(asked).toHaveLength(1);
    const sent = asked[0]?.headers ?? {};
    expect(sent["range"]).toBe("bytes=5-14");
    expect([sent["cookie"], sent["authorization"], sent["user-agent"] === "secret"]).toEqual([
      undefined,
      undefined,
      false,
    ]);
  });

  it("sends its own requestInit with every request", async () => {
    const handler = documents({ requestInit: { headers: { Authorization: "Bearer ours" } } });
    await (await respond(handler, { params: { path: "a.txt" }, headers: { Authorization: "Bearer theirs" } })).text();
    expect(asked[0]?.headers["authorization"]).toBe("Bearer ours");
  });

  it("answers 304 to the other server's validator", async () => {
    const etag = (await get("a.txt", {}, "HEAD")).headers.get("ETag") ?? "";
    const response = await get("a.txt", { "If-None-Match": etag });
    expect([response.status, response.headers.get("ETag"), await response.text()]).toEqual([304, etag, ""]);
    // The other server sent nothing either.
    expect(asked.at(-1)?.headers["if-none-match"]).toBe(etag);
    expect(asked).toHaveLength(2);
  });

  it("answers by the application's own validator where it has one", async () => {
    const etag = (await get("a.txt", {}, "HEAD")).headers.get("ETag") ?? "";
    const handler = documents({ headers: { ETag: '"ours"' } });
    const response = await respond(handler, { params: { path: "a.txt" }, headers: { "If-None-Match": etag } });
    expect([response.status, response.headers.get("ETag"), await response.text()]).toEqual([200, '"ours"', content]);
  });

  it("asks by HEAD for a HEAD", async () => {
    await assertDownloadResponse(get("a.txt", {}, "HEAD"), { size: 1000, content: "" });
    expect(asked.map(({ method }) => method)).toEqual(["HEAD"]);
  });

  it.each([
    [404, 404, "Not Found\n"],
    [410, 404, "Not Found\n"],
    [403, 404, "Not Found\n"],
    [500, 502, "Bad Gateway\n"],
    [503, 503, "Service Unavailable\n"],
  ])("answers the other server's %i with %i, in its own words", async (theirs, status, body) => {
    const response = await get(`status/${theirs}`);
    expect([response.status, await response.text()]).toEqual([status, body]);
    expect(response.headers.get("Set-Cookie")).toBeNull();
    expect([...response.headers.values()].join()).not.toContain("127.0.0.1");
  });

  it("answers 502 where there is no server, and does not say where it looked", async () => {
    const response = await respond(
      HTTPDownloadView.asView({ url: "http://127.0.0.1:1/a.txt", allowedHosts: ["127.0.0.1:1"] }),
    );
    expect([response.status, await response.text()]).toEqual([502, "Bad Gateway\n"]);
  });

  it("breaks the download where the other server breaks it", async () => {
    await expect(get("cut").then((response) => response.text())).rejects.toThrow();
  });
});
