import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { reasonFor, requires } from "./requires.ts";
import { bySuites, skippedFileVariable } from "./skipped.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "requires-"));
  vi.stubEnv("CI", "");
  vi.stubEnv(skippedFileVariable, join(folder, "skipped"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

describe("what a suite requires", () => {
  it("is there: nothing is told", async () => {
    expect(requires("sh", "apt-get install dash")).toBe(true);
    expect(requires(() => true, "npm ci")).toBe(true);
    await expect(readFile(join(folder, "skipped"))).rejects.toThrow("ENOENT");
  });

  it("is missing: the suite is skipped, and npm test is told of it", async () => {
    expect(requires("no-such-server", "apt-get install nginx-light")).toBe(false);
    expect(requires(() => false, "npm ci --prefix x")).toBe(false);
    expect(bySuites(await readFile(join(folder, "skipped"), "utf8"))).toEqual([
      "Skipped: no-such-server is not installed (apt-get install nginx-light, or brew install nginx)\n  in tests/support/requires.test.ts",
      "Skipped: x is not installed (npm ci --prefix x)\n  in tests/support/requires.test.ts",
    ]);
  });

  it("is missing in CI: the suite fails", () => {
    vi.stubEnv("CI", "true");
    expect(() => requires("no-such-server", "apt-get install curl")).toThrow("no-such-server is not installed");
  });

  it.each([
    ["apt-get install curl", "Skipped: a is not installed (apt-get install curl, or brew install curl)"],
    [
      "apt-get install --no-install-recommends apache2 libapache2-mod-xsendfile",
      "Skipped: a is not installed (apt-get install --no-install-recommends apache2 libapache2-mod-xsendfile, or brew install httpd)",
    ],
    ["apt-get install swift-proxy", "Skipped: a is not installed (apt-get install swift-proxy)"],
    [".ci/newer-servers", "Skipped: a is not installed (.ci/newer-servers)"],
  ])("is installed by %s", (install, reason) => {
    expect(reasonFor("a", install)).toBe(reason);
  });

  it("is told once for all suites that miss it", () => {
    const lines = [
      { suite: "b.test.ts", reason: "Skipped: x" },
      { suite: "a.test.ts", reason: "Skipped: y" },
      { suite: "a.test.ts", reason: "Skipped: x" },
      { suite: "a.test.ts", reason: "Skipped: x" },
    ];
    expect(bySuites(lines.map((line) => `${JSON.stringify(line)}\n`).join(""))).toEqual([
      "Skipped: x\n  in a.test.ts, b.test.ts",
      "Skipped: y\n  in a.test.ts",
    ]);
  });
});
