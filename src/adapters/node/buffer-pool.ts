const kibibyte = 1024;

/** Sizes in bytes. A slow reader costs what it is given at first; only one that proves to be fast is given more. */
export const chunkSizes: { readonly smallest: number; readonly first: number; readonly largest: number } = {
  smallest: 64 * kibibyte,
  first: 128 * kibibyte,
  largest: 1024 * kibibyte,
};

const mostPinned = 16 * 1024 * kibibyte;
const mostFree = 8 * 1024 * kibibyte;

const free = new Map<number, Buffer[]>();
let freeBytes = 0;
let pinned = 0;

/** A buffer of `size`, or of the smallest size when all transfers together hold as much as they may. */
export function borrowBuffer(size: number): Buffer {
  const granted = pinned + size > mostPinned ? chunkSizes.smallest : size;
  pinned += granted;
  const buffer = free.get(granted)?.pop();
  // Every buffer of these sizes is memory of its own, which costs the allocator and the collector dearly: hence the reuse.
  if (!buffer) return Buffer.allocUnsafeSlow(granted);
  freeBytes -= granted;
  return buffer;
}

/** Takes a buffer back. One that may still be read or written by somebody, `reusable: false`, is left to the collector. */
export function returnBuffer(buffer: Buffer, reusable: boolean): void {
  const size = buffer.byteLength;
  pinned -= size;
  if (!reusable || freeBytes + size > mostFree) return;
  freeBytes += size;
  const list = free.get(size);
  if (list) list.push(buffer);
  else free.set(size, [buffer]);
}
