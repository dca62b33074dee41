import type { BigIntStats } from "node:fs";
import { FileChangedError } from "../../errors.ts";
import { rangeLength, type ByteRange } from "../../http/range.ts";
import { refuseJSON } from "../../serialization.ts";
import { closedEarly } from "../byte-reader.ts";
import { allocate } from "../bytes.ts";
import type { Content, ChunksContent, SeekableContent } from "../content.ts";
import type { FileStat, OpenFile } from "../download-file.ts";
import {
  closeDescriptor,
  fileSystemError,
  hasGrown,
  isSameVersion,
  isUnwritten,
  openForReading,
  readDescriptor,
  statDescriptor,
  type FileVersion,
} from "./file-system.ts";
import { localMemory, maxSmall, type CachedFile, type PopularContent } from "./memory.ts";
import type { LocalRoot } from "./root.ts";
import { SharedDescriptor } from "./shared-descriptor.ts";

/** Bytes that are read at a time of a file that has no size. */
const chunkSize = 64 * 1024;

const nothingToClose = Promise.resolve();

/**
 * One version of a local file, open for one response. The descriptor is opened when the first byte is read from the disk, and
 * must then be of the very file that was described: between the stat and the open, another file may take its name.
 */
export class OpenLocalFile implements OpenFile {
  readonly stat: FileStat;
  readonly #path: string;
  readonly #root: LocalRoot | undefined;
  readonly #cached: CachedFile;
  readonly #isLazy: boolean;
  /** Whether content was returned that reads from the descriptor. */
  #isOnDisk = false;
  #descriptor: SharedDescriptor | undefined;
  #popular: PopularContent | undefined;
  #closing: Promise<void> | undefined;
  #verifying: Promise<void> | undefined;
  #known: Promise<unknown> | undefined;
  #samples: ReadSamples | undefined;
  #reads = 0;
  #idle: (() => void) | undefined;

  constructor(path: string, root: LocalRoot | undefined, cached: CachedFile, isLazy: boolean) {
    this.#path = path;
    this.#root = root;
    this.#cached = cached;
    this.#isLazy = isLazy;
    this.stat = cached.stat;
  }

