const kibibyte = 1024;

/** Sizes in bytes. Large pieces cost less than half the CPU time of small ones; a reader that stalls pins what it was given. */
export const chunkSizes: { readonly small: number; readonly unproven: number; readonly large: number } = {
  small: 64 * kibibyte,
  /** Maximum for a client that has not proved to keep up: if it leaves or stalls, less was read in vain. */
  unproven: 256 * kibibyte,
  large: 1024 * kibibyte,
};

/** Chunks above the small size that all transfers share: 16 MiB, however many clients stall. */
const mostLarge = 16;
/** Chunks reserved for clients that keep up, so that clients that stall cannot pin them all. */
const reserved = mostLarge / 2;
let largeOut = 0;

/** Takes a large chunk from the budget, if one is left for such a client. The caller calls {@link returnLarge} afterwards. */
export function takeLarge(keepsUp: boolean): boolean {
  if (largeOut >= mostLarge - (keepsUp ? 0 : reserved)) return false;
  largeOut += 1;
  return true;
}

export function returnLarge(): void {
  largeOut -= 1;
}

/** Bytes to read at once, of those that are left to send. */
export function wantedBytes(left: number, keepsUp: boolean): number {
  // The end of a response is read at once for every client: nothing is read after it.
  return keepsUp || left <= chunkSizes.large ? left : chunkSizes.unproven;
}

/** In milliseconds. A socket with room again has room for about 1 MiB: this is some 10 MB a second. */
export const patience = 100;

/** Bytes that the kernels of both ends may buffer while the client reads nothing. Only more than that proves that it reads. */
export const mostAbsorbed: number = 4 * 1024 * kibibyte;
