import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { chromium, type Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { VirtualDownloadView, VirtualFile, type DownloadFile, type VirtualSource } from "downloadview";
import { toNodeHandler } from "downloadview/node";
import { requires } from "../support/requires.ts";

const executablePath = "/usr/bin/chromium";
const hasChromium = requires(() => existsSync(executablePath), "apt-get install chromium");

let version = 1;
let changed = false;
let generated = 0;

class PoemView extends VirtualDownloadView {
  override attachment = false;
  source: () => VirtualSource = () => () => {
    generated += 1;
    return [`version ${version}`];
  };
  override getFile(): DownloadFile {
    return new VirtualFile(this.source(), { name: "poem.txt" });
  }
  override wasModifiedSince(): Promise<boolean> {
    return Promise.resolve(changed);
  }
}

const handlers = {
  "/generator": PoemView.asView(),
  "/stream": PoemView.asView({ source: () => new Blob([`version ${version}`]).stream() }),
  "/blob": PoemView.asView({ source: () => new Blob([`version ${version}`]) }),
};

describe.runIf(hasChromium)("an overridden wasModifiedSince, in Chromium", { timeout: 60_000 }, () => {
  let browser: Browser;
  let server: Server;
  const seen: (readonly [url: string, status: number, asked: boolean])[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      const handler = handlers[request.url as keyof typeof handlers];
      if (!handler) return void response.writeHead(204).end();
      response.on("finish", () => {
        seen.push([request.url ?? "", response.statusCode, request.headers["if-modified-since"] !== undefined]);
      });
      return void toNodeHandler(handler)(request, response);
    });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--no-first-run"] });
  });
  afterAll(async () => {
    await browser.close();
    await new Promise((resolve) => void server.close(resolve));
  });

  it.each(Object.keys(handlers))("is asked about %s, whose first answer had no validator of its own", async (path) => {
    const page = await browser.newPage();
    const { port } = server.address() as AddressInfo;
    const show = async (): Promise<string> => {
      await page.goto(`http://127.0.0.1:${port}${path}`);
      return (await page.textContent("body")) ?? "";
    };
    [version, changed] = [1, false];
    seen.length = 0;
    expect(await show()).toBe("version 1");
    version = 2;
    // As the view says so, the copy is still fresh.
    expect(await show()).toBe("version 1");
    changed = true;
    expect(await show()).toBe("version 2");
    expect(seen).toEqual([
      [path, 200, false],
      [path, 304, true],
      [path, 200, true],
    ]);
    await page.close();
  });

  it("generated nothing for a 304", () => {
    expect(generated).toBe(2);
  });
});
