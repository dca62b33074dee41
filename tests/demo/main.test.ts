import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const main = new URL("../../demo/main.ts", import.meta.url).pathname;

let dataDir: string;
beforeEach(async () => void (dataDir = await mkdtemp(join(tmpdir(), "downloadview-demo-"))));
afterEach(() => rm(dataDir, { recursive: true }));

function start(env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, ["--import", "tsx", main], { env: { ...process.env, DATA_DIR: dataDir, ...env } });
}

async function printedUrl(demo: ChildProcess): Promise<string> {
  let printed = "";
  for await (const chunk of demo.stdout ?? []) {
    printed += String(chunk);
    const [url] = /http:\/\/localhost:\d+/.exec(printed) ?? [];
    if (url) return url;
  }
  throw new Error(`It printed no URL: ${printed}`);
}

// A process of its own has to compile everything first, which takes a busy machine a while.
describe("npm start", { timeout: 60_000 }, () => {
  it("prints where the demo is, and ends on Ctrl-C with a download under way", async () => {
    const demo = start({ PORT: "0" });
    const exited = once(demo, "exit");
    const url = await printedUrl(demo);
    expect((await fetch(url)).status).toBe(200);
    const download = await fetch(`${url}/documents/weather?line=slow`);
    demo.kill("SIGINT");
    expect(await exited).toEqual([0, null]);
    await expect(download.arrayBuffer()).rejects.toThrow();
  });

  it("says so when the port that it is told is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const demo = start({ PORT: String(port) });
    let errors = "";
    demo.stderr?.on("data", (chunk: Buffer) => (errors += String(chunk)));
    const [code] = await once(demo, "exit");
    expect(code).toBe(1);
    expect(errors).toContain("EADDRINUSE");
    other.close();
  });
});
