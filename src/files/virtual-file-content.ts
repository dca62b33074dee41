import { SourceConsumedError } from "../errors.ts";
import type { ByteRange } from "../http/range.ts";
import { refuseJSON } from "../serialization.ts";
import { onAbort, untilAborted } from "./abort.ts";
import { ByteReader, closedEarly, readUntilAborted, releaseSource, sliceChunks } from "./byte-reader.ts";
import { assertByteSource, isReadAlready, type ByteSource } from "./byte-source.ts";
import type { Content } from "./content.ts";
import type { FileStat, OpenFile } from "./download-file.ts";

/** The argument of a function that makes content. */
export interface VirtualReadOptions {
  /** Aborts when the content is no longer read: the client left, or has all the bytes that it requested. */
  signal: AbortSignal;
  /** The bytes to return, both ends included, if the file was made with `ranges: true` and a part was requested. */
  range?: ByteRange;
}

/** Makes the content anew each time that it is read. */
export type VirtualSourceFunction = (options: VirtualReadOptions) => ByteSource | Promise<ByteSource>;

/** A stream or an iterator, which can be opened and read once. */
export class OneShotSource {
  readonly #source: ByteSource;
  #opened = false;
  #read = false;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** False if it was opened before, or is a stream that was read elsewhere. */
  async open(): Promise<boolean> {
    return this.claim() && !(await isReadAlready(this.#source));
  }

  /** False if it was claimed before. */
  claim(): boolean {
    const first = !this.#opened;
    this.#opened = true;
    return first;
  }

  /** @throws {SourceConsumedError} the second time */
  read(): ByteReader {
    if (this.#read) throw new SourceConsumedError();
    this.#read = true;
    return new ByteReader(this.#source, { gathers: true });
  }

  /** Frees the source, unless it is being read. */
  release(): void {
    if (this.#read) return;
    this.#read = true;
    releaseSource(this.#source);
  }
}

/** Content that comes in chunks. Closing it ends every read of it at once, whatever the source is doing. */
abstract class OpenChunks implements OpenFile {
  readonly stat: FileStat;
  protected readonly abort: AbortController = new AbortController();
  readonly #unfollow: () => void;

  constructor(stat: FileStat, signal: AbortSignal | undefined) {
    this.stat = stat;
    this.#unfollow = onAbort(signal, () => this.abort.abort(signal?.reason));
  }

  async content(range?: ByteRange): Promise<Content> {
    return { kind: "chunks", chunks: this.read(range) };
  }

  protected abstract read(range?: ByteRange): AsyncIterable<Uint8Array>;

  async close(): Promise<void> {
    this.#unfollow();
    if (!this.abort.signal.aborted) this.abort.abort(closedEarly());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}

function readSlice(reader: ByteReader, signal: AbortSignal, range: ByteRange | undefined): AsyncGenerator<Uint8Array> {
  return readUntilAborted(reader, signal, range ? sliceChunks(reader, range) : reader);
}

export class OpenOneShotFile extends OpenChunks {
  readonly #source: OneShotSource;

  constructor(stat: FileStat, source: OneShotSource, signal: AbortSignal | undefined) {
    super(stat, signal);
    this.#source = source;
    onAbort(this.abort.signal, () => source.release());
  }

  protected override async *read(range?: ByteRange): AsyncGenerator<Uint8Array> {
    const { signal } = this.abort;
    signal.throwIfAborted();
    yield* readSlice(this.#source.read(), signal, range);
  }
}

export class OpenMadeFile extends OpenChunks {
  readonly #make: VirtualSourceFunction;
  readonly #ranges: boolean;

  constructor(stat: FileStat, make: VirtualSourceFunction, ranges: boolean, signal: AbortSignal | undefined) {
    super(stat, signal);
    this.#make = make;
    this.#ranges = ranges;
  }

  protected override async *read(range?: ByteRange): AsyncGenerator<Uint8Array> {
    const { signal } = this.abort;
    signal.throwIfAborted();
    const wanted = range !== undefined && this.#ranges ? { range } : {};
    const source = await untilAborted(Promise.resolve(this.#make({ signal, ...wanted })), signal, releaseSource);
    assertByteSource(source);
    yield* readSlice(new ByteReader(source, { gathers: true }), signal, this.#ranges ? undefined : range);
  }
}
