import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { Hono, type Context } from "hono";
import { afterEach, describe, expect, it } from "vitest";
import { toExpressHandler } from "../../src/adapters/express.ts";
import { toFetchHandler } from "../../src/adapters/fetch.ts";
import { toHonoHandler } from "../../src/adapters/hono.ts";
import { MemorySelections, selections, type Selections, type SelectionStore } from "../../src/archive/index.ts";
import { PermissionDeniedError, VirtualFile, type DownloadRequest } from "../../src/index.ts";

const lastModified = new Date("2026-01-02T03:04:05Z");

/** A store of an application's own: each call takes a while, as a database does. */
function slowStore(): SelectionStore {
  const kept = new Map<string, readonly string[]>();
  const aWhile = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    add: async (selection, ids) => {
      await aWhile();
      kept.set(selection, ids);
    },
    get: async (selection) => {
      await aWhile();
      return kept.get(selection);
    },
  };
}

/** The user of a request may have the files whose names begin with the user's. */
function archivesOf<C>(store: SelectionStore, getIds: (native: C) => string[] | Promise<string[]>): Selections<C> {
  return selections<C>({
    store,
    filename: "Selected.zip",
    getIds: (_, { native }) => getIds(native),
    getUrl: (selection) => `/selections/${selection}`,
    getEntries: (ids, request) => ids.map((id) => ({ name: `${id}.txt`, file: fileOf(id, request) })),
  });
}

function fileOf(id: string, request: DownloadRequest): VirtualFile {
  if (!id.startsWith(request.headers.get("X-User") ?? "?")) throw new PermissionDeniedError();
  return new VirtualFile(id.repeat(100), { lastModified });
}

/** What a client asks, whatever is behind it. */
type Ask = (path: string, init?: RequestInit) => Promise<Response>;

let server: Server | undefined;
afterEach(() => void server?.close());

async function onExpress(store: SelectionStore): Promise<Ask> {
  const { post, get } = archivesOf<express.Request>(store, ({ body }) => [body?.id ?? []].flat());
  const app = express();
  app.post("/selections", express.urlencoded({ extended: false }), toExpressHandler(post));
  app.get("/selections/:selection", toExpressHandler(get));
  server = createServer(app).listen(0, "127.0.0.1");
  await new Promise((resolve) => server?.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  return (path, init) => fetch(`http://127.0.0.1:${port}${path}`, init);
}

async function onHono(store: SelectionStore): Promise<Ask> {
  const { post, get } = archivesOf<Context>(store, async ({ req }) =>
    [(await req.parseBody({ all: true }))["id"]].flat().map(String),
  );
  const app = new Hono();
  app.post("/selections", toHonoHandler(post));
  app.get("/selections/:selection", toHonoHandler(get));
  return async (path, init) => app.request(path, init);
}

async function onFetch(store: SelectionStore): Promise<Ask> {
  const { post, get } = archivesOf<Request>(store, async (native) =>
    (await native.formData()).getAll("id").map(String),
  );
  return async (path, init) => {
    const request = new Request(`http://localhost${path}`, init);
    if (path === "/selections") return toFetchHandler(post)(request);
    return toFetchHandler(get)(request, { params: { selection: path.slice("/selections/".length) } });
  };
}

describe.each([
  ["Express", onExpress],
  ["Hono", onHono],
  ["fetch", onFetch],
])("a selection on %s", (_, begin) => {
  it.each([
    ["in memory", () => new MemorySelections()],
    ["in a store of the application's", slowStore],
  ])("that is kept %s is one archive that resumes, for those who may have it now", async (__, makeStore) => {
    const ask = await begin(makeStore());
    const user = { "X-User": "ann" };
    const body = new URLSearchParams([
      ["id", "ann-1"],
      ["id", "ann-2"],
    ]);
    const posted = await ask("/selections", { method: "POST", body, redirect: "manual" });
    expect(posted.status).toBe(303);
    const url = posted.headers.get("Location")!;

    const whole = await ask(url, { headers: user });
    expect(whole.headers.get("Content-Disposition")).toContain("Selected.zip");
    const bytes = Buffer.from(await whole.arrayBuffer());
    expect(bytes.byteLength).toBe(Number(whole.headers.get("Content-Length")));

    const resume = { Range: "bytes=100-", "If-Range": whole.headers.get("ETag")! };
    const rest = await ask(url, { headers: { ...user, ...resume } });
    expect(rest.status).toBe(206);
    expect(Buffer.from(await rest.arrayBuffer()).equals(bytes.subarray(100))).toBe(true);

    // The URL is no permission: neither for another user, nor for the rest of what that user has in part.
    for (const init of [{}, { method: "HEAD" }, { headers: resume }]) {
      const headers = { ...init.headers, "X-User": "bob" };
      expect((await ask(url, { ...init, headers })).status).toBe(403);
    }
    expect((await ask(`${url}0`, { headers: user })).status).toBe(404);
  });
});
