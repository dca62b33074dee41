import { assignGiven } from "../assign-given.ts";
import { SourceConsumedError } from "../errors.ts";
import { refuseJSON } from "../serialization.ts";
import { bytesEntityTag } from "./bytes-entity-tag.ts";
import { assertByteSource, isBlob, isOneShot, silenceErrors, type ByteSource } from "./byte-source.ts";
import { isChunk, toBytes } from "./bytes.ts";
import type { DownloadFile, FileStat, OpenFile, OpenOptions } from "./download-file.ts";
import { OneShotSource, OpenMadeFile, OpenOneShotFile, type VirtualSourceFunction } from "./virtual-file-content.ts";
import { OpenBytes } from "./content.ts";

/** Anything that {@link VirtualFile} serves. */
export type VirtualSource = ByteSource | VirtualSourceFunction;

export interface VirtualFileOptions {
  /** What the client sees, perhaps with folders. Default: the name of a `File`, else `"download"`. */
  name?: string | undefined;
  /**
   * Where a server in front of the application has the same bytes, such as `"/media/report.pdf"`: a rule with a
   * `sourceUrl` that it is below hands the download to that server. Clients do not see it.
   */
  url?: string | undefined;
  /** Length in bytes. Text, bytes and a `Blob` know their own. */
  size?: number | undefined;
  /** When the content was last changed. A `File` knows. */
  lastModified?: Date | undefined;
  /**
   * An entity tag in header form. Text and bytes get a strong one that is made of the content, so that a client can
   * resume and gets a 304: it costs a hash a file. `false` for none.
   */
  etag?: string | false | undefined;
  /** A media type. A `Blob` may know its own. */
  contentType?: string | undefined;
  /** The coding that the bytes are in already, such as `gzip`. */
  contentEncoding?: string | undefined;
  /** Whether `source` is a function that returns only the bytes of the `range` that it is passed. Needs a `size`. Default: `false`. */
  ranges?: boolean | undefined;
  /** See `DownloadFile`. */
  wasModifiedSince?: ((since: Date) => boolean | Promise<boolean>) | undefined;
}

/**
 * A file that is in no place: text, bytes, a `Blob`, a web or Node stream, any iterable or async iterable of text and
 * bytes, or a function that makes one of those. Text is sent as UTF-8.
 *
 * A function is called when the content is read, not before: a 304 or a HEAD costs nothing, and each request gets its
 * own. A stream or an iterator can be read once: its file answers one request, in whole. Bytes are not copied: do not
 * change them while they are served.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { readOpened, VirtualFile } from "downloadview";
 *
 * async function* rows() {
 *   yield "id,name\n";
 *   yield "1,Ada\n";
 * }
 * const file = new VirtualFile(rows, { name: "people.csv" });
 * const opened = await file.open();
 * let text = "";
 * for await (const chunk of readOpened(opened)) text += new TextDecoder().decode(chunk);
 * assert.equal(text, "id,name\n1,Ada\n");
 * await opened.close();
 * ```
 */
export class VirtualFile implements DownloadFile {
  readonly name: string;
  declare readonly url?: string;
  declare readonly wasModifiedSince?: (since: Date) => boolean | Promise<boolean>;
  readonly #content: Content;
  readonly #options: VirtualFileOptions;
  #contentTag: Promise<string> | undefined;

  /** @throws {TypeError} if `source` has no bytes */
  constructor(source: VirtualSource, options: VirtualFileOptions = {}) {
    this.#content = contentOf(source, options.ranges ?? false);
    this.#options = assignGiven<VirtualFileOptions>(blobOptions(source), options);
    this.name = this.#options.name ?? "download";
    if (options.url !== undefined) this.url = options.url;
    if (options.wasModifiedSince) this.wasModifiedSince = options.wasModifiedSince;
  }

  async stat(): Promise<FileStat> {
    const { lastModified, contentType, contentEncoding } = this.#options;
    const size = this.#size();
    const etag = await this.#entityTag();
    return {
      ...(size === undefined ? {} : { size }),
      ...(etag === undefined ? {} : { etag }),
      ...(lastModified === undefined ? {} : { lastModified }),
      ...(contentType === undefined ? {} : { contentType }),
      ...(contentEncoding === undefined ? {} : { contentEncoding }),
      ...(size === undefined || this.#content.kind === "once" ? { seekable: false } : {}),
    };
  }

  /** @throws {SourceConsumedError} if the source is a stream or an iterator and was opened before */
  async open({ signal }: OpenOptions = {}): Promise<OpenFile> {
    signal?.throwIfAborted();
    const content = this.#content;
    if (content.kind === "once" && !(await content.source.open())) throw new SourceConsumedError();
    const stat = await this.stat();
    switch (content.kind) {
      case "bytes":
        return new OpenBytes(stat, content.bytes);
      case "once":
        return new OpenOneShotFile(stat, content.source, signal);
      case "made":
        return new OpenMadeFile(stat, content.make, content.ranges, signal);
    }
  }

  /** Frees a stream or an iterator that will not be opened, because only `stat()` was called. Idempotent. */
  async release(): Promise<void> {
    if (this.#content.kind === "once" && this.#content.source.claim()) this.#content.source.release();
  }

  #size(): number | undefined {
    return this.#content.kind === "bytes" ? this.#content.bytes.byteLength : this.#options.size;
  }

  #entityTag(): Promise<string> | string | undefined {
    const { etag } = this.#options;
    if (etag !== undefined) return etag || undefined;
    return this.#content.kind === "bytes" ? (this.#contentTag ??= bytesEntityTag(this.#content.bytes)) : undefined;
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}

type Content =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "once"; readonly source: OneShotSource }
  | { readonly kind: "made"; readonly make: VirtualSourceFunction; readonly ranges: boolean };

function contentOf(source: VirtualSource, ranges: boolean): Content {
  if (typeof source === "function") return { kind: "made", make: source, ranges };
  assertByteSource(source);
  if (isChunk(source)) return { kind: "bytes", bytes: toBytes(source) };
  if (isBlob(source)) return { kind: "made", make: ({ range }) => sliceBlob(source, range), ranges: true };
  if (!isOneShot(source)) return { kind: "made", make: () => source, ranges: false };
  // Now, not when it is read: a stream may fail while the request is still being decided on.
  silenceErrors(source);
  return { kind: "once", source: new OneShotSource(source) };
}

function sliceBlob(blob: Blob, range: { start: number; end: number } | undefined): Blob {
  return range ? blob.slice(range.start, range.end + 1) : blob;
}

/** What a `Blob` says of itself, and a `File`, which is one with a name and a date. */
function blobOptions(source: unknown): VirtualFileOptions {
  if (!isBlob(source)) return {};
  const { name, lastModified } = source as Partial<File>;
  return {
    size: source.size,
    ...(source.type ? { contentType: source.type } : {}),
    ...(name === undefined ? {} : { name }),
    ...(lastModified === undefined ? {} : { lastModified: new Date(lastModified) }),
  };
}
