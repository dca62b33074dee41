import { describe, expect, it } from "vitest";
import { IncompleteBodyError } from "../../errors.ts";
import { chunkSizes, mostAbsorbed, returnLarge, takeLarge } from "../chunk-budget.ts";
import type { SeekableContent } from "../../files/content.ts";
import { FileChunks } from "./file-chunks.ts";
import { FileChunks as FileChunksOnWorker } from "./file-chunks.worker.ts";

/** A file of `size` bytes, each of them its position modulo 251, that gives at most `most` of them at once. */
function body(size: number, { start = 0, length = size, most = Infinity } = {}): SeekableContent {
  const readInto = async (target: Uint8Array, position: number): Promise<number> => {
    const count = Math.max(0, Math.min(target.byteLength, size - start - position, most));
    for (let at = 0; at < count; at += 1) target[at] = (start + position + at) % 251;
    return count;
  };
  return { kind: "seekable", length, readInto };
}

async function chunksOf(chunks: FileChunks | FileChunksOnWorker): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) all.push(next.value);
  return all;
}

/** How many large chunks there are for a reader that has proved nothing. */
function largeLeft(): number {
  let count = 0;
  while (takeLarge(false)) count += 1;
  for (let at = 0; at < count; at += 1) returnLarge();
  return count;
}

describe("FileChunks", () => {
  it.each([
    ["all of a file", { start: 0, length: 3_000_000 }],
    ["a part of it", { start: 1_234_567, length: 654_321 }],
    ["one byte", { start: 2_999_999, length: 1 }],
    ["nothing", { start: 7, length: 0 }],
  ])("are %s, byte by byte", async (_, part) => {
    for (const Chunks of [FileChunks, FileChunksOnWorker]) {
      const bytes = Buffer.concat(await chunksOf(new Chunks(body(3_000_000, part))));
      expect(bytes.byteLength).toBe(part.length);
      expect(bytes.every((byte, at) => byte === (part.start + at) % 251)).toBe(true);
    }
  });

  it("grow for a reader that keeps up, and are memory of their own", async () => {
    const chunks = await chunksOf(new FileChunks(body(mostAbsorbed * 3)));
    expect(chunks[0]?.byteLength).toBe(chunkSizes.unproven);
    expect(Math.max(...chunks.map(({ byteLength }) => byteLength))).toBe(chunkSizes.large);
    expect(new Set(chunks.map(({ buffer }) => buffer)).size).toBe(chunks.length);
  });

  it("are small where too many large ones are out already, and end so", async () => {
    let taken = 0;
    while (takeLarge(true)) taken += 1;
    try {
      const chunks = await chunksOf(new FileChunks(body(mostAbsorbed * 2)));
      expect(new Set(chunks.map(({ byteLength }) => byteLength))).toEqual(new Set([chunkSizes.small]));
    } finally {
      for (; taken > 0; taken -= 1) returnLarge();
    }
  });

  it("give back what they took, at the end and when they are left", async () => {
    const before = largeLeft();
    await chunksOf(new FileChunks(body(mostAbsorbed * 2)));
    expect(largeLeft()).toBe(before);
    const left = new FileChunks(body(mostAbsorbed * 2));
    await left.next();
    expect(largeLeft()).toBe(before - 1);
    await left.return();
    await left.return();
    expect(largeLeft()).toBe(before);
  });

  it("are whole though the file gives little at a time, and fail where it ends early", async () => {
    const slowly = await chunksOf(new FileChunks(body(10_000, { most: 999 })));
    expect(Buffer.concat(slowly).byteLength).toBe(10_000);
    const early = new FileChunks(body(500_000, { length: 600_000 }));
    await expect(chunksOf(early)).rejects.toThrow(IncompleteBodyError);
  });
});
