import { chunkSizes, returnLarge, takeLarge } from "../chunk-budget.ts";

const mostFreeSmall = 128;

// Buffers are reused, because one of these sizes costs 5 to 12 µs of allocation and garbage collection.
const freeLarge: BorrowedBuffer[] = [];
const freeSmall: BorrowedBuffer[] = [];

/** A buffer of the pool, and its size: other code may take its memory away, and then it has none. */
export interface BorrowedBuffer {
  readonly buffer: Buffer;
  readonly size: number;
}

function allocateBuffer(size: number): BorrowedBuffer {
  return { buffer: Buffer.allocUnsafeSlow(size), size };
}

/** A buffer for `wanted` bytes or fewer: a large one only while there are enough, or for a reader that keeps up. */
export function borrowBuffer(wanted: number, keepsUp: boolean): BorrowedBuffer {
  if (wanted <= chunkSizes.small || !takeLarge(keepsUp)) {
    return freeSmall.pop() ?? allocateBuffer(chunkSizes.small);
  }
  return freeLarge.pop() ?? allocateBuffer(chunkSizes.large);
}

/** Takes a buffer back. If other code may still read or write it, `reusable: false`, it is left to the collector. */
export function returnBuffer(borrowed: BorrowedBuffer, reusable: boolean): void {
  const isLarge = borrowed.size === chunkSizes.large;
  if (isLarge) returnLarge();
  const own = reusable ? takeFromViews(borrowed) : undefined;
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
 * Moves the memory of a buffer to a new buffer. Old views have no bytes afterwards: code that still holds one, in spite of all
 * checks, breaks its own download, and can't get the next client's bytes.
 */
function takeFromViews({ buffer, size }: BorrowedBuffer): BorrowedBuffer | undefined {
  try {
    const memory = transfer(buffer.buffer as ArrayBuffer);
    return memory.byteLength === size ? { buffer: Buffer.from(memory), size } : undefined;
  } catch {
    // The memory was taken by other code, by a transfer of its own.
    return undefined;
  }
}
