import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { printedUrl, startProcess } from "./demo-process.ts";

let dataDir: string;
beforeEach(async () => void (dataDir = await mkdtemp(join(tmpdir(), "downloadview-demo-"))));
afterEach(() => rm(dataDir, { recursive: true }));

// A process of its own has to compile everything first, which takes a busy machine a while.
describe("npm start", { timeout: 60_000 }, () => {
  it("prints where the demo is, and ends on Ctrl-C with a download under way", async () => {
    const demo = startProcess("main.ts", { PORT: "0", DATA_DIR: dataDir });
    const exited = once(demo, "exit");
    const url = await printedUrl(demo);
    expect((await fetch(url)).status).toBe(200);
    const download = await fetch(`${url}/documents/weather?line=slow`);
    demo.kill("SIGINT");
    expect(await exited).toEqual([0, null]);
    await expect(download.arrayBuffer()).rejects.toThrow();
  });

  it.each([
    ["start", "demo/main.ts"],
    ["demo:nginx", "demo/behind-nginx.ts"],
  ])("runs with the package as its users get it: npm run %s", async (script, file) => {
    const cwd = fileURLToPath(new URL("../..", import.meta.url));
    const { scripts } = JSON.parse(await readFile(join(cwd, "package.json"), "utf8"));
    const tsconfig = "demo/tsconfig.json";
    // One command, so that the signals that npm passes on reach the server.
    expect(scripts[script]).toBe(`tsx --tsconfig ${tsconfig} ${file}`);
    expect(scripts[`pre${script}`]).toBe("tsx scripts/build-if-changed.ts");
    const resolve = 'console.log(import.meta.resolve("downloadview/express"))';
    const { stdout } = spawnSync(
      process.execPath,
      ["--import", "tsx", "--input-type=module", "--eval", resolve],
      // What `tsx --tsconfig` sets.
      { cwd, encoding: "utf8", env: { ...process.env, TSX_TSCONFIG_PATH: tsconfig } },
    );
    expect(stdout).toBe(`${new URL("../../dist/adapters/express.js", import.meta.url).href}\n`);
  });

  it("says so when the port that it is told is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const demo = startProcess("main.ts", { PORT: String(port), DATA_DIR: dataDir });
    let errors = "";
    demo.stderr?.on("data", (chunk: Buffer) => (errors += String(chunk)));
    const [code] = await once(demo, "exit");
    expect(code).toBe(1);
    expect(errors).toBe(`Port ${port} is taken. Choose another: PORT=3001 npm start\n`);
    other.close();
  });

  it("says what is wrong with a PORT that is no port", async () => {
    const demo = startProcess("main.ts", { PORT: "abc", DATA_DIR: dataDir });
    let errors = "";
    demo.stderr?.on("data", (chunk: Buffer) => (errors += String(chunk)));
    const [code] = await once(demo, "exit");
    expect(code).toBe(1);
    expect(errors).toBe('PORT must be a number from 0 to 65535, got "abc"\n');
  });
});
