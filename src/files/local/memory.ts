import type { FileStat } from "../download-file.ts";
import type { EntityTagOption } from "./etag.ts";
import { isSameVersion, type FileVersion } from "./file-system.ts";
import type { LocalRoot } from "./root.ts";

/**
 * What was worked out for one version of a local file: its description, and the bytes of a file that is small or popular.
 *
 * It has two tiers, because reading a small file costs more than keeping it, and keeping a larger one costs more than
 * reading it once: files up to 64 KiB are kept when they are first read, files up to 1 MiB when they are requested again.
 *
 * A cached file is looked up with a fresh stat, made for the request, and used only if device, inode, size and both times
 * agree. So a response is never older than its request.
 */
export interface CachedFile {
  readonly version: FileVersion;
  readonly format: EntityTagOption;
  readonly stat: FileStat;
  /** Whether the file was settled when it was described: one that was not may be growing, as a log does. */
  readonly isSettled: boolean;
  /** Where the file was found to be readable: in this root, or anywhere (null). Undefined until it was opened. */
  readableIn?: LocalRoot | null | undefined;
  /** The bytes of a small file, once they were read. */
  content: Uint8Array | undefined;
  /** Whether the bytes of a larger file were requested before. */
  wasRequested: boolean;
  /** Whether the description was used since the last search for one to evict. */
  isInUse?: boolean;
  /** Whether it was used since the last search for content to evict. */
  isContentInUse?: boolean;
  /** The read of a small file that was found to be readable before: requests at the same time share it. */
  loading?: Promise<Uint8Array | undefined> | undefined;
}

/** Files up to this size, in bytes, are kept when they are first read. */
export const maxSmall: number = 64 * 1024;

/** Files up to this size, in bytes, are kept when they are requested again. */
const maxPopular = 1024 * 1024;

/** Minimum time between two rounds of evictions that make room for other files, in milliseconds. */
const tenure = 100;

/** How much of the memory may go to other small files in each round of evictions. */
const turnover = 1 / 32;

/** Maximum number of descriptions. Each takes about 1 KB. */
function maxFiles(maxBytes: number): number {
  return Math.max(16_384, maxBytes / 4096);
}

/** How much of local files is kept in memory: of those up to 64 KiB, and those up to 1 MiB that are requested again. */
export interface LocalFileCache {
  /**
   * Maximum bytes of content, at most half of them of larger files. A file that was not requested again lately is evicted
   * first. If more files are requested than there is room for, most of them stay and the others are read from the disk. 0
   * keeps none. Default 32 MiB.
   */
  maxBytes: number;
  /** The bytes that are kept now, or were and are still being sent. */
  readonly bytes: number;
  /** Evicts everything. Serving never needs it: what is kept is checked against the disk on every request. */
  clear(): void;
}

/**
 * The memory of local files: one for the process.
 *
 * What to evict is found by SIEVE: a hand goes over the entries, oldest first, spares those that were used since it last
 * passed, and takes the first that was not. A use only sets a flag, and files that are requested once push out none that
 * are requested again.
 */
export class LocalMemory implements LocalFileCache {
  #maxBytes: number = 32 * 1024 * 1024;
  readonly #files = new Map<string, CachedFile>();
  // A new iterator has to pass what was deleted from the beginning of the map. So one goes on from eviction to eviction.
  #hand: Iterator<[string, CachedFile]> = this.#files.entries();
  /** Those whose bytes are kept. */
  readonly #small = new Set<CachedFile>();
  #smallHand: Iterator<CachedFile> = this.#small.values();
  #smallBytes = 0;
  /** How many bytes of small files may still be evicted for others in this round. */
  #turnoverLeft = 0;
  #lastTurnover = -Infinity;
  readonly #popular = new Map<CachedFile, PopularContent>();
  /** Of popular files that are kept or being sent: readers that stall pin no more than the bound. */
  #popularBytes = 0;
  #lastEviction = -Infinity;

  get maxBytes(): number {
    return this.#maxBytes;
  }

  set maxBytes(bytes: number) {
    this.#maxBytes = bytes;
    this.#evictSurplus();
  }

  get bytes(): number {
    return this.#smallBytes + this.#popularBytes;
  }