  async content(range?: ByteRange): Promise<Content> {
    if (this.#closing) throw closedEarly();
    const { size } = this.stat;
    if (size === undefined) return this.#unmeasured(range);
    const start = range?.start ?? 0;
    const end = Math.min(range?.end ?? Infinity, size - 1);
    const kept = this.#cached.content;
    if (kept) return { kind: "bytes", bytes: kept.subarray(start, end + 1) };
    const bytes = await this.#load(size, start, end);
    if (bytes) {
      this.#letGo();
      return { kind: "bytes", bytes };
    }
    this.#isOnDisk = true;
    if (!this.#isLazy) await this.#openDescriptor();
    return this.#onDisk(start, end + 1 - start);
  }

  /** Loads small files, small parts, and popular files. Returns undefined for all others. */
  async #load(size: number, start: number, end: number): Promise<Uint8Array | undefined> {
    if (size <= maxSmall) return (await this.#loadWhole(size)).subarray(start, end + 1);
    if (end + 1 - start <= maxSmall) return this.#loadPart({ start, end });
    return (await this.#loadPopular(size))?.subarray(start, end + 1);
  }

  async #loadWhole(size: number): Promise<Uint8Array> {
    const known = await this.#loadKnown(size);
    if (known && this.#closing) throw closedEarly();
    const content = known ?? (size > 0 ? await this.#loadPart({ start: 0, end: size - 1 }) : await this.#loadNothing());
    localMemory.storeContent(this.#path, this.#cached, content);
    return content;
  }

  /**
   * Reads the version that this root was found to contain, with as few calls as can be: one stat, after the read, proves
   * that the bytes are of it. Requests at the same time share the read. Returns undefined if the file must be opened and
   * verified: one that was never opened, that has changed, or that may be changing.
   */
  #loadKnown(size: number): Promise<Uint8Array | undefined> | undefined {
    const cached = this.#cached;
    const isKnown = cached.isSettled && size > 0 && cached.readableIn === (this.#root ?? null);
    if (!isKnown || this.#descriptor || SharedDescriptor.isOpen(this.#path, this.#root)) return undefined;
    return (this.#known = cached.loading ??=
      readVersion(this.#path, cached.version)
        .catch(() => undefined)
        .finally(() => (cached.loading = undefined)));
  }

  // An empty file must exist inside the root, and be readable, like any other.
  async #loadNothing(): Promise<Uint8Array> {
    await this.#openDescriptor();
    return new Uint8Array();
  }

  async #loadPopular(size: number): Promise<Uint8Array | undefined> {
    this.#popular ??= localMemory.pin(this.#cached, size, () => this.#loadPart({ start: 0, end: size - 1 }));
    const content = await this.#popular?.loaded;
    // It was unpinned if the file was closed meanwhile.
    if (content && this.#closing) throw closedEarly();
    return content;
  }

  async #loadPart(range: ByteRange): Promise<Uint8Array> {
    const { bytes, stats } = await this.#reading((descriptor) => descriptor.readPart(range));
    const { version } = this.#cached;
    const isKept = isUnwritten(version, stats) || (this.#mayGrow && hasGrown(version, stats));
    if (!isKept || bytes.byteLength < rangeLength(range)) throw new FileChangedError();
    return bytes;
  }

  /** Closes the descriptor of content that is in memory by now: a reader that stalls holds none. */
  #letGo(): void {
    if (!this.#isOnDisk && this.#reads === 0) void this.#release();
  }

  /** Returns what was borrowed, once: returned twice, the descriptor would be taken from another reader. */
  #release(): Promise<void> | undefined {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    this.#verifying = undefined;
    return descriptor?.release();
  }

  #onDisk(start: number, length: number): SeekableContent {
    return {
      kind: "seekable",
      length,
      readInto: (target, position) => {
        // With the last bytes, it is checked that all bytes are of one version.
        const isLast = position + target.byteLength === length;
        return this.#reading((descriptor) => this.#readFrom(descriptor, target, start + position, isLast));
      },
    };
  }

  /** A file that has no size, as those below `/proc`: it is read to its end. */
  async #unmeasured(range: ByteRange | undefined): Promise<ChunksContent> {
    this.#isOnDisk = true;
    if (!this.#isLazy) await this.#openDescriptor();
    return { kind: "chunks", chunks: this.#chunks(range) };
  }

  async *#chunks({ start, end }: ByteRange = { start: 0, end: Infinity }): AsyncGenerator<Uint8Array> {
    for (let position = start; position <= end;) {
      const buffer = allocate(Math.min(chunkSize, end + 1 - position));
      const count = await this.#reading((descriptor) => this.#readFrom(descriptor, buffer, position, false));
      if (count === 0) return;
      position += count;
      yield buffer.subarray(0, count);
    }
  }

  async #readFrom(
    descriptor: SharedDescriptor,
    target: Uint8Array,
    position: number,
    isLast: boolean,
  ): Promise<number> {
    const count = await descriptor.read(target, position);
    this.#samples ??= new ReadSamples();
    this.#samples.add(target.subarray(0, count), position);
    // A shorter read has met the end of the file: the caller knows that bytes are missing.
    const isWhole = isLast && count === target.byteLength;
    if (isWhole && !(await this.#isUnchanged(descriptor, this.#samples))) throw new FileChangedError();
    return count;
  }

  /** Whether all that was read is of the version that was described: a file that is written in place mixes two. */
  async #isUnchanged(descriptor: SharedDescriptor, samples: ReadSamples): Promise<boolean> {
    const { version } = this.#cached;
    const now = await descriptor.stat();
    if (isSameVersion(version, now)) return true;
    if (!isUnwritten(version, now) && !hasGrown(version, now)) return false;
    return samples.areUnchanged((target, position) => descriptor.read(target, position));
  }

  /**
   * Whether the file may have grown between its description and its opening, as a log does. A file that had been left alone
   * and has a strong tag, which promises the very bytes, is described anew instead.
   */
  get #mayGrow(): boolean {
    const { isSettled, stat } = this.#cached;
    return !isSettled || !stat.etag?.startsWith('"');
  }

  #openDescriptor(): Promise<void> {
    return this.#reading(() => undefined);
  }

  async #reading<T>(read: (descriptor: SharedDescriptor) => T | Promise<T>): Promise<T> {
    if (this.#closing) throw closedEarly();
    const descriptor = (this.#descriptor ??= SharedDescriptor.borrow(this.#path, this.#root, this.#cached.version));
    this.#reads++;
    try {
      await (this.#verifying ??= this.#verify(descriptor));
      return await read(descriptor);
    } catch (error) {
      throw fileSystemError(error);
    } finally {
      this.#reads--;
      if (this.#reads === 0) this.#idle?.();
    }
  }

  async #verify(descriptor: SharedDescriptor): Promise<void> {
    const opened: BigIntStats = await descriptor.opened();
    const { version, stat } = this.#cached;
    if (stat.size === undefined || isSameVersion(version, opened)) return;
    if (!this.#mayGrow || !hasGrown(version, opened)) throw new FileChangedError();
  }

  close(): Promise<void> {
    if (this.#closing) return this.#closing;
    this.#popular?.unpin();
    return (this.#closing = this.#descriptor || this.#known ? this.#close() : nothingToClose);
  }

  async #close(): Promise<void> {
    await this.#known;
    // The system reuses the number of a closed descriptor for the next file: a read under way would read that.
    if (this.#reads > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    // The content that was just read may have released it by now.
    await this.#release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}

/** Reads a small file. Returns undefined if it is not, or no longer, the version that was described. */
async function readVersion(path: string, version: FileVersion): Promise<Uint8Array | undefined> {
  const descriptor = await openForReading(path);
  try {
    const bytes = allocate(Number(version.size));
    const count = await readDescriptor(descriptor, bytes, 0);
    return count === bytes.byteLength && isSameVersion(version, await statDescriptor(descriptor)) ? bytes : undefined;
  } finally {
    await closeDescriptor(descriptor);
  }
}

/** In bytes. */
const sampleSize = 16;
const maxSamples = 32;

interface Sample {
  readonly position: number;
  readonly bytes: Uint8Array;
}

/**
 * A few bytes of each chunk that was read from a file. If the file has grown meanwhile, they tell a log that was appended
 * to from a file that was rewritten, longer than before, while its old beginning was sent.
 */
class ReadSamples {
  #samples: Sample[] = [];
  #chunks = 0;
  #every = 1;

  /** Keeps a copy of the first and the last bytes of a chunk, of every second one once there are many, and so on. */
  add(chunk: Uint8Array, position: number): void {
    if (this.#chunks++ % this.#every !== 0) return;
    if (this.#samples.length >= maxSamples) {
      this.#samples = this.#samples.filter((_, at) => at % 4 < 2);
      this.#every *= 2;
    }
    this.#keep(chunk.subarray(0, sampleSize), position);
    const end = Math.max(0, chunk.byteLength - sampleSize);
    this.#keep(chunk.subarray(end), position + end);
  }

  /** Reads the same places again, by `readInto`, and compares. */
  async areUnchanged(readInto: (target: Uint8Array, position: number) => Promise<number>): Promise<boolean> {
    for (const { position, bytes } of this.#samples) {
      const now = new Uint8Array(bytes.byteLength);
      const count = await readInto(now, position);
      if (count < now.byteLength || bytes.some((byte, at) => byte !== now[at])) return false;
    }
    return true;
  }

  #keep(bytes: Uint8Array, position: number): void {
    // A copy: the chunk's memory is filled again.
    this.#samples.push({ position, bytes: new Uint8Array(bytes) });
  }
}
