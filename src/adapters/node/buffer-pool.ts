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

/** Takes a buffer back. If other code may still read or write it, `reusable: false`, it is left to the collector. */
export function returnBuffer(buffer: Buffer, reusable: boolean): void {
  const isLarge = buffer.byteLength === chunkSizes.large;
  if (isLarge) returnLarge();
  const own = reusable ? takeFromViews(buffer) : undefined;
  if (!own) return;
  if (isLarge) freeLarge.push(own);
  else if (freeSmall.length < mostFreeSmall) freeSmall.push(own);
}

type Transfer = (memory: ArrayBuffer) => ArrayBuffer;
const transfer: Transfer =
  "transfer" in ArrayBuffer.prototype
    ? (memory) => (memory as ArrayBuffer & { transfer(): ArrayBuffer }).transfer()
    : (memory) => structuredClone(memory, { transfer: [memory] });

/**
 * The memory of a buffer in a new buffer, taken away from all views of it: code that still holds one, though every check
 * said otherwise, holds no bytes, and its download breaks. It can't get the next client's bytes.
 */
function takeFromViews(buffer: Buffer): Buffer | undefined {
  const size = buffer.byteLength;
  try {
    const memory = transfer(buffer.buffer as ArrayBuffer);
    return memory.byteLength === size ? Buffer.from(memory) : undefined;
  } catch {
    // The memory was taken by other code, by a transfer of its own.
    return undefined;
  }
}
