import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import express from "express";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { toExpressHandler } from "../../src/adapters/express.ts";
import { PathDownloadView } from "../../src/index.ts";
import { signatureRequired, URLSigner, type GrantKind } from "../../src/signing/index.ts";
import { requires } from "../support/requires.ts";
import { listen } from "../support/sockets.ts";

const executablePath = "/usr/bin/chromium";
const hls = fileURLToPath(new URL("../frameworks/node_modules/hls.js/dist/hls.min.js", import.meta.url));
const present =
  requires(() => existsSync(executablePath), "apt-get install chromium") &&
  requires("ffmpeg", "apt-get install ffmpeg") &&
  requires(() => existsSync(hls), "npm ci --prefix tests/frameworks");

/** What a page that plays a video came to. */
interface Played {
  readonly ended: boolean;
  /** The status that the player was refused with. */
  readonly refused: number | undefined;
}

describe.runIf(present)("a page that plays HLS with hls.js, in Chromium,", { timeout: 60_000 }, () => {
  const signer = new URLSigner({ secrets: "0123456789abcdef0123456789abcdef" });
  let root: string;
  let server: Awaited<ReturnType<typeof listen>>;
  let browser: Browser;
  let page: Page;
  /** The paths below /videos that were asked for, with the status of each. */
  let asked: [path: string, status: number][];

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "grants-"));
    await makeVideo(join(root, "4"));
    await cp(join(root, "4"), join(root, "42"), { recursive: true });
    server = await listen(site());
    browser = await chromium.launch({
      executablePath,
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--autoplay-policy=no-user-gesture-required"],
    });
  });

  afterAll(async () => {
    await browser.close();
    await server[Symbol.asyncDispose]();
    await rm(root, { recursive: true });
  });

  beforeEach(async () => {
    asked = [];
    const context = await browser.newContext();
    page = await context.newPage();
  });
  afterEach(() => page.context().close());

  function site(): express.Express {
    const app = express();
    app.get("/hls.js", (_, response) => response.sendFile(hls));
    // A page behind a login, which hands out the grant.
    app.get("/watch/:id", async (request, response) => {
      if (request.query["as"] === "cookie") {
        const { setCookie } = await signer.grant(`/videos/${request.params.id}`, { expiresIn: 60 });
        response.append("Set-Cookie", setCookie);
      }
      response.type("html").send('<!doctype html><video muted></video><script src="/hls.js"></script>');
    });
    app.use("/videos", (request, response, next) => {
      const { path } = request;
      response.on("finish", () => asked.push([path, response.statusCode]));
      next();
    });
    const view = PathDownloadView.asView({ root, attachment: false });
    app.get("/videos/*path", toExpressHandler(signatureRequired(view, { signer, prefixes: true })));
    app.use(((error, _request, response, _next) => {
      response.sendStatus(error.status ?? 500);
    }) as express.ErrorRequestHandler);
    return app;
  }

  /** Opens the page of one video, and plays a playlist, with a query on each of its URLs if there is one. */
  async function play(as: GrantKind, playlist: string, query = ""): Promise<Played> {
    // Not by its address: Chromium keeps a Secure cookie of http://localhost.
    await page.goto(`${server.url.replace("127.0.0.1", "localhost")}/watch/4?as=${as}`);
    return page.evaluate(playInPage, { playlist, query });
  }

  it.each<GrantKind>(["cookie", "path", "query"])(
    "gets a playlist with all its segments by one grant in the %s",
    async (as) => {
      const grant = await signer.grant("/videos/4", { as, expiresIn: 60 });
      const url = as === "path" ? `${grant.url}index.m3u8` : "/videos/4/index.m3u8";
      expect(await play(as, url, "query" in grant ? grant.query : "")).toEqual({ ended: true, refused: undefined });
      const files = asked.map(([path]) => path.replace(/g1\.[^/]+\//, ""));
      expect(new Set(files)).toEqual(
        new Set(["/4/index.m3u8", "/4/low/index.m3u8", "/4/low/0.ts", "/4/low/1.ts", "/4/low/2.ts"]),
      );
      expect(new Set(asked.map(([, status]) => status))).toEqual(new Set([200]));
    },
  );

  it.each<GrantKind>(["cookie", "path", "query"])(
    "gets nothing of /videos/42 by the grant for /videos/4 in the %s",
    async (as) => {
      const grant = await signer.grant("/videos/4", { as, expiresIn: 60 });
      const url = as === "path" ? `${grant.url.replace("/4/", "/42/")}index.m3u8` : "/videos/42/index.m3u8";
      expect(await play(as, url, "query" in grant ? grant.query : "")).toEqual({ ended: false, refused: 403 });
    },
  );

  it("gets nothing without a grant", async () => {
    expect(await play("path", "/videos/4/index.m3u8")).toEqual({ ended: false, refused: 403 });
  });
});

/** Six seconds in segments of two, in a folder of their own: a player has to resolve relative URLs twice. */
async function makeVideo(folder: string): Promise<void> {
  await mkdir(join(folder, "low"), { recursive: true });
  const source = "testsrc=size=160x90:rate=10:duration=6";
  const coding = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "20", "-sc_threshold", "0"];
  const segments = [
    "-hls_time",
    "2",
    "-hls_playlist_type",
    "vod",
    "-hls_segment_filename",
    join(folder, "low", "%d.ts"),
  ];
  const output = join(folder, "low", "index.m3u8");
  execFileSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", source, ...coding, "-f", "hls", ...segments, output]);
  const variant = "#EXT-X-STREAM-INF:BANDWIDTH=100000,RESOLUTION=160x90\nlow/index.m3u8\n";
  await writeFile(join(folder, "index.m3u8"), `#EXTM3U\n${variant}`);
}

interface HLSPlayer {
  loadSource(url: string): void;
  attachMedia(video: unknown): void;
  on(event: string, listener: (event: string, data: { fatal: boolean; response?: { code: number } }) => void): void;
}

/** Runs in the page. */
function playInPage({ playlist, query }: { playlist: string; query: string }): Promise<Played> {
  const { Hls, document } = globalThis as unknown as {
    Hls: new (options: object) => HLSPlayer;
    document: { querySelector(selector: string): EventTarget & { playbackRate: number; play(): Promise<void> } };
  };
  const video = document.querySelector("video");
  const withQuery = (request: { open(method: string, url: string, async: boolean): void }, url: string): void =>
    request.open("GET", url + (query === "" ? "" : `?${query}`), true);
  const player = new Hls({ xhrSetup: withQuery });
  return new Promise((resolve) => {
    video.addEventListener("ended", () => resolve({ ended: true, refused: undefined }));
    player.on("hlsError", (_, { fatal, response }) => {
      if (fatal) resolve({ ended: false, refused: response?.code });
    });
    player.loadSource(playlist);
    player.attachMedia(video);
    video.playbackRate = 4;
    void video.play();
  });
}
