import { debug, reasonOf } from "../diagnostics.ts";
import type { Content } from "./content.ts";
import type { ByteRange, RangeSpec } from "../http/range.ts";

/**
 * Says what a file is and how to read it. Lazy: making one costs no I/O, so that a proxy can send the file instead.
 */
export interface DownloadFile {
  /** A name, perhaps with folders. The last segment is what a client sees. */
  readonly name: string;
  /** The absolute path, when the bytes are on this machine's disk. */
  readonly path?: string;
  /** The URL under which its storage knows it. */
  readonly url?: string;
  /**
   * Tells the file apart from those of all other storages, and stays the same: `s3://bucket/key`. Not for clients. Missing
   * where `path` or `url` do so.
   */
  readonly location?: string;
  /** Describes the file without opening it. @throws {FileNotFoundError} */
  stat(options?: StatOptions): Promise<FileStat>;
  /** Readies the file to be read, once. @throws {FileNotFoundError} */
  open(options?: OpenOptions): Promise<OpenFile>;
  /** Whether the file changed after `since`, for files that know better than a date can tell. */
  wasModifiedSince?(since: Date): boolean | Promise<boolean>;
  /**
   * The URL under which a client can fetch the file from its storage. Missing where the storage has no URLs.
   *
   * @throws {FileNotFoundError} for a name that the storage refuses
   */
  signedUrl?(options?: SignedUrlOptions): Promise<string>;
  /** The file that this one only describes. {@link unwrap} follows it to the last one. */
  unwrap?(): DownloadFile;
  /** Frees what a file holds before it is opened, such as a stream that was handed in. Called if it will not be opened. */
  release?(): Promise<void>;
}

export interface SignedUrlOptions {
  /** How long the URL works, in seconds, where the storage can limit it. */
  expiresIn?: number | undefined;
  /** `Content-Disposition` of the answer, where the storage can set it. */
  contentDisposition?: string | undefined;
  /** `Content-Type` of the answer, where the storage can set it. */
  contentType?: string | undefined;
}

export interface StatOptions {
  signal?: AbortSignal | undefined;
  /**
   * Whether the answer is sent in place of the bytes, as to a HEAD: then a file that {@link DownloadFile.open} could not open
   * is not found either. Without it a file is described that perhaps only another server may read.
   */
  readable?: boolean | undefined;
  /**
   * The `Accept-Encoding` of the client, or null if it sent none. A file that has compressed forms describes and opens the one that
   * the client prefers. Others ignore it.
   */
  acceptEncoding?: string | null | undefined;
}

export interface OpenOptions extends StatOptions {
  /** The single range that a client asked for: a remote source sends it upstream, others ignore it. */
  range?: RangeSpec | undefined;
  /** The ranges that a client asked for where it asked for several: a remote source sends the first of them upstream. */
  ranges?: readonly RangeSpec[] | undefined;
  /**
   * The strong entity tag of what the client has: a remote source may send it upstream, and open to an answer without
   * bytes where it is still that of the file. Others ignore it.
   */
  ifNoneMatch?: string | undefined;
  /**
   * The date of the version that the caller has, if that has no entity tag. A file that is fetched by HTTP sends it upstream, and opens
   * without content if the file has not changed since. Others ignore it.
   */
  ifModifiedSince?: Date | undefined;
  /**
   * Whether the runtime may drop the body without cancelling it. A local file then opens nothing before its content is read.
   * Others ignore it.
   */
  lazy?: boolean | undefined;
  /**
   * What `stat()` of this file returned a while ago: only that version is of use. A local file opens it without another
   * look at the path, or fails with a `FileChangedError`. Others ignore it, so the caller compares the opened file's stat.
   */
  pinned?: FileStat | undefined;
}

