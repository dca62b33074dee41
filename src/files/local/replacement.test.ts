import fs, { type BigIntStats } from "node:fs";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { nginxEntityTag } from "../../http/etag.ts";
import { readOpened } from "../content.ts";
import { LocalFile } from "./local-file.ts";
import { localFileCache, LocalMemory, type CachedFile } from "./memory.ts";

let memory: LocalMemory;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
  memory = new LocalMemory();
});
afterEach(() => void vi.useRealTimers());

const version = { ino: 1n, dev: 1n, size: 10n, mtimeNs: 1n, ctimeNs: 1n } as BigIntStats;

function store(path: string): CachedFile {
  const file = { version, format: nginxEntityTag, stat: {}, isSettled: true, content: undefined, wasRequested: false };
  memory.store(path, file);
  return file;
}

/** As a request for a file of 10 bytes does. Returns whether they are in memory. */
function request(path: string): boolean {
  const file = memory.lookup(path, version, nginxEntityTag) ?? store(path);
  if (file.content) return true;
  memory.storeContent(path, file, new Uint8Array(10));
  return false;
}

describe("the memory of small files, when more are requested than there is room for", () => {
  beforeEach(() => {
    memory.maxBytes = 320;
    for (let at = 0; at < 32; at++) request(`${at}`);
  });

  it("holds no more than its bound", () => {
    for (let at = 0; at < 1000; at++) {
      vi.advanceTimersByTime(7);
      request(`${at % 100}`);
      expect(memory.bytes).toBeLessThanOrEqual(320);
    }
  });

  it("keeps most of what it has: a thirty-second part changes in 100 ms", () => {
    for (let at = 100; at < 200; at++) request(`${at}`);
    expect(Array.from({ length: 32 }, (_, at) => request(`${at}`)).filter(Boolean)).toHaveLength(31);
    vi.advanceTimersByTime(100);
    for (let at = 200; at < 300; at++) request(`${at}`);
    expect(Array.from({ length: 32 }, (_, at) => request(`${at}`)).filter(Boolean)).toHaveLength(31);
  });

  it("spares what was requested again, and in time keeps what is requested now", () => {
    for (let round = 0; round < 100; round++) {
      for (let at = 0; at < 10; at++) request(`${at}`);
      request(`new ${round}`);
      vi.advanceTimersByTime(100);
    }
    for (let at = 0; at < 10; at++) expect(request(`${at}`)).toBe(true);
    expect(request("new 99")).toBe(true);
    expect(request("20")).toBe(false);
  });

  it("keeps the description of a file whose bytes it evicts", () => {
    request("new");
    expect(memory.lookup("0", version, nginxEntityTag)).toMatchObject({ content: undefined });
  });

  it("evicts what is too much when its bound is lowered", () => {
    memory.maxBytes = 100;
    expect(memory.bytes).toBe(100);
    memory.maxBytes = 0;
    expect(memory.bytes).toBe(0);
  });

  it("forgets everything that is cleared", () => {
    memory.clear();
    expect(memory.bytes).toBe(0);
    expect(request("0")).toBe(false);
    expect(memory.bytes).toBe(10);
  });
});

describe("the memory of descriptions", () => {
  it("has room for 16,384 files, and for one per 4 KiB of content", () => {
    const kept = (): number => Array.from({ length: 30_000 }, (_, at) => `${at}`).filter(isKnown).length;
    const isKnown = (path: string): boolean => memory.lookup(path, version, nginxEntityTag) !== undefined;
    for (let at = 0; at < 30_000; at++) store(`${at}`);
    expect(kept()).toBe(16_384);
    memory.maxBytes = 30_000 * 4096;
    for (let at = 0; at < 30_000; at++) store(`${at}`);
    expect(kept()).toBe(30_000);
  });
});

describe("a small file that is read again", () => {
  let folder: string;
  beforeEach(async () => {
    vi.useRealTimers();
    localFileCache.clear();
    localFileCache.maxBytes = 0;
    folder = await mkdtemp(join(tmpdir(), "replacement-"));
    await writeFile(join(folder, "a.txt"), "first");
    const longAgo = new Date(Date.now() - 3_600_000);
    await utimes(join(folder, "a.txt"), longAgo, longAgo);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 10_000 });
  });
  afterEach(async () => {
    localFileCache.maxBytes = 32 * 1024 * 1024;
    vi.restoreAllMocks();
    await rm(folder, { recursive: true });
  });

  async function serve(): Promise<string> {
    await using opened = await new LocalFile("a.txt", { root: folder }).open();
    let text = "";
    for await (const chunk of readOpened(opened)) text += Buffer.from(chunk).toString();
    return text;
  }

  /** The descriptor of the first request is closed when the turn of the event loop is over. */
  async function released(): Promise<void> {
    for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  it("costs one open, one read, one stat of the descriptor and one close, for all who ask at the same time", async () => {
    await serve();
    await released();
    const calls = (["open", "read", "fstat", "readlink", "close"] as const).map((name) => vi.spyOn(fs, name));
    expect(await Promise.all([serve(), serve()])).toEqual(["first", "first"]);
    expect(calls.map(({ mock }) => mock.calls.length)).toEqual([1, 1, 1, 0, 1]);
  });

  it("is verified again when another version is there", async () => {
    await serve();
    await writeFile(join(folder, "a.txt"), "other");
    expect(await serve()).toBe("other");
  });

  it("is another file's bytes never, though that takes its name after the stat", async () => {
    await serve();
    await released();
    const { open } = fs;
    vi.spyOn(fs, "open").mockImplementationOnce(((path: string, flags: number, callback: never) => {
      fs.writeFileSync(`${path}.new`, "wrong");
      fs.renameSync(`${path}.new`, path);
      open(path, flags, callback);
    }) as never);
    expect(await serve().catch((error: Error) => error.name)).toBe("FileChangedError");
  });
});
