import { IncompleteBodyError } from "../errors.ts";
import type { ByteRange } from "../http/range.ts";
import { onAbort } from "./bytes-abort.ts";

/** A piece of a file: text is encoded as UTF-8. */
export type Chunk = string | ArrayBuffer | SharedArrayBuffer | ArrayBufferView;

/** Anything whose bytes can be read from its beginning. A Node `Readable` is an async iterable of chunks. */
export type ByteSource = Chunk | Blob | ReadableStream<Chunk> | AsyncIterable<Chunk> | Iterable<Chunk>;

const encoder = new TextEncoder();

/**
 * The bytes of one chunk. Those of a view are not copied, unless its memory is shared with another thread.
 * @throws {TypeError} for anything but text and bytes
 */
export function toBytes(chunk: unknown): Uint8Array {
  if (typeof chunk === "string") return encoder.encode(chunk);
  if (chunk instanceof Uint8Array) return unshared(chunk);
  if (ArrayBuffer.isView(chunk)) return unshared(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
  if (isArrayBuffer(chunk)) return unshared(new Uint8Array(chunk));
  throw new TypeError(`A chunk of a file must be text or bytes, not ${kindOf(chunk)}`);
}

// Another thread may change shared memory at any time, and Web Crypto, `Response` and sockets refuse it.
function unshared(bytes: Uint8Array): Uint8Array {
  const isShared = typeof SharedArrayBuffer !== "undefined" && bytes.buffer instanceof SharedArrayBuffer;
  return isShared ? new Uint8Array(bytes) : bytes;
}

/** Whether a source is in memory already: text or bytes, not a `Blob`. */
export function isChunk(source: unknown): source is Chunk {
  return typeof source === "string" || ArrayBuffer.isView(source) || isArrayBuffer(source);
}

// By its tag: a buffer may come from another realm, such as a test runner's or a worker's.
function isArrayBuffer(value: unknown): value is ArrayBuffer {
  const tag = Object.prototype.toString.call(value);
  return tag === "[object ArrayBuffer]" || tag === "[object SharedArrayBuffer]";
}

export function isBlob(source: unknown): source is Blob {
  return typeof Blob !== "undefined" && source instanceof Blob;
}

function isWebStream(source: unknown): source is ReadableStream<Chunk> {
  return typeof (source as ReadableStream | null)?.getReader === "function";
}

/** What a Node stream has beyond its async iterator. Known by its shape, so that nothing of Node is imported. */
export interface NodeStream extends AsyncIterable<Chunk> {
  destroy(): unknown;
  on(event: "error", listener: () => void): unknown;
}

function isNodeStream(source: unknown): source is NodeStream {
  const stream = source as NodeStream | null;
  return typeof stream?.destroy === "function" && typeof stream.on === "function" && isAsyncIterable(source);
}

function isAsyncIterable(source: unknown): source is AsyncIterable<Chunk> {
  return typeof (source as AsyncIterable<Chunk> | null)?.[Symbol.asyncIterator] === "function";
}

function isIterable(source: unknown): source is Iterable<Chunk> {
  return typeof (source as Iterable<Chunk> | null)?.[Symbol.iterator] === "function";
}

function isByteSource(source: unknown): source is ByteSource {
  return isChunk(source) || isBlob(source) || isWebStream(source) || isAsyncIterable(source) || isIterable(source);
}

/** @throws {TypeError} for what has no bytes */
export function assertByteSource(source: unknown): asserts source is ByteSource {
  if (isByteSource(source)) return;
  throw new TypeError(`A file must be text, bytes, a Blob, a stream or an iterable of those, not ${kindOf(source)}`);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return typeof value === "object" ? (value.constructor?.name ?? "object") : typeof value;
}

/**
 * Whether the bytes of a source can be had once only. An iterator gives itself when it is asked for one; an array or
 * a set gives a new one each time. Of async iterables nobody can tell: a database cursor, read again, is empty.
 */
export function isOneShot(source: ByteSource): boolean {
  if (isChunk(source) || isBlob(source)) return false;
  if (isWebStream(source) || isAsyncIterable(source)) return true;
  return (source[Symbol.iterator]() as unknown) === source;
}

/** One way to pull chunks, and one to let go, whatever the source is. */
interface Puller {
  pull(): Promise<IteratorResult<unknown>> | IteratorResult<unknown>;
  /** Frees the source at once, even while a pull is pending. */
  release(): unknown;
}

function pullerOf(source: ByteSource): Puller {
  if (isChunk(source)) return iteratorPuller([source][Symbol.iterator]());
  if (isBlob(source)) return webStreamPuller(source.stream());
  if (isWebStream(source)) return webStreamPuller(source);
  if (isNodeStream(source)) return nodeStreamPuller(source);
  if (isAsyncIterable(source)) return iteratorPuller(source[Symbol.asyncIterator]());
  return iteratorPuller(source[Symbol.iterator]());
}

function iteratorPuller(iterator: Iterator<unknown> | AsyncIterator<unknown>): Puller {
  return { pull: () => iterator.next(), release: () => iterator.return?.() };
}

function webStreamPuller(stream: ReadableStream<unknown>): Puller {
  const reader = stream.getReader();
  return { pull: () => reader.read() as Promise<IteratorResult<unknown>>, release: () => reader.cancel() };
}

function nodeStreamPuller(stream: NodeStream): Puller {
  silenceErrors(stream);
  const iterator = stream[Symbol.asyncIterator]();
  return { pull: () => iterator.next(), release: () => stream.destroy() };
}

const noop = (): void => {};

/** An `error` event that nobody listens to ends the process; the reader gets the error from the stream anyway. */
export function silenceErrors(source: unknown): void {
  if (isNodeStream(source)) source.on("error", noop);
}

/**
 * Whether a stream has been read to its end: served again it would be an empty file. Of a stream that was read in part
 * the rest is served: an application may have looked at its first bytes.
 */
export async function isReadAlready(source: unknown): Promise<boolean> {
  if (isWebStream(source)) return source.locked || (isDisturbed(source) && (await isClosed(source)));
  if (!isNodeStream(source)) return false;
  const { readableEnded, destroyed, errored } = source as NodeStream & NodeStreamState;
  // One that failed still has its own error to report.
  return readableEnded === true || (destroyed === true && !errored);
}

interface NodeStreamState {
  readonly readableEnded?: boolean;
  readonly destroyed?: boolean;
  readonly errored?: unknown;
}

// Asked of the process rather than imported: a worker runtime has no such module.
function isDisturbed(stream: ReadableStream<Chunk>): boolean {
  return nodeStreams?.isDisturbed?.(stream) ?? false;
}

const nodeStreams = (
  globalThis as {
    process?: { getBuiltinModule?(name: string): { isDisturbed?(stream: unknown): boolean } | undefined };
  }
).process?.getBuiltinModule?.("node:stream");

async function isClosed(stream: ReadableStream<Chunk>): Promise<boolean> {
  const reader = stream.getReader();
  const closed = reader.closed.then(
    () => true,
    () => false,
  );
  // A stream that is closed has settled `closed` already.
  const result = await Promise.race([closed, Promise.resolve().then(() => false)]);
  reader.releaseLock();
  return result;
}

/** Frees a source that nobody is going to read, whatever was passed as one. */
export function releaseSource(source: unknown): void {
  if (!isByteSource(source) || !isOneShot(source)) return;
  // Somebody else reads it, and will free it.
  if (isWebStream(source) && source.locked) return;
  new ByteReader(source).close();
}

/**
 * The bytes of a source, chunk by chunk, none of them empty. It can be let go at any moment: {@link close} frees the
 * source at once, and a pending `next()` fails.
 */
export class ByteReader implements AsyncIterableIterator<Uint8Array> {
  readonly #puller: Puller;
  readonly #text = new TextJoiner();
  #ended = false;
  #failPending: ((reason: unknown) => void) | undefined;

  constructor(source: ByteSource) {
    this.#puller = pullerOf(source);
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    while (!this.#ended) {
      const { done, value } = await this.#pull();
      const bytes = done ? this.#end() : this.#text.join(value);
      if (bytes.byteLength > 0) return { done: false, value: bytes };
    }
    return { done: true, value: undefined };
  }

  // Not Promise.race: each call of it would leave a reaction on the promise that lives as long as the download.
  #pull(): Promise<IteratorResult<unknown>> {
    return new Promise((resolve, reject) => {
      this.#failPending = reject;
      Promise.resolve(this.#puller.pull()).then(resolve, reject);
    });
  }

  #end(): Uint8Array {
    this.#ended = true;
    return this.#text.rest();
  }

  /** Frees the source. `reason` is what a pending `next()` fails with. */
  close(reason: unknown = closedEarly()): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failPending?.(reason);
    try {
      Promise.resolve(this.#puller.release()).catch(noop);
    } catch {
      // A generator that refuses to end has nothing to say to a client that left.
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** What a read fails with when its file was closed under it: the body is not whole, and must not look so. */
export function closedEarly(): IncompleteBodyError {
  return new IncompleteBodyError("The file was closed before its end");
}

/** Encodes text that comes in pieces: a surrogate pair may be cut in two. */
class TextJoiner {
  #half = "";

  join(chunk: unknown): Uint8Array {
    if (typeof chunk !== "string") return this.#half ? concatBytes([this.rest(), toBytes(chunk)]) : toBytes(chunk);
    const text = this.#half + chunk;
    this.#half = /[\uD800-\uDBFF]$/.test(text) ? text.slice(-1) : "";
    return encoder.encode(this.#half ? text.slice(0, -1) : text);
  }

  /** The half pair that nothing followed, as U+FFFD. */
  rest(): Uint8Array {
    const bytes = encoder.encode(this.#half);
    this.#half = "";
    return bytes;
  }
}

/** Only the bytes of `range`, out of chunks that begin at `offset` of the file. Reads no further than it must. */
export async function* sliceChunks(
  chunks: AsyncIterable<Uint8Array>,
  range: ByteRange,
  offset = 0,
): AsyncGenerator<Uint8Array> {
  let position = offset;
  for await (const chunk of chunks) {
    const slice = chunk.subarray(Math.max(0, range.start - position), Math.max(0, range.end + 1 - position));
    position += chunk.byteLength;
    if (slice.byteLength > 0) yield slice;
    if (position > range.end) return;
  }
}

/** One array of all the bytes: a copy, unless there is one chunk only. */
export function concatBytes(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  const all = new Uint8Array(chunks.reduce((total, chunk) => total + chunk.byteLength, 0));
  let position = 0;
  for (const chunk of chunks) {
    all.set(chunk, position);
    position += chunk.byteLength;
  }
  return all;
}

/** All the bytes of a source in memory, a copy. */
export async function collectBytes(source: ByteSource, signal?: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readBytes(source, signal)) chunks.push(chunk.slice());
  return concatBytes(chunks);
}

/** The bytes of a source, which is freed when the loop over them ends, for whatever reason, or `signal` aborts. */
export async function* readBytes(source: ByteSource, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  yield* readUntilAborted(new ByteReader(source), signal);
}

/** What `chunks`, made from `reader`, give. The reader is closed when the loop ends, or when `signal` aborts: an error. */
export async function* readUntilAborted(
  reader: ByteReader,
  signal: AbortSignal | undefined,
  chunks: AsyncIterable<Uint8Array> = reader,
): AsyncGenerator<Uint8Array> {
  const stop = onAbort(signal, () => reader.close(signal?.reason));
  try {
    yield* chunks;
    signal?.throwIfAborted();
  } finally {
    stop();
    reader.close();
  }
}

// Node, Bun and Deno have memory that is not set to zero first. Code on them expects a Buffer of a chunk, too.
const { Buffer } = globalThis as { Buffer?: { allocUnsafeSlow(size: number): Uint8Array } };

/** Memory that nothing else is in: a consumer may transfer the buffer of a chunk, and with it all that it holds. */
export function allocate(size: number): Uint8Array {
  return Buffer ? Buffer.allocUnsafeSlow(size) : new Uint8Array(size);
}

/**
 * A copy, for a consumer that may change it: a stream that encrypts in place would otherwise change the file that the
 * next client gets.
 */
export function copyOf(bytes: Uint8Array): Uint8Array {
  const copy = allocate(bytes.byteLength);
  copy.set(bytes);
  return copy;
}
