/**
 * Remembers the CRC-32 of members, so that a range at the end of an archive needs no second look at their bytes. A key
 * holds the place of a file and its strong entity tag: another version has another key.
 */
export interface Fingerprints {
  /** The CRC-32 that was set, unsigned, or undefined. */
  get(key: string): number | undefined | Promise<number | undefined>;
  set(key: string, crc32: number): void | Promise<void>;
}

/**
 * Remembers in the memory of this process. The least recently used entry is evicted first.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { MemoryFingerprints } from "downloadview/archive";
 *
 * const fingerprints = new MemoryFingerprints({ maxEntries: 1 });
 * fingerprints.set("a", 1);
 * fingerprints.set("b", 2);
 * assert.deepEqual([fingerprints.get("a"), fingerprints.get("b")], [undefined, 2]);
 * ```
 */
export class MemoryFingerprints implements Fingerprints {
  readonly #maxEntries: number;
  readonly #entries = new Map<string, number>();
  // One iterator for all calls: a new one has to pass what was deleted from the beginning of the map each time.
  #oldest: Iterator<string> = this.#entries.keys();

  /** `maxEntries`: default 100,000, about 20 MB. */
  constructor({ maxEntries = 100_000 }: { readonly maxEntries?: number | undefined } = {}) {
    this.#maxEntries = maxEntries;
  }

  get(key: string): number | undefined {
    const crc32 = this.#entries.get(key);
    if (crc32 !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, crc32);
    }
    return crc32;
  }

  set(key: string, crc32: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, crc32);
    if (this.#entries.size <= this.#maxEntries) return;
    let oldest = this.#oldest.next();
    if (oldest.done) oldest = (this.#oldest = this.#entries.keys()).next();
    if (!oldest.done) this.#entries.delete(oldest.value);
  }
}

/** The default fingerprints of all archives in this process. */
export const processFingerprints: MemoryFingerprints = new MemoryFingerprints();
