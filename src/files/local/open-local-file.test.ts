import fs from "node:fs";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { OpenFile } from "../download-file.ts";
import { LocalFile } from "./local-file.ts";

const size = 300_000;
let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "downloadview-open-"));
  path = join(folder, "a.bin");
  await writeFile(path, new Uint8Array(size).fill(7));
  await utimes(path, 1_577_836_800, 1_577_836_800);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

/** Descriptors in the order in which they are closed, and how often. */
function closings(): Map<number, number> {
  const closed = new Map<number, number>();
  const close = fs.close.bind(fs);
  vi.spyOn(fs, "close").mockImplementation((descriptor: number, callback?: fs.NoParamCallback) => {
    closed.set(descriptor, (closed.get(descriptor) ?? 0) + 1);
    close(descriptor, callback);
  });
  return closed;
}

/** A reader of the same file, which shares the descriptor. */
async function reader(): Promise<{ file: OpenFile; read: () => Promise<number> }> {
  const file = await new LocalFile(path).open();
  const content = await file.content({ start: 1, end: size - 2 });
  if (content.kind !== "seekable") throw new Error("The test needs a file that is read from the disk");
  return { file, read: () => content.readInto(new Uint8Array(100), 0) };
}

describe("a file that is closed while a part of it is read", () => {
  it("leaves its descriptor to the other readers", async () => {
    const other = await reader();
    const closed = closings();
    for (let time = 0; time < 5; time += 1) {
      const file = await new LocalFile(path).open();
      // A part of a response with several ranges, whose client leaves.
      const parts = [file.content({ start: 0, end: 9 }), file.content({ start: 20, end: 29 })];
      const closing = file.close();
      await Promise.allSettled([...parts, closing]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(closed.size).toBe(0);
    expect(await other.read()).toBe(100);
    await other.file.close();
    expect([...closed.values()]).toEqual([1]);
  });

  it("closes its own once", async () => {
    const closed = closings();
    const file = await new LocalFile(path).open();
    const part = file.content({ start: 0, end: 9 });
    await Promise.allSettled([part, file.close()]);
    await new Promise((resolve) => setImmediate(resolve));
    expect([...closed.values()]).toEqual([1]);
  });
});

it("a descriptor that can't be closed fails no response that is over", async () => {
  const { file } = await reader();
  const close = fs.close.bind(fs);
  vi.spyOn(fs, "close").mockImplementation((descriptor: number, callback?: fs.NoParamCallback) =>
    close(descriptor, () => callback?.(new Error("EIO"))),
  );
  await expect(file.close()).resolves.toBeUndefined();
});
