import { Elysia } from "elysia";
import {
  DescribedFile,
  FileNotFoundError,
  PermissionDeniedError,
  VirtualDownloadView,
  VirtualFile,
  download,
  type DownloadHandler,
} from "downloadview";
import { toAstroHandler } from "downloadview/astro";
import { toElysiaHandler } from "downloadview/elysia";
import { toNextHandler } from "downloadview/next";
import { toReactRouterLoader } from "downloadview/react-router";
import { toSvelteKitHandler } from "downloadview/sveltekit";
import { describe, expect, it } from "vitest";

const request = (init?: RequestInit): Request => new Request("http://localhost/x", init);
const missing: DownloadHandler = async () => Promise.reject(new FileNotFoundError());
const forbidden: DownloadHandler = async () => Promise.reject(new PermissionDeniedError());
const faulty: DownloadHandler = async () => Promise.reject(new RangeError("a bug"));
const onlyGet = VirtualDownloadView.asView({ getFile: () => new VirtualFile("x", { name: "x" }) });
const gzipped: DownloadHandler = async () =>
  download(new DescribedFile(new VirtualFile("zipped", { name: "x.txt" }), { contentEncoding: "gzip" }));

describe("a route handler of Next.js", () => {
  const params = Promise.resolve({ path: ["a", "b.txt"] });

  it("joins the segments of a catch-all", async () => {
    const handler = toNextHandler(async (_request, context) => download(context.params["path"] ?? "", { name: "x" }));
    expect(await (await handler(request(), { params })).text()).toBe("a/b.txt");
  });

  it("never asks for a compressed variant, as Next.js would lose its Content-Encoding", async () => {
    const handler = toNextHandler(async ({ headers }) =>
      download(String(headers.get("Accept-Encoding")), { name: "x" }),
    );
    const response = await handler(request({ headers: { "accept-encoding": "gzip" } }), { params });
    expect(await response.text()).toBe("null");
  });

  it("refuses to send what is compressed in itself, for the same reason", async () => {
    await expect(toNextHandler(gzipped)(request(), { params })).rejects.toThrow(
      "can't send a file that is gzip encoded",
    );
  });

  it("keeps `next start` from compressing what can be resumed, and only that", async () => {
    const resumable = await toNextHandler(async () => download("x", { name: "x.txt" }))(request(), { params });
    const streamed = await toNextHandler(async () => download(() => ["x"], { name: "x.txt" }))(request(), { params });
    const directives = [resumable, streamed].map(({ headers }) => headers.get("cache-control"));
    expect(directives).toEqual(["private, no-cache, no-transform", "private, no-cache"]);
  });

  it("answers errors of downloads, and throws on others", async () => {
    expect((await toNextHandler(forbidden)(request(), { params })).status).toBe(403);
    await expect(toNextHandler(faulty)(request(), { params })).rejects.toThrow("a bug");
  });
});

describe("an endpoint of SvelteKit", () => {
  const event = { request: request(), params: {} };
  const error = (status: number, message: string): never => {
    throw Object.assign(new Error(message), { status, isKit: true });
  };

  it("throws SvelteKit's own error, where it is given", async () => {
    await expect(toSvelteKitHandler(missing, { error })(event)).rejects.toMatchObject({ status: 404, isKit: true });
  });

  it("answers by itself, where it is not", async () => {
    expect((await toSvelteKitHandler(missing)(event)).status).toBe(404);
  });

  it("keeps the fields that an answer must have", async () => {
    const response = await toSvelteKitHandler(onlyGet, { error })({ request: request({ method: "PUT" }), params: {} });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD, OPTIONS"]);
  });

  it("throws other errors on, for handleError", async () => {
    await expect(toSvelteKitHandler(faulty, { error })(event)).rejects.toThrow("a bug");
  });
});

describe("an endpoint of Astro", () => {
  it("shows the site's own page for what is missing", async () => {
    const rewrite = async (path: string): Promise<Response> => new Response(`rewritten to ${path}`, { status: 404 });
    const response = await toAstroHandler(missing)({ request: request(), params: {}, rewrite });
    expect([response.status, await response.text()]).toEqual([404, "rewritten to /404"]);
  });

  it("answers other errors of downloads, and throws on the rest", async () => {
    expect((await toAstroHandler(forbidden)({ request: request(), params: {} })).status).toBe(403);
    await expect(toAstroHandler(faulty)({ request: request(), params: {} })).rejects.toThrow("a bug");
  });
});

describe("a loader of React Router", () => {
  it("throws the response of an error, as loaders do", async () => {
    const thrown = await toReactRouterLoader(missing)({ request: request(), params: {} }).catch(
      (error: unknown) => error,
    );
    expect(thrown).toBeInstanceOf(Response);
    expect((thrown as Response).status).toBe(404);
  });

  it("gives its splat as `path`", async () => {
    const loader = toReactRouterLoader(async (_request, { params }) => download(params["path"] ?? "", { name: "x" }));
    expect(await (await loader({ request: request(), params: { "*": "a/b" } })).text()).toBe("a/b");
  });
});

describe("an Elysia app", () => {
  const app = new Elysia().get(
    "/files/*",
    toElysiaHandler(async (_request, { params }) => download(params["path"] ?? "", { name: "x" })),
  );

  it.each([
    ["a%20b/%C3%A9", "a b/é"],
    ["100%", "100%"],
    ["%252e", "%2e"],
  ])("decodes %s once", async (path, decoded) => {
    expect(await (await app.handle(new Request(`http://localhost/files/${path}`))).text()).toBe(decoded);
  });
});
