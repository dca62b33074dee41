import type { ByteRange } from "../../http/range.ts";
import { refuseJSON } from "../../serialization.ts";
import { ByteReader, readUntilAborted, releaseSource, sliceChunks, type ByteSource } from "../bytes.ts";
import type { Content } from "../content.ts";
import type { FileStat, OpenFile } from "../download-file.ts";
import { isProvable } from "./answer.ts";
import { resumeReading } from "./resume-reading.ts";

/** What a remote source answered: a description of the whole file, and the part of it that the body holds. */
export interface RemoteAnswer {
  readonly stat: FileStat;
  readonly body: ByteSource | null;
  /** Where the body begins in the file. */
  readonly start: number;
  /** Where it ends, inclusive. Without it: with the file. */
  readonly end?: number;
  /** Whether the source said that it answers ranges (RFC 9110 §14.3). */
  readonly acceptsRanges: boolean;
  /** The header fields, if it came by HTTP. */
  readonly fields?: OpenFile["fields"];
  /** There is no body, since the client's entity tag is still that of the file. */
  readonly notModified?: boolean;
}

/** A range of a file whose length may not be known. */
export interface OpenEndedRange {
  readonly start: number;
  readonly end?: number | undefined;
}

/** What answers the requests that one opening of a remote file makes, all of which end when it is closed. */
export interface RemoteSource {
  /** Aborts when the client leaves or the file is closed. */
  readonly signal: AbortSignal;
  /**
   * Asks for bytes of that version of the file.
   *
   * @param joined whether bytes of an earlier answer have been sent, so that the version has to be proven
   * @throws {FileChangedError}
   */
  read(range: OpenEndedRange | undefined, version: FileStat, joined: boolean): Promise<RemoteAnswer>;
  close(): void;
}

/** A file elsewhere, whose bytes pass through this process. */
export class OpenRemoteFile implements OpenFile {
  readonly stat: FileStat;
  readonly notModified: boolean;
  readonly fields: OpenFile["fields"];
  readonly #source: RemoteSource;
  #unread: RemoteAnswer | undefined;
  /** Whether any bytes have been sent. */
  #begun = false;

  /**
   * @param unread the answer that came with the opening, if it has a body
   * @param several whether several ranges are going to be read. They are several answers: a file whose versions cannot be
   * told apart for sure is sent whole instead.
   */
  constructor(source: RemoteSource, stat: FileStat, unread?: RemoteAnswer, several = false) {
    this.stat = several && !isProvable(stat) ? { ...stat, seekable: false } : stat;
    this.notModified = unread?.notModified ?? false;
    this.fields = unread?.fields;
    this.#source = source;
    this.#unread = this.notModified ? undefined : unread;
  }

  async content(range?: ByteRange): Promise<Content> {
    return { kind: "chunks", chunks: this.#read(range) };
  }

  /**
   * A body that breaks is asked for again from where it broke, if the file has a validator that proves it to be the same.
   *
   * @throws {FileChangedError} if more than one request is needed and the file is another one by then
   * @throws {IncompleteBodyError} if the body breaks for good
   */
  async *#read(range?: ByteRange): AsyncGenerator<Uint8Array> {
    const { signal } = this.#source;
    signal.throwIfAborted();
    const end = range?.end ?? (this.stat.size === undefined ? undefined : this.stat.size - 1);
    const start = range?.start ?? 0;
    const attempts = isProvable(this.stat) ? mostAttempts : 0;
    let unread = this.#takeUnread(range);
    const openAt = async (position: number): Promise<AsyncIterable<Uint8Array>> => {
      const wanted = position === start ? range : { start: position, end };
      const answer = unread ?? (await this.#source.read(wanted, this.stat, this.#begun));
      unread = undefined;
      return chunksOf(answer, wanted, signal);
    };
    for await (const chunk of resumeReading(openAt, { start, end, attempts, signal })) {
      this.#begun = true;
      yield chunk;
    }
  }

  /** The answer that came with the opening, if nobody has read it and it is what is asked for. */
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

const mostAttempts = 3;

/** Whether the body of `answer` holds all of `range`, or of the file. */
export function holds({ start, end, stat }: RemoteAnswer, range: OpenEndedRange | undefined): boolean {
  if (end === undefined) return start <= (range?.start ?? 0);
  const last = range?.end ?? (stat.size ?? Infinity) - 1;
  return start <= (range?.start ?? 0) && last <= end;
}

const longestSkip = 256 * 1024;

/** Whether asking again costs less than reading on to where the range begins. */
function skipsTooMuch({ start, acceptsRanges }: RemoteAnswer, range: ByteRange | undefined): boolean {
  return acceptsRanges && range !== undefined && range.start - start > longestSkip;
}
