/** Of all archives together: 8 MiB, however many clients stall. */
const maxLarge = 32;
let taken = 0;

/**
 * The right to make one chunk of an archive large, which costs less than many small ones. A client that stalls pins what
 * was made for it, so there are few of them: the chunks of all other archives stay small.
 */
export class LargeChunk {
  /** In bytes. */
  static readonly size: number = 256 * 1024;
  #isTaken = false;

  /** Returns false if too many are taken. */
  take(): boolean {
    if (!this.#isTaken && taken < maxLarge) {
      this.#isTaken = true;
      taken += 1;
    }
    return this.#isTaken;
  }

  giveBack(): void {
    if (this.#isTaken) taken -= 1;
    this.#isTaken = false;
  }
}
