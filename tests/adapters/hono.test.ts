import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { MemoryStorage, PermissionDeniedError, StorageDownloadView, download } from "downloadview";
import { send, toHonoHandler } from "downloadview/hono";
import { beforeAll, describe, expect, it } from "vitest";
import type { AddressInfo } from "node:net";
import { once } from "node:events";

const storage = new MemoryStorage();
beforeAll(async () => {
  await storage.save("folder/été.txt", "summer");
});

interface Bindings {
  Variables: { user: string };
}

function application(): Hono<Bindings> {
  const app = new Hono<Bindings>();
  app.use(async (c, next) => {
    c.set("user", "ada");
    await next();
    c.header("X-After", "kept");
  });
  app.get("/files/:path{.+}", toHonoHandler(StorageDownloadView.asView({ storage })));
  app.get(
    "/user",
    toHonoHandler<Bindings>(async (_request, { native }) => download(native.get("user"), { name: "user.txt" })),
  );
  app.get(
    "/forbidden",
    toHonoHandler(async () => Promise.reject(new PermissionDeniedError())),
  );
  app.get("/send", (c) => send(c, download("sent", { name: "sent.txt" })));
  app.notFound((c) => c.text("the app's own 404", 404));
  return app;
}

describe("a Hono app", () => {
  it("serves a file, and keeps what its middleware adds afterwards", async () => {
    const response = await application().request("/files/folder/%C3%A9t%C3%A9.txt");
    expect(await response.text()).toBe("summer");
    expect(response.headers.get("x-after")).toBe("kept");
  });

  it.each(["missing.txt", "%2e%2e%2fsecret", "folder", "%00"])("leaves %s to its own 404", async (name) => {
    const response = await application().request(`/files/${name}`);
    expect([response.status, await response.text()]).toEqual([404, "the app's own 404"]);
  });

  it("answers errors with their status where it has no handler of its own", async () => {
    expect((await application().request("/forbidden")).status).toBe(403);
  });

  it("gives its errors to onError", async () => {
    const app = application();
    app.onError((error, c) => c.text(error.name, 418));
    expect(await (await app.request("/forbidden")).text()).toBe("PermissionDeniedError");
  });

  it("gives views its own context, with its variables", async () => {
    expect(await (await application().request("/user")).text()).toBe("ada");
  });

  it("sends a download from an ordinary handler", async () => {
    const response = await application().request("/send", { headers: { range: "bytes=1-2" } });
    expect([response.status, await response.text()]).toEqual([206, "en"]);
  });

  it("keeps lengths and ranges on a real socket", async () => {
    const server = serve({ fetch: application().fetch, port: 0, hostname: "127.0.0.1" });
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/files/folder/%C3%A9t%C3%A9.txt`;
    const [get, head, range] = await Promise.all([
      fetch(url),
      fetch(url, { method: "HEAD" }),
      fetch(url, { headers: { range: "bytes=-3" } }),
    ]);
    expect([get.headers.get("content-length"), await get.text()]).toEqual(["6", "summer"]);
    expect([head.headers.get("content-length"), await head.text()]).toEqual(["6", ""]);
    expect([range.headers.get("content-range"), await range.text()]).toEqual(["bytes 3-5/6", "mer"]);
    server.close();
  });
});
