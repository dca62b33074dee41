const kibibyte = 1024;

/** Sizes in bytes. Large pieces cost less than half the CPU time of small ones; a reader that stalls pins what it was given. */
export const chunkSizes: { readonly small: number; readonly unproven: number; readonly large: number } = {
  small: 64 * kibibyte,
  /** The most for a reader that has not proved to keep up: if it leaves or stalls, less was read in vain. */
  unproven: 256 * kibibyte,
  large: 1024 * kibibyte,
};

/** How many chunks above the small size all transfers share: 16 MiB, however many readers stall. */
const mostLarge = 16;
/** Those that only a reader which keeps up may have, so that readers which stall cannot take them all. */
const reserved = mostLarge / 2;
let largeOut = 0;

/** Takes one of the large chunks, if there is one for such a reader. To be followed by {@link returnLarge}. */
export function takeLarge(keepsUp: boolean): boolean {
  if (largeOut >= mostLarge - (keepsUp ? 0 : reserved)) return false;
  largeOut += 1;
  return true;
}

export function returnLarge(): void {
  largeOut -= 1;
}

/** How much of what is left to send is worth reading at once. */
export function wantedBytes(left: number, keepsUp: boolean): number {
  // What ends the response is worth it for anybody: no more is read for this reader.
  return keepsUp || left <= chunkSizes.large ? left : chunkSizes.unproven;
}

/** In milliseconds. A socket with room again has room for about 1 MiB: this is some 10 MB a second. */
export const patience = 100;

/** What the two ends' kernels may take though nobody reads, in bytes. Only what goes beyond proves anything. */
export const mostAbsorbed: number = 4 * 1024 * kibibyte;