  clear(): void {
    this.#files.clear();
    for (const content of this.#popular.values()) content.drop();
    this.#popular.clear();
    for (const file of this.#small) file.content = undefined;
    this.#small.clear();
    this.#smallBytes = 0;
  }

  /** Returns what is known of this very version of `path`. */
  lookup(path: string, version: FileVersion, format: EntityTagOption): CachedFile | undefined {
    const file = this.#files.get(path);
    if (file === undefined || file.format !== format || !isSameVersion(file.version, version)) return undefined;
    file.isInUse = true;
    file.isContentInUse = true;
    return file;
  }

  /** Keeps a description, unless the file was changed so recently that its times may not show the next change. */
  store(path: string, file: CachedFile): void {
    if (!file.isSettled) return;
    this.#evict(path);
    this.#files.set(path, file);
    if (this.#files.size > maxFiles(this.#maxBytes)) this.#evictOne();
  }

  /**
   * Keeps the bytes of a small file that was stored, if there is room. If more files are requested than there is room for,
   * most of them are left out: to keep bytes and throw them away unused costs more than to read them again.
   */
  storeContent(path: string, file: CachedFile, content: Uint8Array): void {
    if (this.#files.get(path) !== file || file.content || !this.#makeRoomForSmall(content.byteLength)) return;
    file.content = content;
    file.isContentInUse = false;
    this.#small.add(file);
    this.#smallBytes += content.byteLength;
  }

  #makeRoomForSmall(size: number): boolean {
    const room = this.#maxBytes - size;
    if (this.bytes <= room) return true;
    if (room < 0) return false;
    const now = performance.now();
    if (now - this.#lastTurnover >= tenure) {
      this.#lastTurnover = now;
      this.#turnoverLeft = this.#maxBytes * turnover;
    }
    if (this.#turnoverLeft <= 0) return false;
    this.#turnoverLeft -= size;
    while (this.bytes > room && this.#small.size > 0) this.#evictContent();
    return this.bytes <= room;
  }

  /**
   * Pins the bytes of a larger file, from its second request on. `load` reads them, once for all who ask for them.
   *
   * If more files are popular than there is room for, most of them are left out: memory that is filled once and thrown away
   * costs more than reading the file through a recycled buffer.
   *
   * @returns undefined if there is no room. The caller unpins what it gets, once
   */
  pin(file: CachedFile, size: number, load: () => Promise<Uint8Array>): PopularContent | undefined {
    if (size > maxPopular) return undefined;
    const isRequestedAgain = file.wasRequested;
    file.wasRequested = true;
    if (!isRequestedAgain) return undefined;
    const content = this.#popular.get(file) ?? this.#admit(file, size, load);
    if (content === undefined) return undefined;
    this.#popular.delete(file);
    this.#popular.set(file, content);
    content.pins += 1;
    this.#evictSurplus();
    return content;
  }

  #admit(file: CachedFile, size: number, load: () => Promise<Uint8Array>): PopularContent | undefined {
    if (!this.#makeRoom(size)) return undefined;
    this.#popularBytes += size;
    const content = new PopularContent(load(), () => (this.#popularBytes -= size));
    content.loaded.catch(() => this.#popular.get(file) === content && this.#dropPopular(file));
    return content;
  }

  #makeRoom(size: number): boolean {
    const room = this.#maxBytes / 2 - size;
    if (this.#popularBytes <= room) return true;
    const now = performance.now();
    if (room < 0 || now - this.#lastEviction < tenure) return false;
    this.#lastEviction = now;
    for (const [file, content] of this.#popular) {
      if (content.pins === 0) this.#dropPopular(file);
      if (this.#popularBytes <= room) return true;
    }
    return false;
  }

  #evictSurplus(): void {
    while (this.bytes > this.#maxBytes && this.#small.size > 0) this.#evictContent();
  }

  /** Evicts the bytes of one small file, and keeps its description. */
  #evictContent(): void {
    for (;;) {
      let next = this.#smallHand.next();
      if (next.done) next = (this.#smallHand = this.#small.values()).next();
      if (next.done) return;
      if (!next.value.isContentInUse) return this.#dropContent(next.value);
      next.value.isContentInUse = false;
    }
  }

  /** Evicts one description, and the bytes of the file. */
  #evictOne(): void {
    for (;;) {
      let next = this.#hand.next();
      if (next.done) next = (this.#hand = this.#files.entries()).next();
      if (next.done) return;
      const [path, file] = next.value;
      if (!file.isInUse) return this.#evict(path);
      file.isInUse = false;
    }
  }

  #evict(path: string): void {
    const file = this.#files.get(path);
    if (file === undefined) return;
    this.#dropContent(file);
    this.#dropPopular(file);
    this.#files.delete(path);
  }

  #dropContent(file: CachedFile): void {
    if (!this.#small.delete(file)) return;
    this.#smallBytes -= file.content?.byteLength ?? 0;
    file.content = undefined;
  }

  #dropPopular(file: CachedFile): void {
    this.#popular.get(file)?.drop();
    this.#popular.delete(file);
  }
}

/** The bytes of one version of a file, which no reader may change. They count until the last reader has unpinned them. */
export class PopularContent {
  readonly loaded: Promise<Uint8Array>;
  /** How many responses are being sent from it. */
  pins = 0;
  readonly #onFree: () => void;
  #isKept = true;

  constructor(loaded: Promise<Uint8Array>, onFree: () => void) {
    this.loaded = loaded;
    this.#onFree = onFree;
  }

  unpin(): void {
    this.pins -= 1;
    if (!this.#isKept && this.pins === 0) this.#onFree();
  }

  /** Called when the memory no longer keeps it. Responses that are being sent from it go on. */
  drop(): void {
    this.#isKept = false;
    if (this.pins === 0) this.#onFree();
  }
}

export const localMemory: LocalMemory = new LocalMemory();

/**
 * The memory that local files may use, for all of the process.
 *
 * @example
 * ```ts
 * import { localFileCache } from "downloadview";
 *
 * localFileCache.maxBytes = 64 * 1024 * 1024;
 * console.assert(localFileCache.bytes <= localFileCache.maxBytes);
 * ```
 */
export const localFileCache: LocalFileCache = {
  get maxBytes() {
    return localMemory.maxBytes;
  },
  set maxBytes(bytes) {
    localMemory.maxBytes = bytes;
  },
  get bytes() {
    return localMemory.bytes;
  },
  clear: () => localMemory.clear(),
};
