import type { SelectionStore } from "./selections.ts";

export interface MemorySelectionsOptions {
  /** All ids together, in UTF-16 code units. Beyond it the oldest selections are dropped. Default 16,000,000, about 32 MB. */
  readonly maxLength?: number | undefined;
  /** The clock. */
  readonly now?: (() => Date) | undefined;
}

interface Kept {
  readonly ids: readonly string[];
  readonly expiresAt: number;
  readonly length: number;
}

/**
 * Keeps selections in the memory of this process.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { MemorySelections } from "downloadview/archive";
 *
 * const store = new MemorySelections();
 * store.add("a", ["1", "2"], Date.now() + 60_000);
 * assert.deepEqual(store.get("a"), ["1", "2"]);
 * assert.equal(store.get("b"), undefined);
 * ```
 */
export class MemorySelections implements SelectionStore {
  readonly #kept = new Map<string, Kept>();
  readonly #maxLength: number;
  readonly #now: () => Date;
  #length = 0;

  constructor({ maxLength = 16_000_000, now = () => new Date() }: MemorySelectionsOptions = {}) {
    this.#maxLength = maxLength;
    this.#now = now;
  }

  add(selection: string, ids: readonly string[], expiresAt: number): void {
    this.#drop(selection);
    // What an id takes beside its characters.
    const length = ids.reduce((sum, id) => sum + id.length + 16, 64);
    this.#kept.set(selection, { ids, expiresAt, length });
    this.#length += length;
    for (const [oldest, { expiresAt: end }] of this.#kept) {
      if (this.#length <= this.#maxLength && end > this.#now().getTime()) break;
      this.#drop(oldest);
    }
  }

  get(selection: string): readonly string[] | undefined {
    const kept = this.#kept.get(selection);
    if (kept && kept.expiresAt > this.#now().getTime()) return kept.ids;
    this.#drop(selection);
    return undefined;
  }

  #drop(selection: string): void {
    this.#length -= this.#kept.get(selection)?.length ?? 0;
    this.#kept.delete(selection);
  }
}
