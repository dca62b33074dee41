import { IncompleteBodyError } from "../errors.ts";
import type { ByteRange } from "../http/range.ts";
import { refuseJSON } from "../serialization.ts";
import { untilAborted } from "./abort.ts";
import { allocate, copyOf } from "./bytes.ts";
import type { FileStat, OpenFile } from "./download-file.ts";

/** The bytes of an opened file, or of a range of it: in memory, on a disk, or as they come. */
export type Content = BytesContent | SeekableContent | ChunksContent;

/** Bytes in memory. */
export interface BytesContent {
  readonly kind: "bytes";
  readonly bytes: Uint8Array;
  /**
   * `false` if this memory was made for this content alone, and may be given away. By default it is shared, as that of a
   * cache is: nothing writes to it, and only Node's own socket is given it. Everything else gets a copy.
   */
  readonly shared?: boolean;
}

/** Bytes that are read into memory of the reader's, from any position. */
export interface SeekableContent {
  readonly kind: "seekable";
  /** In bytes. */
  readonly length: number;
  /**
   * Fills `target` with the bytes from `position` of this content, and returns how many were read: fewer than there was
   * room for only at the end, 0 after it.
   * @throws {FileChangedError} if the file is another one by now: what was read is no whole
   */
  readInto(target: Uint8Array, position: number): Promise<number>;
}

/** Bytes that come in chunks, once. */
export interface ChunksContent {
  readonly kind: "chunks";
  readonly chunks: AsyncIterable<Uint8Array>;
  /** In bytes, if it is known. */
  readonly length?: number | undefined;
}

/**
 * The bytes of an opened file, or of `range`, both ends included, in memory that the reader may change.
 * @throws {IncompleteBodyError} if the file ends early
 *
 * @example
 * ```ts
 * import { readOpened, VirtualFile } from "downloadview";
 *
 * await using opened = await new VirtualFile("Hello", { name: "hello.txt" }).open();
 * let text = "";
 * for await (const chunk of readOpened(opened, { start: 1, end: 3 })) text += new TextDecoder().decode(chunk);
 * console.assert(text === "ell");
 * ```
 */
export async function* readOpened(file: OpenFile, range?: ByteRange): AsyncGenerator<Uint8Array> {
  yield* readContent(await file.content(range));
}

/** The bytes of a content, in memory that the reader may change. @throws {IncompleteBodyError} if it ends early */
export function readContent(content: Content): AsyncGenerator<Uint8Array> {
  switch (content.kind) {
    case "bytes":
      return readBytes(content);
    case "seekable":
      return readSeekable(content);
    case "chunks":
      return readExactly(content.chunks, content.length);
  }
}

/** An opened file whose bytes are in memory: it holds nothing that must be closed. */
export class OpenBytes implements OpenFile {
  readonly stat: FileStat;
  readonly #bytes: Uint8Array;

  constructor(stat: FileStat, bytes: Uint8Array) {
    this.stat = stat;
    this.#bytes = bytes;
  }

  async content(range?: ByteRange): Promise<Content> {
    return { kind: "bytes", bytes: range ? this.#bytes.subarray(range.start, range.end + 1) : this.#bytes };
  }

  close(): Promise<void> {
    return closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}

const closed = Promise.resolve();

/** How many bytes a content has, if that is known. */
export function contentLength(content: Content): number | undefined {
  return content.kind === "bytes" ? content.bytes.byteLength : content.length;
}

/** Bytes in memory that the caller may change, and give away. */
export function ownBytes({ bytes, shared }: BytesContent): Uint8Array {
  return shared === false ? bytes : copyOf(bytes);
}

const smallestChunk = 64 * 1024;
const largestChunk = 256 * 1024;

async function* readBytes({ bytes, shared }: BytesContent): AsyncGenerator<Uint8Array> {
  if (shared === false) {
    yield bytes;
    return;
  }
  // In pieces: a large file in memory is not doubled for a reader that stalls.
  for (let at = 0; at < bytes.byteLength; at += largestChunk) yield copyOf(bytes.subarray(at, at + largestChunk));
}

async function* readSeekable(content: SeekableContent): AsyncGenerator<Uint8Array> {
  let position = 0;
  for (let room = smallestChunk; position < content.length; room = Math.min(room * 2, largestChunk)) {
    const chunk = allocate(Math.min(room, content.length - position));
    const count = await content.readInto(chunk, position);
    if (count === 0) throw endedEarly(content.length - position);
    position += count;
    yield count === chunk.byteLength ? chunk : chunk.subarray(0, count);
  }
}

/** What a body of a known length fails with whose source has fewer bytes. */
export function endedEarly(missing: number): IncompleteBodyError {
  return new IncompleteBodyError(`The source ended ${missing} bytes early`);
}

/** `length` bytes of `chunks`, or all. @throws {IncompleteBodyError} if there are fewer */
export async function* readExactly(chunks: AsyncIterable<Uint8Array>, length?: number): AsyncGenerator<Uint8Array> {
  if (length === undefined) {
    yield* chunks;
    return;
  }
  let left = length;
  if (left > 0) {
    for await (const chunk of chunks) {
      if (chunk.byteLength >= left) {
        yield chunk.subarray(0, left);
        return;
      }
      left -= chunk.byteLength;
      if (chunk.byteLength > 0) yield chunk;
    }
  }
  if (left > 0) throw endedEarly(left);
}

/**
 * `content` with the length that a client is promised: a longer one is cut.
 * @throws {IncompleteBodyError} if it is known to be shorter
 */
export function ofLength(content: Content, length: number): Content {
  if (content.kind === "chunks") return content.length === length ? content : { ...content, length };
  const actual = content.kind === "bytes" ? content.bytes.byteLength : content.length;
  if (actual < length) throw endedEarly(length - actual);
  if (actual === length) return content;
  if (content.kind === "bytes") return { ...content, bytes: content.bytes.subarray(0, length) };
  const readInto: SeekableContent["readInto"] = (target, position) => content.readInto(target, position);
  return { kind: "seekable", length, readInto };
}

/**
 * `content` with its first chunk read: a source that fails at once fails here, where there still is a status to say so.
 * @param signal aborts when the client leaves
 */
export async function startChunks(content: ChunksContent, signal: AbortSignal | undefined): Promise<ChunksContent> {
  const rest = content.chunks[Symbol.asyncIterator]();
  const pending = rest.next();
  const first = await (signal ? untilAborted(pending, signal, () => undefined) : pending);
  if (first.done && content.length) throw endedEarly(content.length);
  return { ...content, chunks: new StartedChunks(first, rest) };
}

// Not a generator: one that was never started does not end what it would have read.
class StartedChunks implements AsyncIterableIterator<Uint8Array> {
  #first: IteratorResult<Uint8Array> | undefined;
  readonly #rest: AsyncIterator<Uint8Array>;

  constructor(first: IteratorResult<Uint8Array>, rest: AsyncIterator<Uint8Array>) {
    this.#first = first;
    this.#rest = rest;
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    const first = this.#first;
    this.#first = undefined;
    return first ? Promise.resolve(first) : this.#rest.next();
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    await this.#rest.return?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
