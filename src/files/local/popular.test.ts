import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { BigIntStats } from "node:fs";
import { nginxEntityTag } from "../../http/etag.ts";
import { LocalMemory, type CachedFile } from "./memory.ts";

let memory: LocalMemory;
let a: CachedFile;
let b: CachedFile;
let c: CachedFile;

/** A file whose bytes were requested once. */
function stored(path: string): CachedFile {
  const version = {} as BigIntStats;
  const file = { version, format: nginxEntityTag, stat: {}, isSettled: true, content: undefined, wasRequested: true };
  memory.store(path, file);
  return file;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
  memory = new LocalMemory();
  // Popular files have half of it.
  memory.maxBytes = 20;
  [a, b, c] = [stored("a"), stored("b"), stored("c")];
});
afterEach(() => void vi.useRealTimers());

const load = vi.fn(async (): Promise<Uint8Array> => new Uint8Array(5));

/** Pins and unpins. */
async function use(file: CachedFile, size = 5): Promise<boolean> {
  const content = memory.pin(file, size, load);
  await content?.loaded;
  content?.unpin();
  return content !== undefined;
}

describe("the memory of popular files", () => {
  it("loads a content once, for all who ask at the same time and later", async () => {
    load.mockClear();
    const [one, other] = [memory.pin(a, 5, load), memory.pin(a, 5, load)];
    expect(await one?.loaded).toBe(await other?.loaded);
    await use(a);
    expect(load).toHaveBeenCalledTimes(1);
    expect(memory.bytes).toBe(5);
  });

  it("refuses what is larger than the bound", async () => {
    expect(await use(a, 11)).toBe(false);
    expect(memory.bytes).toBe(0);
  });

  it("gives the place of what was used longest ago to what is asked for now", async () => {
    await use(a);
    await use(b);
    await use(a);
    expect(await use(c)).toBe(true);
    load.mockClear();
    await use(a);
    expect(load).not.toHaveBeenCalled();
    expect(memory.bytes).toBe(10);
  });

  it("lets newcomers in but slowly when it is full", async () => {
    await use(a);
    await use(b);
    expect(await use(c)).toBe(true);
    expect(await use(b)).toBe(true);
    expect(await use(a)).toBe(false);
    vi.advanceTimersByTime(100);
    expect(await use(a)).toBe(true);
  });

  it("leaves what is being sent in its place", async () => {
    const sending = [memory.pin(a, 5, load), memory.pin(b, 5, load)];
    expect(await use(c)).toBe(false);
    sending[0]?.unpin();
    vi.advanceTimersByTime(100);
    expect(await use(c)).toBe(true);
    expect(memory.bytes).toBe(10);
  });

  it("counts what was dropped until it is sent", () => {
    const sending = memory.pin(a, 5, load);
    stored("a");
    expect(memory.bytes).toBe(5);
    sending?.unpin();
    expect(memory.bytes).toBe(0);
    stored("a");
    expect(memory.bytes).toBe(0);
  });

  it("keeps nothing that failed to load, and tries again", async () => {
    const failing = memory.pin(a, 5, () => Promise.reject(new Error("unreadable")));
    await expect(failing?.loaded).rejects.toThrow("unreadable");
    failing?.unpin();
    expect(memory.bytes).toBe(0);
    expect(await use(a)).toBe(true);
  });

  it("frees everything that is not being sent when it is cleared", async () => {
    await use(a);
    const sending = memory.pin(b, 5, load);
    memory.clear();
    expect(memory.bytes).toBe(5);
    sending?.unpin();
    expect(memory.bytes).toBe(0);
  });
});
