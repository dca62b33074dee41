import { IncompleteBodyError } from "../errors.ts";
import type { ByteRange } from "../http/range.ts";
import { onAbort } from "./abort.ts";
import { isByteSource, isOneShot, isWebStream, pullerOf, type ByteSource, type Puller } from "./byte-source.ts";
import { allocate, concatBytes, copyOf, toBytes } from "./bytes.ts";

/** Frees a source that will not be read. Ignores values that are not a source. */
export function releaseSource(source: unknown): void {
  if (!isByteSource(source) || !isOneShot(source)) return;
  // Its reader frees it.
  if (isWebStream(source) && source.locked) return;
  new ByteReader(source).close();
}

/** Small pieces are gathered to chunks of about this many bytes. */
const largestGathered = 64 * 1024;

/** Pieces below this size, in bytes, are worth a copy: each chunk costs a write to the socket, and an HTTP chunk. */
const smallestWhole = 16 * 1024;

/** The longest that a reader holds a piece back while its source has more at once, or keeps the event loop, in milliseconds. */
const longestHold = 3;

// Node, Bun and Deno have the turn of the event loop in which everything that is ready was handled. Others have a timer.
const atEndOfTurn: (callback: () => void) => unknown =
  (globalThis as { setImmediate?: (callback: () => void) => unknown }).setImmediate ??
  ((callback) => setTimeout(callback, 0));

interface Demand {
  resolve(result: IteratorResult<Uint8Array, undefined>): void;
  reject(reason: unknown): void;
}

/**
 * The bytes of a source, chunk by chunk, none of them empty. It can be let go at any moment: {@link close} frees the
 * source at once, and a pending `next()` fails.
 *
 * With `gathers`, chunks are memory that the source has no more. Small pieces become one chunk, as long as the source has the
 * next one at once. If it has none by the end of the turn of the event loop, the chunk is returned as it is.
 */
export class ByteReader implements AsyncIterableIterator<Uint8Array> {
  readonly #puller: Puller;
  readonly #gathers: boolean;
  readonly #gathered = new Gathered();
  #demand: Demand | undefined;
  #demandedAt = 0;
  #isPulling = false;
  /** The piece that did not go with those before it. */
  #held: string | Uint8Array | undefined;
  #isTurnAwaited = false;
  /** When the event loop was last known to turn. */
  #turnedAt = 0;
  /** Whether the source has no more. */
  #isDrained = false;
  #failure: { readonly reason: unknown } | undefined;
  #isClosed = false;

