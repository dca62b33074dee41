import { SourceConsumedError } from "../errors.ts";
import type { ByteRange } from "../http/range.ts";
import { bytesEntityTag } from "./bytes-entity-tag.ts";
import {
  assertByteSource,
  ByteReader,
  closedEarly,
  isBlob,
  isChunk,
  isOneShot,
  releaseSource,
  silenceErrors,
  sliceChunks,
  toBytes,
  type ByteSource,
} from "./bytes.ts";
import type { DownloadFile, FileStat, OpenFile, OpenOptions } from "./download-file.ts";

/** What a function that makes the content is told. */
export interface VirtualReadOptions {
  /** Aborts when the client leaves. */
  signal: AbortSignal;
  /** The bytes to give, both ends included, when the file was made with `ranges: true` and a part was asked for. */
  range?: ByteRange;
}

/** Makes the content anew each time that it is read. */
export type VirtualSourceFunction = (options: VirtualReadOptions) => ByteSource | Promise<ByteSource>;

export interface VirtualFileOptions {
  /** What the client sees, perhaps with folders. Default: the name of a `File`, else `"download"`. */
  name?: string;
  /** Length in bytes. Known by itself for text, bytes and a `Blob`. */
  size?: number;
  /** Known by itself for a `File`. */
  lastModified?: Date;
  /**
   * An entity tag in header form. Text and bytes get a strong one made of the content, unless this is `false`: it
   * costs a hash a file, and lets a client resume and get a 304.
   */
  etag?: string | false;
  contentType?: string;
  /** The coding that the bytes are in already, such as `gzip`. */
  contentEncoding?: string;
  /** Set it when `source` is a function that gives only the bytes of the `range` that it is told. Needs `size`. */
  ranges?: boolean;
  wasModifiedSince?: (since: Date) => boolean | Promise<boolean>;
}

/**
 * A file that is in no place: text, bytes, a `Blob`, a web or Node stream, any iterable or async iterable of text and
 * bytes, or a function that makes one of those.
 *
 * A stream or an iterator can be read once: such a file answers one request, in whole. A function is called when the
 * content is read, not before, so that a 304 or a HEAD costs nothing, and can be read again. Bytes are not copied: do not change them while
 * they are served.
 *
 * @example
 * ```ts
 * import { VirtualFile } from "downloadview";
 *
 * async function* rows() {
 *   yield "id,name\n";
 *   yield "1,Ada\n";
 * }
 * const file = new VirtualFile(rows, { name: "people.csv" });
 * const opened = await file.open();
 * let text = "";
 * for await (const chunk of opened.read()) text += new TextDecoder().decode(chunk);
 * console.assert(text === "id,name\n1,Ada\n");
 * await opened.close();
 * ```
 */
export class VirtualFile implements DownloadFile {
  readonly name: string;
  readonly wasModifiedSince?: (since: Date) => boolean | Promise<boolean>;
  readonly #source: ByteSource | VirtualSourceFunction;
  readonly #options: VirtualFileOptions;
  #bytes: Uint8Array | undefined;
  #etag: Promise<string> | undefined;
  #taken = false;

  /** @throws {TypeError} if `source` has no bytes */
  constructor(source: ByteSource | VirtualSourceFunction, options: VirtualFileOptions = {}) {
    if (typeof source !== "function") assertByteSource(source);
    silenceErrors(source);
    this.#source = source;
    this.#options = options;
    this.name = options.name ?? nameOf(source) ?? "download";
    if (options.wasModifiedSince) this.wasModifiedSince = options.wasModifiedSince;
  }

