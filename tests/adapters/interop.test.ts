import { PermissionDeniedError, download } from "downloadview";
import { toFetchHandler } from "downloadview/fetch";
import { toNodeHandler } from "downloadview/node";
import { describe, expect, it } from "vitest";
import { conversation, listen } from "../support/sockets.ts";

describe("a fetch handler on node:http", () => {
  it("gets the web request that it was written for", async () => {
    const handler = toFetchHandler(async (_request, { native }) => {
      const { searchParams, host } = new URL(native.url);
      return download(`${host === native.headers.get("host")} ${searchParams.get("q")}`, { name: "x.txt" });
    });
    await using server = await listen(toNodeHandler(handler));
    expect(await (await fetch(`${server.url}/?q=mine`)).text()).toBe("true mine");
  });

  it("is answered with ranges and lengths by Node's own writer", async () => {
    await using server = await listen(toNodeHandler(toFetchHandler(async () => download("hello", { name: "x.txt" }))));
    const response = await fetch(server.url, { headers: { range: "bytes=1-2" } });
    expect([response.status, response.headers.get("content-length"), await response.text()]).toEqual([206, "2", "el"]);
  });

  it("never takes its host from the path", async () => {
    const handler = toFetchHandler(async (_request, { native }) => download(new URL(native.url).host, { name: "x" }));
    await using server = await listen(toNodeHandler(handler));
    const request = "GET //evil.example/x HTTP/1.1\nHost: good.example\nConnection: close\n\n";
    expect((await conversation(server.port, request)).body.toString()).toBe("good.example");
  });

  it("leaves errors to Node's answer", async () => {
    const handler = toFetchHandler(async () => Promise.reject(new PermissionDeniedError()));
    await using server = await listen(toNodeHandler(handler));
    expect((await fetch(server.url)).status).toBe(403);
  });
});

describe("a Node handler under fetch", () => {
  it("answers with a web response", async () => {
    const handler = toFetchHandler(toNodeHandler(async () => download("hello", { name: "x.txt" })));
    const response = await handler(new Request("http://localhost/", { headers: { range: "bytes=-2" } }));
    expect([response.status, await response.text()]).toEqual([206, "lo"]);
  });

  it("gets the parameters that fetch handlers are given", async () => {
    const handler = toFetchHandler(
      toNodeHandler(async (_request, { params }) => download(params["id"] ?? "", { name: "x" })),
    );
    expect(await (await handler(new Request("http://localhost/"), { params: { id: "7" } })).text()).toBe("7");
  });
});
