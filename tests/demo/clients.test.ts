import { execFile, spawn } from "node:child_process";
import { channel } from "node:diagnostics_channel";
import { mkdtemp, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { DownloadMessage } from "downloadview";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { seedsDir } from "../../demo/seed.ts";
import { requires } from "../support/requires.ts";
import { sha256, startDemo, type RunningDemo } from "./running-demo.ts";

const run = promisify(execFile);

let demo: RunningDemo;
beforeAll(async () => void (demo = await startDemo()));
afterAll(() => demo[Symbol.asyncDispose]());

/** A folder of its own for what a test downloads. */
let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(demo.scratchDir, "client-"))));

const unicodeName = "Grüße aus 東京 🗼.txt";
const seedSum = async (name: string): Promise<string> => sha256(await readFile(join(seedsDir, name)));
const weatherSum = async (): Promise<string> => sha256(await readFile(join(demo.dataDir, "files/object/weather.csv")));
const sumOf = async (name: string): Promise<string> => sha256(await readFile(join(folder, name)));

const endings = ["finish", "abort", "error"].map((stage) => channel(`downloadview:${stage}`));

type Outcome = readonly [range: string | null, status: number];

/** Tells `look` of each download that ends, until the function that it gives is called. */
function watchDownloads(look: (outcome: Outcome) => void): () => void {
  const onEnding = (message: unknown): void => {
    const { request, status } = message as DownloadMessage;
    look([request.headers.get("range"), status ?? 0]);
  };
  for (const ending of endings) ending.subscribe(onEnding);
  return () => {
    for (const ending of endings) ending.unsubscribe(onEnding);
  };
}

/** The ranges that are asked for while `act` runs, with what they are answered. */
async function rangesDuring(act: () => Promise<unknown>): Promise<Outcome[]> {
  const seen: Outcome[] = [];
  const unwatch = watchDownloads((outcome) => void seen.push(outcome));
  await act();
  unwatch();
  return seen;
}

/** Starts a client, and kills it when it has saved a part of the file, but not all. Returns when the server knows. */
async function breakOff(command: string, args: readonly string[], file: string): Promise<void> {
  const client = spawn(command, args, { cwd: folder, stdio: "ignore" });
  while ((await sizeOf(file)) < 1_000_000) await new Promise((resolve) => setImmediate(resolve));
  await new Promise<void>((resolve) => {
    const unwatch = watchDownloads(() => {
      unwatch();
      resolve();
    });
    client.kill("SIGKILL");
  });
}

const sizeOf = (file: string): Promise<number> =>
  stat(join(folder, file)).then(
    ({ size }) => size,
    () => 0,
  );

describe.runIf(requires("curl", "apt-get install curl"))("curl", () => {
  it("saves under the name that the server gives, in ASCII", async () => {
    await run("curl", ["-fsSOJ", `${demo.url}/documents/greetings`], { cwd: folder });
    expect(await readdir(folder)).toEqual(["Gru_e aus __ _.txt"]);
    expect(await sumOf("Gru_e aus __ _.txt")).toBe(await seedSum("greetings.txt"));
  });

  it("resumes what was broken off", async () => {
    await breakOff("curl", ["-sS", "-o", "weather.csv", `${demo.url}/documents/weather?line=slow`], "weather.csv");
    const had = await sizeOf("weather.csv");
    const url = `${demo.url}/documents/weather`;
    const ranges = await rangesDuring(() =>
      run("curl", ["-fsS", "-C", "-", "-o", "weather.csv", url], { cwd: folder }),
    );
    expect(ranges).toEqual([[`bytes=${had}-`, 206]]);
    expect(await sumOf("weather.csv")).toBe(await weatherSum());
  });

  it("is told that nothing is left of what it has", async () => {
    await run("curl", ["-fsSo", "hello.txt", `${demo.url}/virtual/text`], { cwd: folder });
    const args = ["-sS", "-C", "-", "-o", "hello.txt", "-w", "%{http_code}", `${demo.url}/virtual/text`];
    expect((await run("curl", args, { cwd: folder })).stdout).toBe("416");
    expect(await readFile(join(folder, "hello.txt"), "utf8")).toBe("Hello world!\n");
  });

  it("downloads only what changed", async () => {
    const args = ["-fsS", "--etag-save", "etag", "--etag-compare", "etag", "-o", "file", "-w", "%{http_code}"];
    const url = `${demo.url}/documents/mountain-lake`;
    // The demo has just made the file: what changed within the last second has a tag for the moment only.
    const hasPassingTag = async (): Promise<boolean> =>
      (await fetch(url, { method: "HEAD" })).headers.get("ETag")?.startsWith("W/") ?? true;
    while (await hasPassingTag());
    expect((await run("curl", [...args, url], { cwd: folder })).stdout).toBe("200");
    expect((await run("curl", [...args, url], { cwd: folder })).stdout).toBe("304");
    expect(await sumOf("file")).toBe(await seedSum("mountain-lake.png"));
  });

  it("uploads", async () => {
    const url = `${demo.url}/documents?name=lake.png`;
    const body = `@${join(seedsDir, "mountain-lake.png")}`;
    const { stdout } = await run("curl", ["-fsS", "--data-binary", body, url]);
    const { slug } = JSON.parse(stdout) as { slug: string };
    await run("curl", ["-fsSo", "lake.png", `${demo.url}/documents/${slug}`], { cwd: folder });
    expect(await sumOf("lake.png")).toBe(await seedSum("mountain-lake.png"));
  });
});

