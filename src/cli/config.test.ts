import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { loadConfig } from "./config.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "load-config-"));
  // As Node below 22.18 has it.
  vi.stubGlobal("process", { ...process, features: {}, versions: { node: "20.20.2" } });
});
afterEach(async () => {
  vi.unstubAllGlobals();
  vi.doUnmock("jiti");
  await rm(folder, { recursive: true });
});

describe("loadConfig", () => {
  it("reads TypeScript on a Node that cannot, where jiti is installed", async () => {
    await writeFile(join(folder, "downloadview.config.ts"), "export default { rules: [] as readonly string[] };\n");
    expect(await loadConfig(undefined, folder)).toEqual({ rules: [] });
  });

  it("says what to install where jiti is not", async () => {
    vi.doMock("jiti", () => {
      throw new Error("Cannot find package 'jiti'");
    });
    await writeFile(join(folder, "downloadview.config.ts"), "export default { rules: [] };\n");
    await expect(loadConfig(undefined, folder)).rejects.toThrow(
      /^Node 20\.20\.2 cannot read .*downloadview\.config\.ts: install jiti \(npm install --save-dev jiti\), use Node 22\.18/,
    );
  });

  it("reads JavaScript without it", async () => {
    await writeFile(join(folder, "downloadview.config.mjs"), "export const config = { rules: [] };\n");
    expect(await loadConfig(undefined, folder)).toEqual({ rules: [] });
  });
});
