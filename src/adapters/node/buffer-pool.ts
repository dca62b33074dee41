const kibibyte = 1024;

/** Sizes in bytes. Large pieces cost less than half the CPU time of small ones; a reader that stalls pins what it was given. */
export const chunkSizes: { readonly small: number; readonly unproven: number; readonly large: number } = {
  small: 64 * kibibyte,
  /** The most for a reader that has not proved to keep up: if it leaves or stalls, less was read in vain. */
  unproven: 256 * kibibyte,
  large: 1024 * kibibyte,
};

/** How many large buffers all transfers share: 16 MiB, however many readers stall. */
const largeBuffers = 16;
/** Those that only a reader which keeps up may have, so that readers which stall cannot take them all. */
const reserved = largeBuffers / 2;
const mostFreeSmall = 128;

// Every buffer of these sizes is memory of its own, which costs the allocator and the collector dearly: hence the reuse.
const freeLarge: Buffer[] = [];
const freeSmall: Buffer[] = [];
let largeInUse = 0;

/** A buffer for `wanted` bytes or fewer: a large one only while there are enough, or for a reader that keeps up. */
export function borrowBuffer(wanted: number, keepsUp: boolean): Buffer {
  const left = largeBuffers - largeInUse - (keepsUp ? 0 : reserved);
  if (wanted <= chunkSizes.small || left <= 0) return freeSmall.pop() ?? Buffer.allocUnsafeSlow(chunkSizes.small);
  largeInUse += 1;
  return freeLarge.pop() ?? Buffer.allocUnsafeSlow(chunkSizes.large);
}

/** Takes a buffer back. One that may still be read or written by somebody, `reusable: false`, is left to the collector. */
export function returnBuffer(buffer: Buffer, reusable: boolean): void {
  const isLarge = buffer.byteLength === chunkSizes.large;
  if (isLarge) largeInUse -= 1;
  if (!reusable) return;
  if (isLarge) freeLarge.push(buffer);
  else if (freeSmall.length < mostFreeSmall) freeSmall.push(buffer);
}
