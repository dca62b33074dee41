import type { ByteRange } from "../../http/range.ts";
import { refuseJSON } from "../../serialization.ts";
import { ByteReader, readUntilAborted, releaseSource, sliceChunks } from "../byte-reader.ts";
import { type ByteSource } from "../byte-source.ts";
import type { Content } from "../content.ts";
import type { FileStat, OpenFile } from "../download-file.ts";
import { isProvable } from "./answer.ts";
import { resumeReading } from "./resume-reading.ts";

/** A response of a remote source: the metadata of the whole file, and a body with all or a part of it. */
export interface RemoteAnswer {
  readonly stat: FileStat;
  readonly body: ByteSource | null;
  /** Position in the file of the body's first byte. */
  readonly start: number;
  /** Position of the body's last byte. Default: the end of the file. */
  readonly end?: number;
  /** Whether the source supports ranges (RFC 9110 §14.3). */
  readonly acceptsRanges: boolean;
  /** The header fields, if the response came by HTTP. */
  readonly fields?: OpenFile["fields"];
  /** Whether the request had an `Authorization` field. */
  readonly isAuthorized?: boolean;
  /** True if there is no body because the client's entity tag matches the file. */
  readonly notModified?: boolean;
}

/** A range of a file whose length may not be known. */
export interface OpenEndedRange {
  readonly start: number;
  readonly end?: number | undefined;
}

/** Sends the requests of one opened remote file. They end when it is closed. */
export interface RemoteSource {
  /** Aborts when the client leaves or the file is closed. */
  readonly signal: AbortSignal;
  /**
   * Requests bytes of `version` of the file.
   *
   * @param joined whether bytes of an earlier response have been sent, so that a strong entity tag must prove the version
   * @throws {FileChangedError} if the source has another version
   */
  read(range: OpenEndedRange | undefined, version: FileStat, joined: boolean): Promise<RemoteAnswer>;
  close(): void;
}

/** An opened file of another server, whose bytes pass through this process. */
export class OpenRemoteFile implements OpenFile {
  readonly stat: FileStat;
  readonly notModified: boolean;
  readonly fields: OpenFile["fields"];
  readonly isAuthorized: boolean;
  readonly #source: RemoteSource;
  #unread: RemoteAnswer | undefined;
  #hasSentBytes = false;

  /**
   * @param unread the response to the first request
   * @param several whether several ranges will be read, which takes several responses. Without a strong entity tag they
   *   could be of different versions, so the file is then sent whole
   */
  constructor(source: RemoteSource, stat: FileStat, unread?: RemoteAnswer, several = false) {
    this.stat = several && !isProvable(stat) ? { ...stat, seekable: false } : stat;
    this.notModified = unread?.notModified ?? false;
    this.fields = unread?.fields;
    this.isAuthorized = unread?.isAuthorized ?? false;
    this.#source = source;
    this.#unread = this.notModified ? undefined : unread;
  }

  async content(range?: ByteRange): Promise<Content> {
    return { kind: "chunks", chunks: this.#read(range) };
  }

  /**
   * Yields the bytes of a range. If the body breaks and the file has a strong entity tag, requests the rest again.
   *
   * @throws {FileChangedError} if more than one request is needed and the file is another one by then
   * @throws {IncompleteBodyError} if the body breaks for good
   */
  async *#read(range?: ByteRange): AsyncGenerator<Uint8Array> {
    const { signal } = this.#source;
    signal.throwIfAborted();
    const end = range?.end ?? (this.stat.size === undefined ? undefined : this.stat.size - 1);
    const start = range?.start ?? 0;
    const attempts = isProvable(this.stat) ? maxRetries : 0;
    let unread = this.#takeUnread(range);
    const openAt = async (position: number): Promise<AsyncIterable<Uint8Array>> => {
      const wanted = position === start ? range : { start: position, end };
      const answer = unread ?? (await this.#source.read(wanted, this.stat, this.#hasSentBytes));
      unread = undefined;
      return chunksOf(answer, wanted, signal);
    };
    for await (const chunk of resumeReading(openAt, { start, end, attempts, signal })) {
      this.#hasSentBytes = true;
      yield chunk;
    }
  }

  /** Returns the response to the first request if it is unread and contains the range; else cancels its body. */
  #takeUnread(range: ByteRange | undefined): RemoteAnswer | undefined {
    const answer = this.#unread;
    this.#unread = undefined;
    const skips = isProvable(this.stat) && answer !== undefined && skipsTooMuch(answer, range);
    if (answer === undefined || (holds(answer, range) && !skips)) return answer;
    releaseSource(answer.body ?? "");
    return undefined;
  }

  async close(): Promise<void> {
    releaseSource(this.#unread?.body ?? "");
    this.#unread = undefined;
    this.#source.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}

function chunksOf(
  { body, start }: RemoteAnswer,
  range: OpenEndedRange | undefined,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const reader = new ByteReader(body ?? "");
  if (!range) return readUntilAborted(reader, signal);
  return readUntilAborted(
    reader,
    signal,
    sliceChunks(reader, { start: range.start, end: range.end ?? Infinity }, start),
  );
}

const maxRetries = 3;

/** Tells whether the body contains all of `range`, or the whole file if `range` is undefined. */
export function holds({ start, end, stat }: RemoteAnswer, range: OpenEndedRange | undefined): boolean {
  if (end === undefined) return start <= (range?.start ?? 0);
  const last = range?.end ?? (stat.size ?? Infinity) - 1;
  return start <= (range?.start ?? 0) && last <= end;
}

const maxSkip = 256 * 1024;

/** Tells whether a new request costs less than reading up to the start of the range. */
function skipsTooMuch({ start, acceptsRanges }: RemoteAnswer, range: ByteRange | undefined): boolean {
  return acceptsRanges && range !== undefined && range.start - start > maxSkip;
}
