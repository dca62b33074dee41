import { spawnSync } from "node:child_process";
import { afterEach, describe, expect, it, vi } from "vitest";
import type * as diagnostics from "./diagnostics.ts";

async function fresh(): Promise<typeof diagnostics> {
  vi.resetModules();
  return import("./diagnostics.ts");
}

describe("warnOnce", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  it("emits a warning of the process, with a code, once per message", async () => {
    const emitWarning = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const { warnOnce } = await fresh();
    warnOnce("DOWNLOADVIEW_A", "first");
    warnOnce("DOWNLOADVIEW_A", "first");
    warnOnce("DOWNLOADVIEW_A", "second");
    expect(emitWarning.mock.calls).toEqual([
      ["first", { type: "DownloadviewWarning", code: "DOWNLOADVIEW_A" }],
      ["second", { type: "DownloadviewWarning", code: "DOWNLOADVIEW_A" }],
    ]);
  });

  it("stops at 100 messages", async () => {
    const emitWarning = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const { warnOnce } = await fresh();
    for (let index = 0; index < 150; index += 1) warnOnce("DOWNLOADVIEW_A", `message ${index}`);
    expect(emitWarning).toHaveBeenCalledTimes(100);
  });

  it("writes to the console where there is no process", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    vi.stubGlobal("process", undefined);
    const { warnOnce } = await fresh();
    warnOnce("DOWNLOADVIEW_A", "first");
    warnOnce("DOWNLOADVIEW_A", "first");
    expect(warn.mock.calls).toEqual([["DOWNLOADVIEW_A: first"]]);
  });
});

describe("debug", () => {
  it.each([
    { NODE_DEBUG: "downloadview", written: true },
    { NODE_DEBUG: "", written: false },
  ])("writes with NODE_DEBUG=$NODE_DEBUG: $written", ({ NODE_DEBUG, written }) => {
    const module = JSON.stringify(new URL("./diagnostics.ts", import.meta.url).href);
    const script = `const { debug } = await import(${module}); debug(() => "no such file: /srv/a.txt");`;
    const { stderr, status } = spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      env: { ...process.env, NODE_DEBUG },
      encoding: "utf8",
    });
    expect({ status, written: /DOWNLOADVIEW \d+: no such file: \/srv\/a\.txt/.test(stderr) }).toEqual({
      status: 0,
      written,
    });
  });

  it("does not make a message that is not written", async () => {
    const { debug, isDebugging } = await fresh();
    const reason = vi.fn(() => "reason");
    debug(reason);
    expect(reason).toHaveBeenCalledTimes(isDebugging ? 1 : 0);
  });
});
