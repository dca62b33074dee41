import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { download, ObjectDownloadView, StorageDownloadView, type DownloadHandler } from "downloadview";
import { ArchiveDownloadView } from "downloadview/archive";
import { toFetchHandler } from "downloadview/fetch";
import { toNodeHandler } from "downloadview/node";
import { describe, expect, it } from "vitest";
import { CursorFile, type Cursor } from "./cursor-file.ts";
import { TableStorage } from "./table-storage.ts";

const pages = ["Hello ", "from ", "a cursor"];

function cursor(closed: string[] = []): Cursor {
  const rest = [...pages];
  return {
    next: async () => {
      const page = rest.shift();
      return page === undefined ? undefined : new TextEncoder().encode(page);
    },
    close: async () => void closed.push("closed"),
  };
}

const storage = new TableStorage();
await storage.save("notes/a.txt", "0123456789");

const byCursor: DownloadHandler = async () => download(new CursorFile("a.txt", async () => cursor()));
const byStorage: DownloadHandler = StorageDownloadView.asView({ storage, path: "notes/a.txt" });

/** The same request by fetch and by a server of Node. */
const ways: readonly [string, (handler: DownloadHandler, init?: RequestInit) => Promise<Response>][] = [
  ["fetch", async (handler, init) => toFetchHandler(handler)(new Request("http://localhost/", init))],
  [
    "Node",
    async (handler, init) => {
      const server = createServer(toNodeHandler(handler)).listen(0, "127.0.0.1");
      await once(server, "listening");
      try {
        const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, init);
        const body = init?.method === "HEAD" || response.status === 304 ? null : await response.arrayBuffer();
        return new Response(body, response);
      } finally {
        server.closeAllConnections();
        server.close();
      }
    },
  ],
];

describe.each(ways)("a file of another package, by %s", (_, ask) => {
  it("is sent in chunks, without a length", async () => {
    const response = await ask(byCursor);
    expect([response.status, response.headers.get("Accept-Ranges")]).toEqual([200, null]);
    expect(await response.text()).toBe(pages.join(""));
  });

  it("is sent whole where a range is asked for, as it has none", async () => {
    const response = await ask(byCursor, { headers: { Range: "bytes=0-1" } });
    expect([response.status, await response.text()]).toEqual([200, pages.join("")]);
  });

  it("is 404 where it is missing", async () => {
    const missing: DownloadHandler = async () => download(new CursorFile("a.txt", async () => undefined));
    const answer = await ask(missing).then(
      ({ status }) => status,
      (error: { status: number }) => error.status,
    );
    expect(answer).toBe(404);
  });

  it("is closed after HEAD, GET and a 304", async () => {
    const opened: string[] = [];
    const closed: string[] = [];
    const handler: DownloadHandler = async () =>
      download(new CursorFile("a.txt", async () => (opened.push("opened"), cursor(closed)), { size: 19, etag: '"1"' }));
    expect((await ask(handler, { method: "HEAD" })).headers.get("Content-Length")).toBe("19");
    expect(opened).toEqual([]);
    expect(await (await ask(handler)).text()).toBe(pages.join(""));
    expect((await ask(handler, { headers: { "If-None-Match": '"1"' } })).status).toBe(304);
    expect(new Set(opened).size).toBe(1);
    expect(closed.length).toBeGreaterThanOrEqual(opened.length);
  });
});

describe.each(ways)("a storage of another package, by %s", (_, ask) => {
  it.each<[string, Record<string, string>, number, string]>([
    ["whole", {}, 200, "0123456789"],
    ["in part", { Range: "bytes=3-5" }, 206, "345"],
    ["at its end", { Range: "bytes=-2" }, 206, "89"],
    ["past its end", { Range: "bytes=10-" }, 416, ""],
    ["not, where the client has it", { "If-None-Match": '"1"' }, 304, ""],
    ["whole, where the client has another version", { Range: "bytes=3-5", "If-Range": '"0"' }, 200, "0123456789"],
  ])("is sent %s", async (_, headers, status, text) => {
    const response = await ask(byStorage, { headers });
    expect([response.status, await response.text()]).toEqual([status, text]);
  });

  it("is sent in several parts", async () => {
    const response = await ask(byStorage, { headers: { Range: "bytes=0-1,8-9" } });
    expect(response.status).toBe(206);
    expect(await response.text()).toMatch(/\r\n01\r\n[^]*\r\n89\r\n/);
  });

  it("has the file of an object, and members of an archive", async () => {
    const object = ObjectDownloadView.asView({ storage, getObject: () => ({ file: "notes/a.txt" }) });
    expect(await (await ask(object)).text()).toBe("0123456789");
    const archive = ArchiveDownloadView.asView({
      getEntries: () => [
        {
          name: "a.txt",
          file: { name: "a.txt", stat: () => storage.stat("notes/a.txt"), open: () => storage.open("notes/a.txt") },
        },
      ],
    });
    expect(await (await ask(archive)).text()).toContain("0123456789");
  });
});
