import express from "express";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { toExpressHandler } from "../../src/adapters/express.ts";
import { toNodeHandler } from "../../src/adapters/node/index.ts";
import { PathDownloadView } from "../../src/index.ts";
import { issueTickets, signatureRequired, URLSigner } from "../../src/signing/index.ts";
import { requires } from "../support/requires.ts";
import { listen } from "../support/sockets.ts";

const executablePath = "/usr/bin/chromium";
const present = requires(() => existsSync(executablePath), "apt-get install chromium");
const secrets = "0123456789abcdef0123456789abcdef";
const size = 4 * 1024 * 1024;

describe.runIf(present)("in Chromium", { timeout: 60_000 }, () => {
  let root: string;
  let sum: string;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "signing-"));
    const bytes = Buffer.alloc(size, "downloadview");
    sum = sha256(bytes);
    await writeFile(join(root, "a.bin"), bytes);
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-quic"] });
  });
  afterAll(async () => {
    await browser.close();
    await rm(root, { recursive: true });
  });
  beforeEach(async () => void (page = await (await browser.newContext()).newPage()));
  afterEach(() => page.context().close());

  const view = () => PathDownloadView.asView({ root });

  describe("a page with a bearer token", () => {
    function site(): express.Express {
      const signer = new URLSigner({ secrets });
      const allow = ({ headers }: { headers: { get(name: string): string | null } }): boolean =>
        headers.get("authorization") === "Bearer 42" || headers.get("cookie")?.includes("session=42") === true;
      const tickets = issueTickets({ signer, allow });
      const app = express();
      app.get("/", (_, response) => void response.cookie("session", "42").type("html").send("<!doctype html><p>Page"));
      app.post("/files/*path", toExpressHandler(tickets));
      app.get("/files/*path", toExpressHandler(tickets.required(view())));
      app.use(((error, _request, response, _next) => {
        response.sendStatus(error.status ?? 500);
      }) as express.ErrorRequestHandler);
      return app;
    }

    it("navigates to a ticket, which works once", async () => {
      await using server = await listen(site());
      await page.goto(server.url);
      const url = await page.evaluate<string>(`fetch("/files/a.bin", {
        method: "POST", headers: { Authorization: "Bearer 42" },
      }).then((response) => response.json()).then(({ url }) => url)`);
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.evaluate(`location.href = ${JSON.stringify(url)}`),
      ]);
      expect(download.suggestedFilename()).toBe("a.bin");
      expect(sha256(await readFile(await download.path()))).toBe(sum);
      expect((await page.goto(server.url + url))?.status()).toBe(403);
    });

    it("of another site gets no ticket, with whatever cookie", async () => {
      await using server = await listen(site());
      const statuses: number[] = [];
      page.on("response", (response) => {
        if (response.request().method() === "POST") statuses.push(response.status());
      });
      // A page that has the cookie, and one of another site on the same server.
      await page.goto(server.url);
      await page.evaluate(`fetch("/files/a.bin", { method: "POST" })`);
      await page.goto(server.url.replace("127.0.0.1", "localhost"));
      const target = JSON.stringify(`${server.url}/files/a.bin`);
      await page.evaluate(`fetch(${target}, { method: "POST", mode: "no-cors", credentials: "include" })`);
      await page.evaluate(`{
        const form = document.createElement("form");
        form.method = "POST";
        form.action = ${target};
        document.body.append(form);
        form.submit();
      }`);
      await page.waitForURL("**/files/a.bin");
      expect(statuses).toEqual([200, 403, 403]);
    });
  });

  it("a download that breaks off goes on by itself after its link has expired", async () => {
    let now = Date.now();
    const clock = (): Date => new Date(now);
    const signer = new URLSigner({ secrets, expiresIn: 60, now: clock });
    const slow = PathDownloadView.asView({ root, path: "a.bin", limitRate: 2 * size });
    const handler = toNodeHandler(signatureRequired(slow, { signer, now: clock, resumeFor: 3600 }));
    const asked: (string | undefined)[] = [];
    const statuses: number[] = [];
    const listener: RequestListener = (request, response) => {
      if (!request.url?.startsWith("/a.bin")) return void response.end("<!doctype html><p>Page");
      asked.push(request.headers.range);
      response.on("close", () => statuses.push(response.statusCode));
      if (asked.length === 1) breakAfter(response, size / 2, () => (now += 61_000));
      void handler(request, response);
    };
    await using server = await listen(listener);
    await page.goto(server.url);
    const url = await signer.sign("/a.bin");
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.evaluate(`location.href = ${JSON.stringify(url)}`),
    ]);
    expect(sha256(await readFile(await download.path()))).toBe(sum);
    expect(asked[0]).toBeUndefined();
    expect(asked.at(-1)).toMatch(/^bytes=[1-9]\d*-/);
    expect(statuses.at(-1)).toBe(206);
    expect((await page.request.get(server.url + url)).status()).toBe(403);
  });
});

/** Breaks the connection after so many bytes of the response. */
function breakAfter(response: Parameters<RequestListener>[1], bytes: number, then: () => void): void {
  const { socket } = response;
  const timer = setInterval(() => {
    if ((socket?.bytesWritten ?? 0) < bytes) return;
    clearInterval(timer);
    then();
    socket?.destroy();
  }, 1);
  response.on("close", () => clearInterval(timer));
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
