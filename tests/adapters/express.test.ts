import express, { type ErrorRequestHandler } from "express";
import {
  DownloadResponse,
  MemoryStorage,
  PermissionDeniedError,
  StorageDownloadView,
  UpstreamError,
  VirtualDownloadView,
  VirtualFile,
  download,
} from "downloadview";
import { send, toExpressHandler } from "downloadview/express";
import { beforeAll, describe, expect, it } from "vitest";
import { listen } from "../support/sockets.ts";

const storage = new MemoryStorage();
beforeAll(async () => {
  await storage.save("folder/été.txt", "summer");
});

function application(): express.Express {
  const app = express();
  app.use((_request, response, next) => {
    response.cookie("session", "1");
    next();
  });
  app.get("/files/*path", toExpressHandler(StorageDownloadView.asView({ storage })));
  app.get(
    "/forbidden",
    toExpressHandler(async () => Promise.reject(new PermissionDeniedError())),
  );
  app.get(
    "/upstream",
    toExpressHandler(async () => Promise.reject(new UpstreamError(504))),
  );
  app.all("/all", toExpressHandler(VirtualDownloadView.asView({ getFile: () => new VirtualFile("x", { name: "x" }) })));
  app.get("/send", (request, response) => send(request, response, download("sent", { name: "sent.txt" })));
  app.get(
    "/query",
    toExpressHandler(async (_request, { native }) => download(String(native.query.q), { name: "q" })),
  );
  app.get(
    "/status",
    toExpressHandler(async () => new DownloadResponse(new VirtualFile("x", { name: "x" }), { status: 403 })),
  );
  app.use((_request, response) => void response.status(404).send("the app's own 404"));
  const onError: ErrorRequestHandler = (error: { status: number }, _request, response, _next) =>
    void response.status(error.status).send("the app's own error page");
  app.use(onError);
  return app;
}

describe("an Express app", () => {
  it("serves a file below a wildcard, under its decoded name", async () => {
    await using server = await listen(application());
    const response = await fetch(`${server.url}/files/folder/%C3%A9t%C3%A9.txt`);
    expect(await response.text()).toBe("summer");
    expect(response.headers.get("content-disposition")).toBe(
      `attachment; filename="ete.txt"; filename*=UTF-8''%C3%A9t%C3%A9.txt`,
    );
  });

  it.each(["missing.txt", "%2e%2e/secret", "folder", "folder%00"])("leaves %s to its own 404", async (name) => {
    await using server = await listen(application());
    const response = await fetch(`${server.url}/files/${name}`);
    expect([response.status, await response.text()]).toEqual([404, "the app's own 404"]);
  });

  it("hears of errors in its own error handler, with their status", async () => {
    await using server = await listen(application());
    const answers = await Promise.all(["/forbidden", "/upstream"].map((url) => fetch(server.url + url)));
    expect(answers.map(({ status }) => status)).toEqual([403, 504]);
    expect(await answers[0]?.text()).toBe("the app's own error page");
  });

  it("keeps what its middleware set", async () => {
    await using server = await listen(application());
    const response = await fetch(`${server.url}/files/folder/%C3%A9t%C3%A9.txt`);
    expect(response.headers.getSetCookie()).toEqual(["session=1; Path=/"]);
  });

  it("answers HEAD, OPTIONS and 405 for a view on all methods", async () => {
    await using server = await listen(application());
    const [head, options, put] = await Promise.all(
      ["HEAD", "OPTIONS", "PUT"].map((method) => fetch(`${server.url}/all`, { method })),
    );
    expect([head?.status, head?.headers.get("content-length")]).toEqual([200, "1"]);
    expect([options?.status, options?.headers.get("allow")]).toEqual([204, "GET, HEAD, OPTIONS"]);
    expect(put?.status).toBe(405);
  });

  it("gives views its own request", async () => {
    await using server = await listen(application());
    expect(await (await fetch(`${server.url}/query?q=mine`)).text()).toBe("mine");
  });

  it("sends a download from an ordinary handler", async () => {
    await using server = await listen(application());
    const response = await fetch(`${server.url}/send`, { headers: { range: "bytes=1-2" } });
    expect([response.status, await response.text()]).toEqual([206, "en"]);
  });

  it("sends a status other than 200 without ranges", async () => {
    await using server = await listen(application());
    const response = await fetch(`${server.url}/status`, { headers: { range: "bytes=0-0" } });
    expect([response.status, await response.text()]).toEqual([403, "x"]);
  });
});