  async stat(): Promise<FileStat> {
    const { lastModified, contentType, contentEncoding } = { ...blobStat(this.#source), ...this.#options };
    const size = this.#size();
    const etag = await this.#entityTag();
    return {
      ...(size === undefined ? {} : { size }),
      ...(etag === undefined ? {} : { etag }),
      ...(lastModified === undefined ? {} : { lastModified }),
      ...(contentType === undefined ? {} : { contentType }),
      ...(contentEncoding === undefined ? {} : { contentEncoding }),
      ...(size === undefined || this.#readsOnce() ? { seekable: false } : {}),
    };
  }

  /** @throws {SourceConsumedError} if a stream or an iterator was opened before */
  async open(options: OpenOptions = {}): Promise<OpenFile> {
    options.signal?.throwIfAborted();
    if (this.#readsOnce()) {
      if (this.#taken) throw new SourceConsumedError();
      this.#taken = true;
    }
    return openVirtual(await this.stat(), this.#content(), this.#options.ranges === true, options.signal);
  }

  /** Frees a stream or an iterator that nobody is going to open. Idempotent. */
  async release(): Promise<void> {
    if (this.#taken || typeof this.#source === "function") return;
    this.#taken = true;
    releaseSource(this.#source);
  }

  #readsOnce(): boolean {
    return typeof this.#source !== "function" && isOneShot(this.#source);
  }

  #content(): ByteSource | VirtualSourceFunction {
    return this.#inMemory() ?? this.#source;
  }

  #inMemory(): Uint8Array | undefined {
    if (isChunk(this.#source)) this.#bytes ??= toBytes(this.#source);
    return this.#bytes;
  }

  #size(): number | undefined {
    if (isBlob(this.#source)) return this.#source.size;
    return this.#inMemory()?.byteLength ?? this.#options.size;
  }

  #entityTag(): Promise<string> | string | undefined {
    const { etag } = this.#options;
    if (etag !== undefined) return etag || undefined;
    const bytes = this.#inMemory();
    return bytes && (this.#etag ??= bytesEntityTag(bytes));
  }
}

function nameOf(source: unknown): string | undefined {
  return isBlob(source) && "name" in source && typeof source.name === "string" ? source.name : undefined;
}

function blobStat(source: unknown): Pick<FileStat, "lastModified" | "contentType"> {
  if (!isBlob(source)) return {};
  const modified = "lastModified" in source && typeof source.lastModified === "number";
  return {
    ...(modified ? { lastModified: new Date(source.lastModified as number) } : {}),
    ...(source.type ? { contentType: source.type } : {}),
  };
}

function openVirtual(
  stat: FileStat,
  content: ByteSource | VirtualSourceFunction,
  ranges: boolean,
  signal?: AbortSignal,
): OpenFile {
  if (content instanceof Uint8Array) return new OpenBytes(stat, content);
  if (typeof content === "function") return new OpenVirtualFile(stat, content, ranges, signal);
  if (isBlob(content)) {
    const slice: VirtualSourceFunction = ({ range }) => (range ? content.slice(range.start, range.end + 1) : content);
    return new OpenVirtualFile(stat, slice, true, signal);
  }
  return new OpenVirtualFile(stat, isOneShot(content) ? new OneShot(content) : () => content, false, signal);
}

/** Bytes in memory, open. */
class OpenBytes implements OpenFile {
  readonly stat: FileStat;
  readonly bytes: Uint8Array;

  constructor(stat: FileStat, bytes: Uint8Array) {
    this.stat = stat;
    this.bytes = bytes;
  }

  async *read(range?: ByteRange): AsyncGenerator<Uint8Array> {
    yield range ? this.bytes.subarray(range.start, range.end + 1) : this.bytes;
  }

  async close(): Promise<void> {}

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** A source whose bytes come once. */
class OneShot {
  readonly #source: ByteSource;
  #taken = false;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  take(): ByteSource {
    if (this.#taken) throw new SourceConsumedError();
    this.#taken = true;
    return this.#source;
  }

  release(): void {
    if (!this.#taken) releaseSource(this.take());
  }
}

/** Content that is made, or pulled, while it is read. */
class OpenVirtualFile implements OpenFile {
  readonly stat: FileStat;
  readonly #source: OneShot | VirtualSourceFunction;
  readonly #ranges: boolean;
  readonly #abort = new AbortController();
  readonly #readers = new Set<ByteReader>();
  readonly #unfollow: () => void;

  constructor(stat: FileStat, source: OneShot | VirtualSourceFunction, ranges: boolean, signal?: AbortSignal) {
    this.stat = stat;
    this.#source = source;
    this.#ranges = ranges;
    const close = (): void => void this.close();
    signal?.addEventListener("abort", close, { once: true });
    this.#unfollow = () => signal?.removeEventListener("abort", close);
  }

  async *read(range?: ByteRange): AsyncGenerator<Uint8Array> {
    const reader = new ByteReader(await this.#take(range));
    if (this.#abort.signal.aborted) {
      reader.close();
      throw closedEarly();
    }
    this.#readers.add(reader);
    try {
      yield* range && !this.#ranges ? sliceChunks(reader, range) : reader;
    } finally {
      this.#readers.delete(reader);
      reader.close();
    }
  }

  async #take(range?: ByteRange): Promise<ByteSource> {
    if (this.#source instanceof OneShot) return this.#source.take();
    const { signal } = this.#abort;
    const source = await this.#source({ signal, ...(range && this.#ranges ? { range } : {}) });
    assertByteSource(source);
    return source;
  }

  async close(): Promise<void> {
    this.#unfollow();
    if (this.#abort.signal.aborted) return;
    this.#abort.abort(closedEarly());
    if (this.#source instanceof OneShot) this.#source.release();
    for (const reader of this.#readers) reader.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
