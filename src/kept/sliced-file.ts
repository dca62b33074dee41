import { FileChangedError } from "../errors.ts";
import { readOpened, type Content } from "../files/content.ts";
import type { DownloadFile, FileStat, OpenFile, OpenOptions } from "../files/download-file.ts";
import type { ByteRange } from "../http/range.ts";
import { statusOf } from "../responses/delivery.ts";
import { refuseJSON } from "../serialization.ts";
import type { KeptStore } from "./kept-store.ts";
import { hashKey, type HashedKey } from "./key.ts";
import { openForClient } from "./open-for-client.ts";
import { sliceable, type SliceManifest } from "./slice-manifest.ts";
import { visitOf, type Visit } from "./visit.ts";

/** Bytes of one slice: 8 MiB. */
const sliceSize = 8 * 1024 * 1024;

/**
 * A large remote file of which only those slices are fetched and kept that clients ask for. All are of one version: each is fetched
 * anew from an upstream that sends another entity tag.
 */
export class SlicedFile implements DownloadFile {
  declare readonly wasModifiedSince?: (since: Date) => boolean | Promise<boolean>;
  readonly #store: KeptStore;
  readonly #visit: Visit;
  readonly #manifest: SliceManifest;
  readonly #onChanged: () => Promise<unknown>;

  /** @param onChanged called if the upstream has another version by now */
  constructor(store: KeptStore, visit: Visit, manifest: SliceManifest, onChanged: () => Promise<unknown>) {
    this.#store = store;
    this.#visit = visit;
    this.#manifest = manifest;
    this.#onChanged = onChanged;
    const { original } = visit;
    if (original.wasModifiedSince) this.wasModifiedSince = (since) => original.wasModifiedSince!(since);
  }

  get name(): string {
    return this.#visit.original.name;
  }

  async stat(): Promise<FileStat> {
    const { size, etag, lastModified, contentType, contentEncoding } = this.#manifest;
    return {
      size,
      etag,
      ...(lastModified === undefined ? {} : { lastModified: new Date(lastModified) }),
      ...(contentType === undefined ? {} : { contentType }),
      ...(contentEncoding === undefined ? {} : { contentEncoding }),
    };
  }

  async open({ signal }: OpenOptions = {}): Promise<OpenFile> {
    return new OpenSlicedFile(await this.stat(), (index) => this.#slice(index, signal));
  }

  #slice(index: number, signal: AbortSignal | undefined): Promise<OpenFile> {
    const { key, original, options } = this.#visit;
    const { etag, size } = this.#manifest;
    const range = { start: index * sliceSize, end: Math.min((index + 1) * sliceSize, size) - 1 };
    const source = new SliceSource(original, range, this.#manifest, this.#onChanged);
    // Bound to the entity tag: it is never stale. What was begun is finished, as the client is likely to come back for it.
    return openForClient(
      this.#store,
      visitOf(sliceKey(key, etag, index), source, { finishAnyway: true, idleTimeout: options.idleTimeout }, { signal }),
      {},
    );
  }

  /** The original is opened once for each slice. */
  async release(): Promise<void> {
    await this.#visit.original.release?.();
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}

function sliceKey({ hash }: HashedKey, etag: string, index: number): HashedKey {
  return hashKey(["slice", [hash, etag, index]]);
}

/** Drops all slices of a version. */
export async function dropSlices(
  key: HashedKey,
  { etag, size }: SliceManifest,
  drop: (hash: string) => Promise<unknown>,
): Promise<void> {
  for (let index = 0; index * sliceSize < size; index += 1) await drop(sliceKey(key, etag, index).hash);
}

/** One slice of the original, as a file. */
class SliceSource implements DownloadFile {
  readonly #original: DownloadFile;
  readonly #range: ByteRange;
  readonly #manifest: SliceManifest;
  readonly #onChanged: () => Promise<unknown>;

  constructor(original: DownloadFile, range: ByteRange, manifest: SliceManifest, onChanged: () => Promise<unknown>) {
    this.#original = original;
    this.#range = range;
    this.#manifest = manifest;
    this.#onChanged = onChanged;
  }

  get name(): string {
    return this.#original.name;
  }

  get #size(): number {
    return this.#range.end - this.#range.start + 1;
  }

  async stat(): Promise<FileStat> {
    return { size: this.#size };
  }

  /** @throws {FileChangedError} if the upstream has another version than that of the manifest */
  async open({ signal }: OpenOptions = {}): Promise<OpenFile> {
    const range = this.#range;
    const opened = await this.#original.open({ range, ...(signal ? { signal } : {}) }).catch(async (error: unknown) => {
      // It is gone, or may no longer be had: the slices that are kept are not sent any longer.
      if (statusOf(error) < 500) await this.#onChanged();
      throw error;
    });
    const now = sliceable(opened);
    if (now?.etag === this.#manifest.etag && now.size === this.#manifest.size) {
      return new OpenSlice(opened, { size: this.#size }, range);
    }
    await opened.close();
    await this.#onChanged();
    throw new FileChangedError();
  }
}

class OpenSlice implements OpenFile {
  readonly stat: FileStat;
  readonly #opened: OpenFile;
  readonly #range: ByteRange;

  constructor(opened: OpenFile, stat: FileStat, range: ByteRange) {
    this.#opened = opened;
    this.stat = stat;
    this.#range = range;
  }

  content(): Promise<Content> {
    return this.#opened.content(this.#range);
  }

  close(): Promise<void> {
    return this.#opened.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}

class OpenSlicedFile implements OpenFile {
  readonly stat: FileStat;
  readonly #openSlice: (index: number) => Promise<OpenFile>;
  #current: OpenFile | undefined;
  #isClosed = false;

  constructor(stat: FileStat, openSlice: (index: number) => Promise<OpenFile>) {
    this.stat = stat;
    this.#openSlice = openSlice;
  }

  async content(range: ByteRange = { start: 0, end: this.stat.size! - 1 }): Promise<Content> {
    const length = range.end - range.start + 1;
    // Now, while a failure can still be answered with a status.
    await this.#enter(Math.floor(range.start / sliceSize));
    return { kind: "chunks", chunks: this.#read(range), length };
  }

  async *#read({ start, end }: ByteRange): AsyncGenerator<Uint8Array> {
    const last = Math.floor(end / sliceSize);
    for (let index = Math.floor(start / sliceSize); index <= last; index += 1) {
      if (!this.#current) await this.#enter(index);
      const begin = index * sliceSize;
      yield* readOpened(this.#current!, {
        start: Math.max(start - begin, 0),
        end: Math.min(end - begin, sliceSize - 1),
      });
      await this.#leave();
    }
  }

  async #enter(index: number): Promise<void> {
    await this.#leave();
    const opened = await this.#openSlice(index);
    if (this.#isClosed) await opened.close();
    else this.#current = opened;
  }

  async #leave(): Promise<void> {
    const opened = this.#current;
    this.#current = undefined;
    await opened?.close();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#leave();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}
