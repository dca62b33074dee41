import { chunkSizes, returnLarge, takeLarge } from "../chunk-budget.ts";

const mostFreeSmall = 128;

// Every buffer of these sizes is memory of its own, which costs the allocator and the collector dearly: hence the reuse.
const freeLarge: Buffer[] = [];
const freeSmall: Buffer[] = [];

/** A buffer for `wanted` bytes or fewer: a large one only while there are enough, or for a reader that keeps up. */
export function borrowBuffer(wanted: number, keepsUp: boolean): Buffer {
  if (wanted <= chunkSizes.small || !takeLarge(keepsUp)) {
    return freeSmall.pop() ?? Buffer.allocUnsafeSlow(chunkSizes.small);
  }
  return freeLarge.pop() ?? Buffer.allocUnsafeSlow(chunkSizes.large);
}

/** Takes a buffer back. One that may still be read or written by somebody, `reusable: false`, is left to the collector. */
export function returnBuffer(buffer: Buffer, reusable: boolean): void {
  const isLarge = buffer.byteLength === chunkSizes.large;
  if (isLarge) returnLarge();
  if (!reusable) return;
  if (isLarge) freeLarge.push(buffer);
  else if (freeSmall.length < mostFreeSmall) freeSmall.push(buffer);
}
