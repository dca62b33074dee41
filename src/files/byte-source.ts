import { isChunk, kindOf, type Chunk } from "./bytes.ts";

/** Anything whose bytes can be read from its beginning. A Node `Readable` is an async iterable of chunks. */
export type ByteSource = Chunk | Blob | ReadableStream<Chunk> | AsyncIterable<Chunk> | Iterable<Chunk>;

export function isBlob(source: unknown): source is Blob {
  return typeof Blob !== "undefined" && source instanceof Blob;
}

export function isWebStream(source: unknown): source is ReadableStream<Chunk> {
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

export function isByteSource(source: unknown): source is ByteSource {
  return isChunk(source) || isBlob(source) || isWebStream(source) || isAsyncIterable(source) || isIterable(source);
}

/** @throws {TypeError} for what has no bytes */
export function assertByteSource(source: unknown): asserts source is ByteSource {
  if (isByteSource(source)) return;
  throw new TypeError(`A file must be text, bytes, a Blob, a stream or an iterable of those, not ${kindOf(source)}`);
}

/**
 * Whether a source can be read only once. An iterator returns itself as its iterator; an array or a set returns a new one each
 * time. Async iterables count as one-shot: a database cursor, read again, is empty.
 */
export function isOneShot(source: ByteSource): boolean {
  if (isChunk(source) || isBlob(source)) return false;
  if (isWebStream(source) || isAsyncIterable(source)) return true;
  return (source[Symbol.iterator]() as unknown) === source;
}

/** One way to pull chunks, and one to let go, whatever the source is. */
export interface Puller {
  /** Whether the source may have the memory of a chunk still: it fills it again for the next one, or sends it to others too. */
  readonly keepsMemory: boolean;
  pull(): Promise<IteratorResult<unknown>> | IteratorResult<unknown>;
  /** Frees the source at once, even while a pull is pending. */
  release(): unknown;
}

export function pullerOf(source: ByteSource): Puller {
  if (isChunk(source)) return iteratorPuller([source][Symbol.iterator]());
  if (isBlob(source)) return webStreamPuller(source.stream());
  if (isWebStream(source)) return webStreamPuller(source);
  if (isNodeStream(source)) return nodeStreamPuller(source);
  if (isAsyncIterable(source)) return iteratorPuller(source[Symbol.asyncIterator]());
  return iteratorPuller(source[Symbol.iterator]());
}

function iteratorPuller(iterator: Iterator<unknown> | AsyncIterator<unknown>): Puller {
  return { keepsMemory: true, pull: () => iterator.next(), release: () => iterator.return?.() };
}

function webStreamPuller(stream: ReadableStream<unknown>): Puller {
  const reader = stream.getReader();
  const pull = (): Promise<IteratorResult<unknown>> => reader.read() as Promise<IteratorResult<unknown>>;
  // `ReadableStream.from()` passes on what a generator yields, which may fill it again; `tee()` gives one chunk to two readers.
  return { keepsMemory: true, pull, release: () => reader.cancel() };
}

function nodeStreamPuller(stream: NodeStream): Puller {
  silenceErrors(stream);
  const iterator = stream[Symbol.asyncIterator]();
  return { keepsMemory: false, pull: () => iterator.next(), release: () => stream.destroy() };
}

const noop = (): void => {};

/** An `error` event without a listener ends the process. The reader gets the error from the stream anyway. */
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
