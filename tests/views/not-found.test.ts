import { mkdir, symlink } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import express from "express";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  HTTPDownloadView,
  MemoryStorage,
  ObjectDownloadView,
  PathDownloadView,
  StorageDownloadView,
  type DownloadHandler,
} from "downloadview";
import { toExpressHandler } from "downloadview/express";
import { toNodeHandler } from "downloadview/node";
import { temporaryStorage, type TemporaryStorage } from "downloadview/testing";
import { respond } from "./respond.ts";

/** Whatever the reason why there is no file, a client is told the same, so that it learns nothing from the difference. */

let outer: TemporaryStorage;
let root: string;
beforeAll(async () => {
  outer = await temporaryStorage();
  root = join(outer.root, "media");
  await mkdir(join(root, "folder"), { recursive: true });
  await outer.save("secret.txt", "SECRET");
  await outer.save("media/.env", "SECRET");
  await symlink(join(outer.root, "secret.txt"), join(root, "link.txt"));
});
afterAll(() => outer.dispose());

const storage = new MemoryStorage();
const path = (name?: string) => (): DownloadHandler => {
  return PathDownloadView.asView({ root, getPath: () => name });
};
const stored = (name?: string) => (): DownloadHandler => {
  return StorageDownloadView.asView({ storage, getPath: () => name });
};
const object = (found: object | null) => (): DownloadHandler => {
  return ObjectDownloadView.asView({ storage, getObject: async () => found, model: { findOne: () => null } });
};
const upstream = (status: number) => (): DownloadHandler => {
  const answer = async (): Promise<Response> => new Response("theirs", { status, headers: { "X-Theirs": "yes" } });
  return HTTPDownloadView.asView({ url: "https://files.example/a.txt", getFetch: () => answer });
};

const reasons: [reason: string, make: () => DownloadHandler][] = [
  ["a path that isn't given", path()],
  ["an empty path", path("")],
  ["a missing file", path("missing.txt")],
  ["a path out of the root", path("../secret.txt")],
  ["a symlink out of the root", path("link.txt")],
  ["a dotfile", path(".env")],
  ["a folder", path("folder")],
  ["a NUL", path("a\0")],
  ["a name that isn't given", stored()],
  ["a missing name", stored("missing.txt")],
  ["a name that no storage takes", stored("../secret.txt")],
  ["no object", () => ObjectDownloadView.asView({ model: { findOne: () => null } })],
  ["an empty field", object({ file: null })],
  ["a field with a missing name", object({ file: "missing.txt" })],
  ["a field with a name that no storage takes", object({ file: "../secret.txt" })],
  ["an upstream's 404", upstream(404)],
  ["an upstream's 403", upstream(403)],
];

interface Told {
  status: number;
  headers: Record<string, string>;
  body: string;
}

async function told(response: Response): Promise<Told> {
  const headers = Object.fromEntries([...response.headers].filter(([name]) => name !== "date"));
  return { status: response.status, headers, body: await response.text() };
}

describe("every 404", () => {
  it.each(reasons)("for %s is the same Response", async (_, make) => {
    expect(await told(await respond(make()))).toEqual({
      status: 404,
      headers: {
        "cache-control": "no-store",
        "content-type": "text/plain; charset=utf-8",
        "x-content-type-options": "nosniff",
      },
      body: "Not Found\n",
    });
  });

  it.each(reasons)("for %s is the same to a HEAD", async (_, make) => {
    expect((await respond(make(), { method: "HEAD" })).status).toBe(404);
  });

  it("is the same over node:http, and Express's own in Express", async () => {
    const handlers = reasons.map(([, make]) => make());
    const at = (url = ""): DownloadHandler => handlers[Number(url.slice(1))] ?? expect.unreachable();
    const plain: RequestListener = (req, res) => void toNodeHandler(at(req.url))(req, res);
    const app = express();
    handlers.forEach((handler, index) => app.get(`/${index}`, toExpressHandler(handler)));
    app.use((_, res) => void res.status(404).type("text/plain").send("the app's own"));

    const answers = async (listener: RequestListener): Promise<Told[]> => {
      const server = createServer(listener).listen(0, "127.0.0.1");
      await new Promise((resolve) => server.once("listening", resolve));
      const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const all = await Promise.all(handlers.map(async (_, index) => told(await fetch(`${base}/${index}`))));
      server.close();
      server.closeAllConnections();
      return all;
    };
    const [first, ...others] = await answers(plain);
    expect(first).toMatchObject({ status: 404, body: "Not Found\n" });
    for (const other of others) expect(other).toEqual(first);
    for (const { status, body } of await answers(app)) expect([status, body]).toEqual([404, "the app's own"]);
  });
});