describe.runIf(requires("wget", "apt-get install wget"))("wget", () => {
  // Without a locale of UTF-8 wget writes the name's bytes percent-encoded.
  const env = { ...process.env, LC_ALL: "C.UTF-8" };

  it("saves under the name that the server gives, as it is", async () => {
    const args = ["-q", "--content-disposition", "--restrict-file-names=nocontrol", `${demo.url}/documents/greetings`];
    await run("wget", args, { cwd: folder, env });
    expect(await readdir(folder)).toEqual([unicodeName]);
    expect(await sumOf(unicodeName)).toBe(await seedSum("greetings.txt"));
  });

  it("resumes what was broken off", async () => {
    await breakOff("wget", ["-q", "-O", "weather", `${demo.url}/documents/weather?line=slow`], "weather");
    const had = await sizeOf("weather");
    const ranges = await rangesDuring(() =>
      run("wget", ["-q", "-c", `${demo.url}/documents/weather`], { cwd: folder }),
    );
    expect(ranges).toEqual([[`bytes=${had}-`, 206]]);
    expect(await sumOf("weather")).toBe(await weatherSum());
  });

  it("finds out with HEAD what a download would be", async () => {
    const { stderr } = await run("wget", ["--spider", "-S", `${demo.url}/documents/sunset`], { cwd: folder });
    expect(stderr).toContain("Content-Length: 2417069");
    expect(await readdir(folder)).toEqual([]);
  });
});

describe.runIf(requires("aria2c", "apt-get install aria2"))("aria2c", () => {
  const quiet = ["-q", "--no-conf", "--file-allocation=none"];

  it("puts a download together from segments that it fetches at once", async () => {
    const args = [...quiet, "-x4", "-s4", "-k1M", "-o", "weather.csv", `${demo.url}/documents/weather`];
    const ranges = await rangesDuring(() => run("aria2c", args, { cwd: folder }));
    expect(ranges.filter(([, status]) => status === 206).length).toBeGreaterThanOrEqual(3);
    expect(await sumOf("weather.csv")).toBe(await weatherSum());
  });

  it("checks the sum that another field of the object holds", async () => {
    const line = await (await fetch(`${demo.url}/object/another-file/sunset`)).text();
    const args = [...quiet, `--checksum=sha-256=${line.split(" ")[0]}`, `${demo.url}/object/default-file/sunset`];
    await run("aria2c", args, { cwd: folder });
    expect(await readdir(folder)).toEqual(["sunset.webm"]);
  });

  it("saves under the name that the server gives, as it is", async () => {
    await run("aria2c", [...quiet, "--content-disposition-default-utf8", `${demo.url}/documents/greetings`], {
      cwd: folder,
    });
    expect(await readdir(folder)).toEqual([unicodeName]);
  });
});
