import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defineConfig } from "../config/downloadview-config.ts";
import { MemoryStorage } from "../storages/memory-storage.ts";
import type { CheckResult } from "./check-result.ts";
import { diagnose } from "./diagnose.ts";
import { Examination } from "./examination.ts";
import { detours, guardedCheck } from "./guarded-check.ts";

const path = "/files/private.txt";
const file = "The private file.";

/** Which requests a server sends the file for, as a hole in front of one that asks for a cookie. */
type Hole = (request: IncomingMessage) => boolean;

const holes: readonly (readonly [what: string, hole: Hole, shown: string])[] = [
  ["no question at all", ({ url }) => url === path, `GET ${path}`],
  ["merged slashes", ({ url }) => url === `/${path}`, `GET /${path}`],
  ["dot segments", ({ url }) => url === "/files/./private.txt", "GET /files/./private.txt"],
  ["an encoded slash", ({ url }) => url === "/files%2fprivate.txt", "GET /files%2fprivate.txt"],
  ["an encoded letter", ({ url }) => url === "/files/%70rivate.txt", "GET /files/%70rivate.txt"],
  ["letters in any case", ({ url }) => url === path.toUpperCase(), `GET ${path.toUpperCase()}`],
  ["a path parameter", ({ url }) => url === `${path};x`, `GET ${path};x`],
  [
    "a field that names another URL",
    ({ url, headers }) => url === "/" && headers["x-original-url"] === path,
    `GET / with X-Original-URL: ${path}`,
  ],
  [
    "a field that names another method",
    ({ headers }) => headers["x-original-method"] === "OPTIONS",
    `GET ${path} with X-Original-Method: OPTIONS with X-Forwarded-Method: OPTIONS`,
  ],
];

describe("a guarded file", () => {
  let hole: Hole = () => false;
  const server = createServer((request, response) => {
    if (request.headers.cookie === "session=ada" && request.url === path) return response.end(file);
    if (hole(request)) return response.end(file);
    // A page for every URL, as single-page applications have.
    if (request.url?.startsWith("/files") !== true) return response.end("<!doctype html>");
    return response.writeHead(403).end("The private file is for others");
  });
  let proxy: string;
  beforeAll(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    proxy = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const config = defineConfig({
    backend: "none",
    rules: [],
    storages: { media: new MemoryStorage() },
    healthcheck: { url: "/healthcheck/", storage: "media" },
  });

  async function checked(credentials: Record<string, string> = { Cookie: "session=ada" }): Promise<CheckResult> {
    const exam = new Examination(config, { app: proxy, proxy, guarded: { path, credentials } });
    const finding = await guardedCheck.examine(exam);
    exam.close();
    return { check: "proxy-guarded", title: "", outcome: finding ? "fail" : "pass", ...finding };
  }

  it("is safe where every detour is refused, or answered with something else", async () => {
    hole = () => false;
    expect(await checked()).toMatchObject({ outcome: "pass" });
  });

  it.each(holes)("is had by %s", async (_what, its, shown) => {
    hole = its;
    const found = await checked();
    expect(found).toMatchObject({ outcome: "fail", side: "proxy", actual: `the file, for ${shown}` });
    expect(found.remedy).toContain("--auth-request");
    expect(JSON.stringify(found)).not.toContain("session=ada");
  });

  it("is not judged by credentials that do not open it", async () => {
    hole = () => false;
    const found = await checked({ Cookie: "session=wrong" });
    expect(found).toMatchObject({ outcome: "fail", actual: "403, 30 bytes" });
  });

  it("is examined only if it is named", async () => {
    const { results } = await diagnose(config, { app: "http://127.0.0.1:1" });
    expect(results.map(({ check }) => check)).not.toContain("proxy-guarded");
  });
});

it("each detour is a request that Node can send, and none is there twice", () => {
  const asked = detours("/a b/ü.txt".replace(" ", "%20").replace("ü", "%C3%BC")).map((one) => JSON.stringify(one));
  expect(new Set(asked).size).toBe(asked.length);
  for (const one of asked) expect(one).toMatch(/^[\x20-\x7e]+$/);
});
