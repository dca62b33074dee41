import { describe, expect, it } from "vitest";
import { borrowBuffer, returnBuffer } from "./buffer-pool.ts";

describe("the pool of buffers", () => {
  const sizes = [64 * 1024, 1024 * 1024];

  it.each(sizes)("uses memory of %i bytes again, and takes it away from all who still hold a view of it", (size) => {
    const borrowed = borrowBuffer(size, true);
    const { buffer } = borrowed;
    buffer.fill("a");
    const held = buffer.subarray(10, 20);
    returnBuffer(borrowed, true);
    const next = borrowBuffer(size, true);
    expect([next.buffer.byteLength, next.buffer.toString("latin1", 0, 3)]).toEqual([size, "aaa"]);
    next.buffer.fill("b");
    expect([buffer.byteLength, held.byteLength, held.toString()]).toEqual([0, 0, ""]);
    returnBuffer(next, false);
  });

  it.each(sizes)("leaves memory of %i bytes alone that others may have", (size) => {
    const borrowed = borrowBuffer(size, true);
    const { buffer } = borrowed;
    returnBuffer(borrowed, false);
    const next = borrowBuffer(size, true);
    expect([next.buffer.buffer === buffer.buffer, buffer.byteLength]).toEqual([false, size]);
    returnBuffer(next, false);
  });

  it("does without memory that was transferred by others", () => {
    const borrowed = borrowBuffer(64 * 1024, false);
    const { buffer } = borrowed;
    structuredClone(buffer.buffer, { transfer: [buffer.buffer as ArrayBuffer] });
    returnBuffer(borrowed, true);
    const next = borrowBuffer(64 * 1024, false);
    expect(next.buffer.byteLength).toBe(64 * 1024);
    returnBuffer(next, false);
  });
});
