import type { FileHandle } from "node:fs/promises";
import { closedEarly } from "../files/byte-reader.ts";
import { allocate, copyOf } from "../files/bytes.ts";

/** A chunk that could not be written to the disk, for the readers that have got so far. */
interface TailChunk {
  readonly start: number;
  readonly bytes: Uint8Array;
}

const smallestRead = 64 * 1024;
const largestRead = 256 * 1024;
/** Bytes that are held in memory for readers once the disk takes no more. */
const maxTail = 1024 * 1024;

/** How the writing of a part ended. */
type End = { readonly kind: "whole" } | { readonly kind: "failed"; readonly error: unknown };

/**
 * A file that is written and read at the same time. Readers are as slow as they like: the bytes wait for them on the disk.
 *
 * If the disk takes no more, the rest goes through memory, at the pace of the slowest reader that has come so far. New readers can
 * come until the first of those bytes was let go.
 */
export class PartFile {
  #handle: FileHandle | undefined;
  readonly #opening: Promise<void>;
  #written = 0;
  #total = 0;
  #end: End | undefined;
  /** The first bytes, which each reader begins with. */
  #head: Uint8Array | undefined;
  /** The chunk that is being written. The source may use its memory again once it is on the disk. */
  #latest: TailChunk | undefined;
  readonly #tail: TailChunk[] = [];
  #isFull = false;
  #isTrimmed = false;
  readonly #readers = new Set<PartReader>();
  readonly #waiting = new Set<() => void>();
  #isDone = false;
  #closing: Promise<void> | undefined;

  /** @param opening the file. Undefined if there can be none. Does not reject */
  constructor(opening: Promise<FileHandle | undefined>) {
    this.#opening = opening.then((handle) => void (this.#handle = handle));
  }

  /** Waits until the file is open. Returns false if it could not be created: then the bytes can only be passed on. */
  async isOpen(): Promise<boolean> {
    await this.#opening;
    return this.#handle !== undefined;
  }

  /** The file, once {@link isOpen} has returned true. */
  get handle(): FileHandle {
    return this.#handle!;
  }

  /** How many bytes there are so far. */
  get size(): number {
    return this.#total;
  }

  /** Whether the disk takes no more. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Whether new readers can still begin: whether all bytes so far are there, and the disk file is open. */
  get isJoinable(): boolean {
    return !this.#isTrimmed && !this.#closing;
  }

  /** How many of them the disk has. */
  get written(): number {
    return this.#written;
  }

  /** Lets readers have a chunk, before the disk has it. {@link write} or {@link pass} must follow. */
  add(bytes: Uint8Array): void {
    this.#head ??= copyOf(bytes.subarray(0, smallestRead));
    this.#latest = { start: this.#total, bytes };
    this.#total += bytes.byteLength;
    this.#wake();
  }