  constructor(source: ByteSource, { gathers = false }: { readonly gathers?: boolean } = {}) {
    this.#puller = pullerOf(source);
    this.#gathers = gathers;
    if (gathers) this.#turnedAt = performance.now();
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    return new Promise((resolve, reject) => {
      this.#demand = { resolve, reject };
      if (this.#gathers) this.#start();
      else this.#fill();
    });
  }

  // A source that is always ready, and a client that takes all at once, would leave nothing else its turn.
  #start(): void {
    this.#demandedAt = performance.now();
    if (this.#demandedAt - this.#turnedAt <= longestHold) return this.#fill();
    atEndOfTurn(() => {
      this.#demandedAt = this.#turnedAt = performance.now();
      this.#fill();
    });
  }

  // No promise a piece, where the source needs none: there may be a million of them.
  #fill(): void {
    if (this.#isClosed) return this.#settle();
    try {
      if (this.#held !== undefined) this.#add(this.#held);
      while (this.#demand && !this.#isPulling) {
        if (this.#isDrained || this.#failure) return this.#settle();
        const pulled = this.#puller.pull();
        if (!isPromise(pulled)) this.#accept(pulled);
        else this.#await(pulled);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #await(pulled: Promise<IteratorResult<unknown>>): void {
    this.#isPulling = true;
    Promise.resolve(pulled).then(this.#onPulled, this.#onFailed);
    if (this.#isTurnAwaited || this.#gathered.isEmpty) return;
    this.#isTurnAwaited = true;
    atEndOfTurn(() => {
      this.#isTurnAwaited = false;
      if (this.#isPulling) this.#deliver();
    });
  }

  readonly #onPulled = (result: IteratorResult<unknown>): void => {
    this.#isPulling = false;
    try {
      this.#accept(result);
    } catch (error) {
      return this.#fail(error);
    }
    this.#fill();
  };

  readonly #onFailed = (reason: unknown): void => {
    this.#isPulling = false;
    this.#fail(reason);
  };

  #accept({ done, value }: IteratorResult<unknown>): void {
    if (done) this.#isDrained = true;
    else this.#add(typeof value === "string" ? value : toBytes(value));
  }

  #add(piece: string | Uint8Array): void {
    this.#held = undefined;
    if (typeof piece !== "string" && piece.byteLength === 0) return;
    const isWhole = typeof piece !== "string" && (!this.#gathers || piece.byteLength >= smallestWhole);
    if (isWhole && this.#demand && this.#gathered.isEmpty) return this.#resolve(this.#own(piece));
    if (isWhole || !this.#gathered.add(piece)) {
      this.#held = piece;
      this.#deliver(true);
    } else if (!this.#gathers || this.#gathered.size >= largestGathered || this.#isLate()) {
      this.#deliver();
    }
  }

  // A socket may have a chunk in its queue long after it has asked for the next one. Readers that don't gather copy themselves.
  #own(piece: Uint8Array): Uint8Array {
    return this.#gathers && this.#puller.keepsMemory ? copyOf(piece) : piece;
  }

  #isLate(): boolean {
    return performance.now() - this.#demandedAt > longestHold;
  }

  /** Returns what was gathered, if `next()` waits for it. Half a character waits for the other half, unless `isRest`. */
  #deliver(isRest = false): boolean {
    const bytes = this.#demand && this.#gathered.take(isRest);
    if (!bytes?.byteLength) return false;
    this.#resolve(bytes);
    return true;
  }

  #resolve(value: Uint8Array): void {
    this.#demand?.resolve({ done: false, value });
    this.#demand = undefined;
  }

  #fail(reason: unknown): void {
    this.#failure ??= { reason };
    this.#settle();
  }

  /** Tells how the source ended, once all that it gave is delivered. */
  #settle(): void {
    if (!this.#isClosed && this.#deliver(true)) return;
    const demand = this.#demand;
    this.#demand = undefined;
    if (this.#failure && !this.#isClosed) demand?.reject(this.#failure.reason);
    else demand?.resolve({ done: true, value: undefined });
  }

  /** Frees the source. `reason` is what a pending `next()` fails with. */
  close(reason: unknown = closedEarly()): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#demand?.reject(reason);
    this.#demand = undefined;
    if (this.#isDrained) return;
    try {
      Promise.resolve(this.#puller.release()).catch(() => undefined);
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

function isPromise<T>(value: Promise<T> | T): value is Promise<T> {
  return typeof (value as Promise<T>).then === "function";
}

/** What a read fails with when its file was closed under it: the body is not whole, and must not look so. */
export function closedEarly(): IncompleteBodyError {
  return new IncompleteBodyError("The file was closed before its end");
}

/** Small pieces that go as one, all of them text or all of them bytes. */
class Gathered {
  #text = "";
  #bytes: Uint8Array = nothing;
  #filled = 0;

  get isEmpty(): boolean {
    return this.size === 0;
  }

  /** In bytes, or in the characters of a text, which mostly are as many. */
  get size(): number {
    return this.#filled + this.#text.length;
  }

  /** Takes a piece in. False if it is of the other kind, or there is no room for it. */
  add(piece: string | Uint8Array): boolean {
    if (typeof piece !== "string") return this.#text === "" && this.#addBytes(piece);
    if (this.#filled > 0) return false;
    this.#text += piece;
    return true;
  }

  // Copied at once: a source may fill the same memory again for its next piece. One piece alone needs no room for others.
  #addBytes(piece: Uint8Array): boolean {
    const filled = this.#filled + piece.byteLength;
    if (filled > largestGathered) return false;
    if (this.#filled === 0) this.#bytes = copyOf(piece);
    else {
      if (filled > this.#bytes.byteLength) this.#makeRoom(2 * filled);
      this.#bytes.set(piece, this.#filled);
    }
    this.#filled = filled;
    return true;
  }

  #makeRoom(wanted: number): void {
    const room = allocate(Math.min(Math.max(wanted, smallestRoom), largestGathered));
    room.set(this.#bytes);
    this.#bytes = room;
  }

  /**
   * The bytes of all pieces, in memory of their own. A surrogate pair may be cut in two: the first half stays for the next
   * piece, or is U+FFFD in the `isRest` of a text.
   */
  take(isRest: boolean): Uint8Array {
    return this.#filled > 0 ? this.#takeBytes() : this.#takeText(isRest);
  }

  #takeBytes(): Uint8Array {
    const bytes = this.#bytes.subarray(0, this.#filled);
    this.#bytes = nothing;
    this.#filled = 0;
    return bytes;
  }

  #takeText(isRest: boolean): Uint8Array {
    const text = this.#text;
    this.#text = !isRest && /[\uD800-\uDBFF]$/.test(text) ? text.slice(-1) : "";
    return encoder.encode(this.#text ? text.slice(0, -1) : text);
  }
}

const encoder = new TextEncoder();
const nothing = new Uint8Array();
const smallestRoom = 1024;

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

/** All the bytes of a source in memory, a copy. */
export async function collectBytes(source: ByteSource, signal?: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readBytes(source, signal)) chunks.push(copyOf(chunk));
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