/** What is known of a file's bytes. Everything is optional: a generated file may know nothing. */
export interface FileStat {
  /** Length in bytes. */
  size?: number;
  lastModified?: Date;
  /** An entity tag in header form: `"x"` or `W/"x"` (RFC 9110 §8.8.3). */
  etag?: string;
  /** A media type, with parameters if they are known. */
  contentType?: string;
  /** The coding that the bytes really are in, such as `gzip`. */
  contentEncoding?: string;
  /** The absolute path of these very bytes, where it is another than the file's: a variant that was negotiated. */
  path?: string;
  /** The request fields by which these bytes were chosen among several forms, such as `"Accept-Encoding"`: sent as `Vary`. */
  vary?: string;
  /** Digests of the bytes by algorithm, such as `{ "sha-256": bytes }`, where they are known (RFC 9530). */
  digests?: Readonly<Record<string, Uint8Array>>;
  /** The CRC-32 of all the bytes (as in ZIP and gzip, RFC 1952), an unsigned 32-bit number, where it is known. */
  crc32?: number;
  /** False for a source that can be read only from its beginning, once: it gets no `Accept-Ranges`. */
  seekable?: boolean;
}

/** A file that is ready to be read. The caller of `open()` closes it. */
export interface OpenFile extends AsyncDisposable {
  /** Of the very bytes that {@link content} returns. */
  readonly stat: FileStat;
  /** Whether `ifNoneMatch` or `ifModifiedSince` held upstream: then {@link stat} has the validators alone, and there is no content. */
  readonly notModified?: boolean | undefined;
  /**
   * The header fields of the response, if the file was fetched by HTTP. They tell a cache how long the file is fresh (RFC 9111).
   */
  readonly fields?: { get(name: string): string | null } | undefined;
  /**
   * Whether the file was fetched with an `Authorization` field. Then a shared cache keeps it only if the response allows that
   * (RFC 9111 §3.5). Default false.
   */
  readonly isAuthorized?: boolean | undefined;
  /**
   * All the bytes, or those of `range`, both ends included. Called before the head of a response is sent: what can still
   * fail with a status fails here, or at the first chunk. Called once, or, unless {@link FileStat.seekable} is false, once
   * for each part of an answer with several, when the part before it was read.
   * @throws {FileChangedError} when it is no longer the file that {@link stat} describes
   */
  content(range?: ByteRange): Promise<Content>;
  /** Frees everything. Idempotent. A content that is being read ends with an error. */
  close(): Promise<void>;
}

/** Whether a value is a file, of this package or not. */
export function isDownloadFile(value: unknown): value is DownloadFile {
  return typeof value === "object" && value !== null && "stat" in value && "open" in value;
}

/** The file will not be read. It may be a stream that holds a connection: that ends now. No effect on a file that was opened. */
export function releaseFile(file: DownloadFile): void {
  file.release?.().catch((error: unknown) => debug(() => `A file could not be released: ${reasonOf(error)}`));
}

/**
 * Checks the numbers and dates of a description. Files of applications and of other packages come by here as well: without
 * the check, a size of NaN would be sent as a length.
 * @throws {TypeError} for a size that is not a length, and for a date that is invalid
 */
export function checkedStat(stat: FileStat, file: DownloadFile): FileStat {
  const { size, lastModified } = stat;
  if (size !== undefined && !isLength(size)) {
    throw new TypeError(
      `${kindOf(file)} describes itself with the size ${written(size)}. A size is a whole number of bytes from 0 to ` +
        "2^53 - 1, or undefined where it is not known",
    );
  }
  if (lastModified !== undefined && !isDate(lastModified)) {
    throw new TypeError(
      `${kindOf(file)} describes itself with the lastModified ${written(lastModified)}. It must be a valid Date, or ` +
        "undefined where it is not known",
    );
  }
  return stat;
}

function isLength(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

// By its tag, not by its class: a date of another realm, such as a test runner's, is a date too.
function isDate(value: unknown): boolean {
  return Object.prototype.toString.call(value) === "[object Date]" && !Number.isNaN((value as Date).getTime());
}

function written(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : typeof value === "bigint" ? `${value}n` : String(value);
}

/** The class of the file, or of the file that it describes. */
function kindOf(file: DownloadFile & { readonly source?: unknown }): string {
  const { source } = file;
  if (typeof source === "object" && source !== null && "stat" in source) return kindOf(source as DownloadFile);
  const { name } = file.constructor;
  return name === "Object" || name === "" ? "A file" : name;
}
