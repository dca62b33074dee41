/** How long what is kept stays before something else may take its place, in milliseconds. */
const tenure = 100;

/**
 * The whole bytes of files that are asked for again and again, within a bound. What is being sent counts until it is
 * sent, whether it is kept or not: readers that stall pin no more than the bound.
 *
 * Where more files are popular than there is room for, most of them are left out. Each in turn would be worse than none:
 * memory that is filled once and thrown away costs more than to read the file through a recycled buffer.
 */
export class PopularContents {
  readonly #most: () => number;
  /** The one that was lent longest ago comes first. */
  readonly #kept = new Map<object, PopularContent>();
  #bytes = 0;
  #lastReplacement = -Infinity;

  /** `most` gives the bound, in bytes. */
  constructor(most: () => number) {
    this.#most = most;
  }

  /** The bytes that are kept or being sent now. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Lends the content of a version of a file, which `load` reads if it is not here yet; nothing if there is no room.
   * To be given back once.
   */
  borrow(version: object, size: number, load: () => Promise<Uint8Array>): PopularContent | undefined {
    const content = this.#kept.get(version) ?? this.#admit(version, size, load);
    if (content === undefined) return undefined;
    this.#kept.delete(version);
    this.#kept.set(version, content);
    content.lend();
    return content;
  }

  /** No longer keeps the content of a version. Whoever is sending it sends it to its end. */
  drop(version: object): void {
    this.#kept.get(version)?.drop();
    this.#kept.delete(version);
  }

  clear(): void {
    for (const version of this.#kept.keys()) this.drop(version);
  }

  #admit(version: object, size: number, load: () => Promise<Uint8Array>): PopularContent | undefined {
    if (!this.#makeRoom(size)) return undefined;
    this.#bytes += size;
    const content = new PopularContent(load(), () => (this.#bytes -= size));
    content.loaded.catch(() => this.#kept.get(version) === content && this.drop(version));
    return content;
  }

  #makeRoom(size: number): boolean {
    const room = this.#most() - size;
    if (this.#bytes <= room) return true;
    const now = performance.now();
    if (room < 0 || now - this.#lastReplacement < tenure) return false;
    this.#lastReplacement = now;
    for (const [version, content] of this.#kept) {
      if (!content.isLent) this.drop(version);
      if (this.#bytes <= room) return true;
    }
    return false;
  }
}

/** The content of one version of a file. Nobody may change it. */
export class PopularContent {
  readonly loaded: Promise<Uint8Array>;
  readonly #onFree: () => void;
  #borrowers = 0;
  #isKept = true;

  constructor(loaded: Promise<Uint8Array>, onFree: () => void) {
    this.loaded = loaded;
    this.#onFree = onFree;
  }

  get isLent(): boolean {
    return this.#borrowers > 0;
  }

  lend(): void {
    this.#borrowers += 1;
  }

  /** To be called once by everybody it was lent to. */
  giveBack(): void {
    this.#borrowers -= 1;
    this.#freeIfUnused();
  }

  drop(): void {
    this.#isKept = false;
    this.#freeIfUnused();
  }

  #freeIfUnused(): void {
    if (!this.#isKept && !this.isLent) this.#onFree();
  }
}
