import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { pathParams, toNodeHandler } from "../../src/adapters/node/index.ts";
import { crossOrigin, PathDownloadView } from "../../src/index.ts";
import { requires } from "../support/requires.ts";
import { listen } from "../support/sockets.ts";

const executablePath = "/usr/bin/chromium";
const modules = fileURLToPath(new URL("../frameworks/node_modules/", import.meta.url));
const scripts = [
  "pdfjs-dist/legacy/build/pdf.min.mjs",
  "pdfjs-dist/legacy/build/pdf.worker.min.mjs",
  "axios/dist/axios.min.js",
].map((name) => join(modules, name));
const present =
  requires(() => existsSync(executablePath), "apt-get install chromium") &&
  requires("ffmpeg", "apt-get install ffmpeg") &&
  requires(() => scripts.every((path) => existsSync(path)), "npm ci --prefix tests/frameworks");

interface Asked {
  readonly method: string;
  readonly range: string | undefined;
  status: number;
}

describe.runIf(present)("a page of another origin, in Chromium,", { timeout: 60_000 }, () => {
  let root: string;
  let files: Awaited<ReturnType<typeof listen>>;
  let pages: Awaited<ReturnType<typeof listen>>;
  let strangers: Awaited<ReturnType<typeof listen>>;
  let browser: Browser;
  let page: Page;
  /** What the server of the files was asked, request by request. */
  let asked: Asked[];

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "cross-origin-"));
    await writeFile(join(root, "Plan für 2027.txt"), "0123456789");
    await writeFile(join(root, "long.pdf"), manyPages(40));
    makeVideo(join(root, "red.webm"));
    [pages, strangers] = [await listen(site), await listen(site)];
    const shared = crossOrigin({ origins: [pages.url], credentials: true, allowedHeaders: ["Authorization"] });
    const handler = toNodeHandler(shared(PathDownloadView.asView({ root })), { params: pathParams });
    files = await listen((request, response) => {
      const entry: Asked = { method: request.method ?? "", range: request.headers.range, status: 0 };
      asked.push(entry);
      response.on("close", () => (entry.status = response.statusCode));
      void handler(request, response);
    });
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-quic"] });
  });
  afterAll(async () => {
    await browser?.close();
    for (const server of [files, pages, strangers]) await server?.[Symbol.asyncDispose]();
    await rm(root, { recursive: true });
  });
  beforeEach(async () => {
    asked = [];
    page = await (await browser.newContext()).newPage();
    await page.goto(pages.url);
  });
  afterEach(() => page.context().close());

  const urlOf = (name: string): string => `${files.url}/${encodeURIComponent(name)}`;

  it("reads the name, the length and the tag of a download by fetch, with credentials", async () => {
    const told = await page.evaluate(
      `fetch(${JSON.stringify(urlOf("Plan für 2027.txt"))}, { credentials: "include" }).then(async (response) => ({
        ...Object.fromEntries(response.headers), body: await response.text(),
      }))`,
    );
    expect(told).toMatchObject({
      "content-disposition": `attachment; filename="Plan fur 2027.txt"; filename*=UTF-8''Plan%20f%C3%BCr%202027.txt`,
      "content-length": "10",
      "accept-ranges": "bytes",
      etag: expect.stringMatching(/^(W\/)?"/) as string,
      body: "0123456789",
    });
  });

  it("revalidates and asks for a part, after a preflight", async () => {
    const told = await page.evaluate(`(async (url) => {
      const { headers } = await fetch(url, { cache: "no-store" });
      const tag = headers.get("ETag");
      const unchanged = await fetch(url, { cache: "no-store", headers: { "If-None-Match": tag, Authorization: "Bearer 42" } });
      const part = await fetch(url, { cache: "no-store", headers: { Range: "bytes=2-4", "If-Range": tag } });
      return [unchanged.status, part.status, part.headers.get("Content-Range"), await part.text()];
    })(${JSON.stringify(urlOf("Plan für 2027.txt"))})`);
    expect(told).toEqual([304, 206, "bytes 2-4/10", "234"]);
    expect(asked.filter(({ method }) => method === "OPTIONS").map(({ status }) => status)).not.toContain(403);
    expect(asked.some(({ method }) => method === "OPTIONS")).toBe(true);
  });

  it("learns that a file is missing, rather than that something failed", async () => {
    expect(await page.evaluate(`fetch(${JSON.stringify(urlOf("missing"))}).then(({ status }) => status)`)).toBe(404);
  });

  it("reads the name by axios, with a bearer token", async () => {
    await page.addScriptTag({ url: `${pages.url}/axios.min.js` });
    const told = await page.evaluate(`axios.get(${JSON.stringify(urlOf("Plan für 2027.txt"))}, {
      responseType: "blob", withCredentials: true, headers: { Authorization: "Bearer 42" },
    }).then(({ data, headers }) => [data.size, headers["content-disposition"]])`);
    expect(told).toEqual([10, expect.stringContaining("filename*=UTF-8''Plan%20f%C3%BCr%202027.txt") as string]);
  });

  it("shows a page in the middle of a PDF by PDF.js, of which it reads a part alone", async () => {
    const size = (await readFile(join(root, "long.pdf"))).byteLength;
    const text = await page.evaluate(`(async (url) => {
      const pdf = await import("/pdf.min.mjs");
      pdf.GlobalWorkerOptions.workerSrc = "/pdf.worker.min.mjs";
      const document = await pdf.getDocument({ url, disableAutoFetch: true, disableStream: true }).promise;
      const content = await (await document.getPage(20)).getTextContent();
      return [document.numPages, content.items.map(({ str }) => str).join("")];
    })(${JSON.stringify(urlOf("long.pdf"))})`);
    expect(text).toEqual([40, "Page 20"]);
    const ranges = asked.filter(({ range, status }) => range !== undefined && status === 206);
    expect(ranges.length).toBeGreaterThan(0);
    const read = ranges.map(({ range }) => /bytes=(\d+)-(\d+)/.exec(range ?? "") ?? []);
    expect(read.reduce((sum, [, first, last]) => sum + Number(last) - Number(first) + 1, 0)).toBeLessThan(size / 2);
  });

  it("reads the pixels of a video with crossorigin", async () => {
    const [red, green] = (await page.evaluate(pixelOfVideo, urlOf("red.webm"))) as [number, number];
    expect(red).toBeGreaterThan(200);
    expect(green).toBeLessThan(50);
  });

  describe("that is not listed", () => {
    beforeEach(() => page.goto(strangers.url));

    it.each([
      ["reads nothing by fetch", "{}"],
      ["reads nothing with its visitor's cookies", '{ credentials: "include" }'],
      ["gets no answer to a preflight", '{ headers: { "If-None-Match": "*" } }'],
    ])("%s", async (_, init) => {
      const url = JSON.stringify(urlOf("long.pdf"));
      expect(await page.evaluate(`fetch(${url}, ${init}).then(() => "read", () => "refused")`)).toBe("refused");
    });

    it("plays no video with crossorigin", async () => {
      expect(await page.evaluate(pixelOfVideo, urlOf("red.webm"))).toBe("error");
    });
  });
});

