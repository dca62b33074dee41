import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runConfig } from "./config.ts";
import { runDoctor } from "./doctor.ts";
import { run } from "./run.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "downloadview-cli-"));
  const source = fileURLToPath(new URL("..", import.meta.url));
  await writeFile(
    join(folder, "downloadview.config.ts"),
    `import { defineConfig } from "${source}config/index.ts";
     import { nginx } from "${source}offload/nginx/index.ts";
     import { FileSystemStorage } from "${source}storages/file-system/file-system-storage.ts";
     interface Nothing { at: "run time" }
     const root: string = "${folder}/media";
     export default defineConfig({
       backend: nginx(),
       rules: [{ sourceDir: root, destinationUrl: "/_downloads/" }],
       storages: { media: new FileSystemStorage(root) },
       healthcheck: { url: "/healthcheck/", storage: "media" },
     });`,
  );
  await writeFile(join(folder, "named.mjs"), `export const config = { rules: [] };`);
  await writeFile(join(folder, "wrong.mjs"), `export const something = 1;`);
});
afterAll(() => rm(folder, { recursive: true }));

type Command = (args: readonly string[], io: Parameters<typeof run>[1], folder: string) => Promise<number>;

async function said(command: Command, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const ran = { out: "", err: "" };
  const io = {
    env: {},
    stdout: (text: string) => void (ran.out += text),
    stderr: (text: string) => void (ran.err += text),
  };
  return { code: await command(args, io, folder), ...ran };
}

describe("downloadview config", () => {
  it("checks a configuration that is there", async () => {
    const { out } = await said(runConfig, "nginx", "--locations");
    await writeFile(join(folder, "same.conf"), out);
    await writeFile(join(folder, "other.conf"), out.replace("internal;", "# internal;"));
    const check = (file: string): ReturnType<typeof said> => said(runConfig, "nginx", "--locations", "--check", file);
    expect(await check("same.conf")).toEqual({ code: 0, out: "", err: "" });
    expect(await check("other.conf")).toMatchObject({
      code: 1,
      out: expect.stringMatching(/Line \d+:\n- .*# internal;/),
    });
    expect(await check("missing.conf")).toMatchObject({ code: 2, out: "" });
  });

  it("writes a file, and leaves it as it is after an error", async () => {
    const { out } = await said(runConfig, "nginx", "--part");
    expect(await said(runConfig, "nginx", "--part", "--output", "out.conf")).toEqual({ code: 0, out: "", err: "" });
    expect(await readFile(join(folder, "out.conf"), "utf8")).toBe(out);
    for (const wrong of [
      ["--config", "wrong.mjs"],
      ["--listen", "nowhere:"],
      ["--check", "out.conf"],
    ]) {
      expect(await said(runConfig, "nginx", "--output", "out.conf", ...wrong)).toMatchObject({ code: 2, out: "" });
    }
    expect(await readFile(join(folder, "out.conf"), "utf8")).toBe(out);
    expect(await said(runConfig, "nginx", "--output", "no-folder/out.conf")).toMatchObject({ code: 2, out: "" });
  });

  it("wants a certificate and its key together", async () => {
    expect(await said(runConfig, "nginx", "--certificate", "c.pem")).toMatchObject({ code: 2 });
    const { out } = await said(
      runConfig,
      "nginx",
      "--certificate",
      "/c.pem",
      "--key",
      "/k.pem",
      "--server-name",
      "a.example",
    );
    for (const line of ["listen *:443 ssl;", "server_name a.example;"]) expect(out).toContain(line);
  });

  it("prints the configuration of a server for the rules of the project", async () => {
    const { code, out, err } = await said(runConfig, "nginx", "--app", "http://10.0.0.1:4000", "--listen", "8080");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain(`alias ${folder}/media/;`);
    expect(out).toContain("server 10.0.0.1:4000;");
    expect(out).toContain("listen *:8080;");
  });

  it("prints a part of it for a configuration that there is already", async () => {
    expect((await said(runConfig, "nginx", "--part")).out).not.toContain("events");
  });

  it("explains itself", async () => {
    expect(await said(runConfig, "--help")).toMatchObject({ code: 0, out: expect.stringContaining("--listen") });
  });

  it.each([
    [["iis"], /Give one of nginx, apache/],
    [[], /Give one of nginx, apache/],
    [["nginx", "--config", "missing.ts"], /There is no .*missing\.ts/],
    [["nginx", "--config", "wrong.mjs"], /export default defineConfig/],
    [["apache"], /destinationDir/],
    [["nginx", "--listen", "everywhere"], /listen must be a port/],
    [["nginx", "--unknown"], /unknown/],
  ])("says in one line what is wrong with %j", async (args, message) => {
    const { code, out, err } = await said(runConfig, ...args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(/^downloadview config: [^\n]+\n$/);
    expect(err).toMatch(message);
  });
});

describe("downloadview doctor", () => {
  it("says what failed, which side to fix, and how", async () => {
    const { code, out } = await said(runDoctor, "--app", "http://127.0.0.1:1");
    expect(code).toBe(1);
    expect(out).toMatch(/FAIL {2}The application answers {2}\[app-reachable\]\n +fix +the application \(app\)/);
    expect(out).toMatch(/how +Start the application, or correct --app\./);
  });

  it("prints JSON for programs", async () => {
    const { code, out } = await said(runDoctor, "--app", "http://127.0.0.1:1", "--json");
    expect(code).toBe(1);
    const { healthy, results } = JSON.parse(out) as { healthy: boolean; results: unknown[] };
    expect(healthy).toBe(false);
    expect(results).toContainEqual(expect.objectContaining({ check: "app-reachable", outcome: "fail", side: "app" }));
  });

  it("prints JSON too where nothing could be checked", async () => {
    const { code, out, err } = await said(runDoctor, "--json", "--app", "localhost");
    expect(code).toBe(2);
    expect(JSON.parse(out)).toMatchObject({ version: 1, healthy: false, results: [], error: err.trim() });
  });

  it.each([
    [[], /--app/],
    [["--app", "http://127.0.0.1:1", "--timeout", "soon"], /--timeout must be seconds/],
    [["--app", "localhost"], /--app must be a URL/],
    [["--app", "http://127.0.0.1:1", "--proxy", "x"], /--proxy must be a URL/],
    [["--app", "http://127.0.0.1:1", "--config", "named.mjs"], /HealthcheckDownloadView/],
  ])("says in one line what is wrong with %j", async (args, message) => {
    const { code, out, err } = await said(runDoctor, ...args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(/^downloadview doctor: [^\n]+\n$/);
    expect(err).toMatch(message);
  });
});

describe("downloadview", () => {
  it("explains all of its commands", async () => {
    const { code, out } = await said(run, "--help");
    expect(code).toBe(0);
    for (const command of ["config SERVER", "doctor", "sign URL", "verify URL"]) expect(out).toContain(command);
  });

  it.each([[["unknown"]], [["toString"]]])("knows no command %j", async (args) => {
    expect(await said(run, ...args)).toMatchObject({
      code: 2,
      err: expect.stringContaining("config, demo, doctor, kept, serve, sign, verify"),
    });
  });
});
