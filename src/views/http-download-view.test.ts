import { describe, expect, it } from "vitest";
import { respond } from "../../tests/views/respond.ts";
import { ImproperlyConfiguredError } from "../errors.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import { assertDownloadResponse, setupView } from "../testing/index.ts";
import { HTTPDownloadView } from "./http-download-view.ts";
import type { ViewOptions } from "./view.ts";

const url = "https://files.example/a/hello%20world.txt";

describe("HTTPDownloadView.asView", () => {
  it.each<[string, ViewOptions<HTTPDownloadView>]>([
    ["no URL", {}],
    ["an unset URL", { url: undefined }],
    ["an empty URL", { url: "" }],
    ["a relative URL", { url: "/files/a.txt" }],
    ["no URL at all", { url: "not a url" }],
    ["another scheme", { url: "ftp://files.example/a" }],
    ["credentials in the URL", { url: "https://user:pass@files.example/a" }],
    ["a private host that is not allowed", { url: "http://10.0.0.5/a" }],
    ["a host that is not allowed", { url, allowedHosts: ["other.example"] }],
    ["a host that is none", { getUrl: () => url, allowedHosts: ["https://files.example"] }],
    ["no time", { url, timeout: 0 }],
    ["no bytes", { getUrl: () => url, maxBytes: -1 }],
  ])("refuses %s", (_, options) => {
    expect(() => HTTPDownloadView.asView(options)).toThrow(ImproperlyConfiguredError);
  });

  it.each<[string, ViewOptions<HTTPDownloadView>]>([
    ["a URL", { url }],
    ["a URL object", { url: new URL(url) }],
    ["a private host that is allowed", { url: "http://10.0.0.5:8080/a", allowedHosts: ["10.0.0.5:8080"] }],
    ["a getUrl() of its own", { getUrl: () => url }],
    ["a getFile() of its own", { getFile: () => new VirtualFile("") }],
  ])("is content with %s", (_, options) => {
    expect(HTTPDownloadView.asView(options)).toBeTypeOf("function");
  });
});

describe("HTTPDownloadView", () => {
  it("asks with the fetch that getFetch() gives, for the URL that getUrl() gives, with its requestInit", async () => {
    const asked: unknown[] = [];
    const handler = HTTPDownloadView.asView({
      getUrl: async () => new URL(url),
      requestInit: { headers: { Authorization: "Bearer ours" } },
      getFetch: () => async (input, init) => {
        asked.push(input, new Headers(init?.headers).get("Authorization"));
        return new Response("Hello", { headers: { "Content-Length": "5", "Content-Type": "text/x-upstream" } });
      },
    });
    await assertDownloadResponse(respond(handler), {
      filename: "hello world.txt",
      contentType: "text/x-upstream",
      size: 5,
      content: "Hello",
    });
    expect(asked).toEqual([url, "Bearer ours"]);
  });

  it("lets getRequestInit() be overridden", async () => {
    const view = setupView(
      Object.assign(new HTTPDownloadView(), {
        url,
        getRequestInit: async () => ({ headers: { "X-Tenant": "7" } }),
        getFetch: () => async (_: unknown, init?: RequestInit) =>
          new Response(new Headers(init?.headers).get("X-Tenant")),
      }),
    );
    await assertDownloadResponse(view.renderToResponse(), { content: "7" });
  });

  it("names the file as the view says", async () => {
    const handler = HTTPDownloadView.asView({ url, filename: "own.txt", getFetch: () => async () => new Response("") });
    await assertDownloadResponse(respond(handler), { filename: "own.txt" });
  });

  it("has a requestInit of its own in each view", () => {
    expect(new HTTPDownloadView().requestInit).not.toBe(new HTTPDownloadView().requestInit);
  });
});