  /**
   * Writes the chunk that was added. The file must be open.
   * @throws {NodeJS.ErrnoException} if the disk does not take the bytes. {@link pass} then takes them.
   */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength;) {
      const { bytesWritten } = await this.handle.write(bytes, at, bytes.byteLength - at, this.#written + at);
      at += bytesWritten;
    }
    this.#written += bytes.byteLength;
    this.#latest = undefined;
  }

  /** No more bytes go to the disk. */
  fill(): void {
    this.#isFull = true;
  }

  /**
   * Keeps the chunk that was added in memory for the readers. Waits while they have more than a mebibyte of them to read, and for a first
   * reader, unless `signal` says that there will be none.
   */
  async pass(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    this.#tail.push({ start: this.#total - bytes.byteLength, bytes: copyOf(bytes) });
    this.#latest = undefined;
    while (this.#total - this.#leastPosition() > maxTail && !signal.aborted) await this.#progress();
    this.#trim();
  }

  /** Up to where no reader needs the bytes in memory. */
  #leastPosition(): number {
    const positions = Array.from(this.#readers, ({ position }) => position);
    return positions.length === 0 ? this.#written : Math.max(this.#written, Math.min(...positions));
  }

  #trim(): void {
    const least = this.#leastPosition();
    while (this.#tail[0] && this.#tail[0].start + this.#tail[0].bytes.byteLength <= least) {
      this.#tail.shift();
      this.#isTrimmed = true;
    }
  }

  /** No more bytes come. */
  finish(end: End): void {
    this.#end ??= end;
    this.#latest = undefined;
    this.#wake();
  }

  /** The maker needs the file no longer: it is closed once the last reader has left. */
  release(): void {
    this.#isDone = true;
    this.#closeIfUnused();
  }

  /** A reader from the first byte on. It counts until it is closed. */
  join(onLeave: () => void): PartReader {
    const reader = new PartReader(this, () => {
      if (!this.#readers.delete(reader)) return;
      this.#wake();
      this.#closeIfUnused();
      onLeave();
    });
    this.#readers.add(reader);
    return reader;
  }

  #closeIfUnused(): void {
    if (!this.#isDone || this.#readers.size > 0) return;
    this.#head = undefined;
    this.#closing ??= this.#opening.then(() => this.#handle?.close()).catch(() => undefined);
  }

  /** The bytes at a position. Empty at the end, undefined if they are still to come. @throws what the making failed with */
  async read(position: number): Promise<Uint8Array | undefined> {
    if (this.#head && position < this.#head.byteLength) return copyOf(this.#head.subarray(position));
    if (position < this.#written) {
      const room = Math.min(position < smallestRead ? smallestRead : largestRead, this.#written - position);
      const chunk = allocate(room);
      const { bytesRead } = await this.handle.read(chunk, 0, room, position);
      if (bytesRead === 0) throw closedEarly();
      return chunk.subarray(0, bytesRead);
    }
    const chunk = this.#inMemory(position);
    if (chunk) return copyOf(chunk.bytes.subarray(position - chunk.start, position - chunk.start + largestRead));
    if (this.#end?.kind === "failed") throw this.#end.error;
    return this.#end ? new Uint8Array() : undefined;
  }

  /** The chunk with the byte at `position`, if it is not on the disk. */
  #inMemory(position: number): TailChunk | undefined {
    const has = ({ start, bytes }: TailChunk): boolean => start <= position && position < start + bytes.byteLength;
    return this.#latest && has(this.#latest) ? this.#latest : this.#tail.find(has);
  }

  /** Waits until there are bytes beyond `position`, or the end. */
  async after(position: number, isClosed: () => boolean): Promise<void> {
    while (this.#total <= position && !this.#end && !isClosed()) await this.#progress();
  }

  #progress(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  /** A reader has read: a maker whose bytes go through memory may wait for it. */
  advanced(): void {
    if (this.#isFull) this.#wake();
  }

  /** A reader was closed, or none will come. */
  left(): void {
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** One reader of a {@link PartFile}, which has its own pace. */
export class PartReader {
  position = 0;
  readonly #part: PartFile;
  readonly #leave: () => void;
  #reads = 0;
  #isClosed = false;

  constructor(part: PartFile, leave: () => void) {
    this.#part = part;
    this.#leave = leave;
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = await this.#read();
      if (chunk?.byteLength === 0) return;
      if (chunk === undefined) {
        await this.#part.after(this.position, () => this.#isClosed);
        continue;
      }
      this.position += chunk.byteLength;
      this.#part.advanced();
      yield chunk;
    }
  }

  async #read(): Promise<Uint8Array | undefined> {
    if (this.#isClosed) throw closedEarly();
    this.#reads += 1;
    try {
      return await this.#part.read(this.position);
    } finally {
      this.#reads -= 1;
      if (this.#isClosed && this.#reads === 0) this.#leave();
    }
  }

  /** Idempotent. A read under way ends first: the number of a closed descriptor may be another file's by then. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#part.left();
    if (this.#reads === 0) this.#leave();
  }
}