/** A site with an empty page, and the libraries that its pages use. */
const site: RequestListener = (request, response) => {
  const script = scripts.find((path) => basename(path) === request.url?.slice(1));
  if (script === undefined) return void response.setHeader("Content-Type", "text/html").end("<!doctype html><p>Page");
  response.setHeader("Content-Type", "text/javascript");
  readFile(script).then(
    (bytes) => response.end(bytes),
    () => response.writeHead(404).end(),
  );
};

/** Runs in the page: the first pixel of a video, or that it can't be played. */
function pixelOfVideo(url: string): Promise<number[] | string> {
  interface Video extends EventTarget {
    crossOrigin: string;
    src: string;
    muted: boolean;
    currentTime: number;
  }
  interface Canvas {
    getContext(kind: string): {
      drawImage(video: Video, x: number, y: number): void;
      getImageData(x: number, y: number, width: number, height: number): { data: Iterable<number> };
    };
  }
  const { document } = globalThis as unknown as { document: { createElement(name: string): unknown } };
  const video = document.createElement("video") as Video;
  video.crossOrigin = "use-credentials";
  video.muted = true;
  return new Promise((resolve) => {
    video.addEventListener("error", () => resolve("error"));
    video.addEventListener("loadeddata", () => (video.currentTime = 0.5));
    video.addEventListener("seeked", () => {
      const canvas = (document.createElement("canvas") as Canvas).getContext("2d");
      canvas.drawImage(video, 0, 0);
      resolve([...canvas.getImageData(0, 0, 1, 1).data]);
    });
    video.src = url;
  });
}

function makeVideo(path: string): void {
  const source = "color=red:size=64x64:rate=10:duration=1";
  execFileSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", source, "-c:v", "libvpx", path]);
}

/** A PDF with a page of 64 KiB for each number, so that a reader has something to leave out. */
function manyPages(count: number): Buffer {
  const numbers = Array.from({ length: count }, (_, at) => at + 1);
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    `<< /Type /Pages /Count ${count} /Kids [${numbers.map((n) => `${n + 3} 0 R`).join(" ")}] >>`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ...numbers.map(
      (n) =>
        `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents ${count + n + 3} 0 R ` +
        "/Resources << /Font << /F1 3 0 R >> >> >>",
    ),
    ...numbers.map((n) => streamOf(`BT /F1 24 Tf 20 100 Td (Page ${n}) Tj ET ${" ".repeat(64 * 1024)}`)),
  ];
  let text = "%PDF-1.7\n";
  const offsets = objects.map((object, at) => {
    const offset = text.length;
    text += `${at + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(offset).padStart(10, "0")} 00000 n \n`;
  });
  const start = text.length;
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${offsets.join("")}`;
  text += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${start}\n%%EOF\n`;
  return Buffer.from(text, "latin1");
}

function streamOf(content: string): string {
  return `<< /Length ${content.length} >>\nstream\n${content}\nendstream`;
}
