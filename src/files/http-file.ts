import { IncompleteBodyError, isDownloadError } from "../errors.ts";
import type { ByteRange } from "../http/range.ts";
import { ByteReader, readUntilAborted, sliceChunks } from "./bytes.ts";
import type { DownloadFile, FileStat, OpenFile, OpenOptions, StatOptions } from "./download-file.ts";
import { holds, type UpstreamAnswer } from "./http-file-answer.ts";
import { Connection } from "./http-file-connection.ts";
import type { Upstream } from "./http-file-request.ts";

export interface HTTPFileOptions {
  /** What the client sees. Default: the last segment of the URL's path, or else its host. */
  name?: string;
  /** What each request is sent with, such as `headers` with credentials. Its method, body and signal are not used. */
  requestInit?: RequestInit;
  /** What sends the requests. Default: the global `fetch`. */
  fetch?: typeof fetch;
  /** Milliseconds until an answer must have begun. Default 30 000. */
  timeout?: number;
}

/**
 * A file on another HTTP server, whose bytes pass through this one: one GET a download, with the client's range in it.
 * Nothing else of the client's request is sent on.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { HTTPFile } from "downloadview";
 *
 * const upstream = async () => new Response("Hello", { headers: { "Content-Length": "5" } });
 * const file = new HTTPFile("https://files.example/a/hello%20world.txt", { fetch: upstream });
 * assert.equal(file.name, "hello world.txt");
 * assert.equal((await file.stat()).size, 5);
 * ```
 */
export class HTTPFile implements DownloadFile {
  readonly name: string;
  readonly url: string;
  readonly #upstream: Upstream;

  constructor(url: string | URL, options: HTTPFileOptions = {}) {
    this.url = String(url);
    this.name = options.name ?? nameOf(this.url);
    const { requestInit = {}, fetch: send = fetch, timeout = 30_000 } = options;
    this.#upstream = { url: this.url, requestInit, fetch: send, timeout };
  }

  /** Asks by HEAD, or by a GET whose body is not read where HEAD is refused. */
  async stat({ signal }: StatOptions = {}): Promise<FileStat> {
    const connection = new Connection(this.#upstream, signal);
    try {
      return await connection.head();
    } finally {
      connection.release();
    }
  }

  /**
   * @throws {FileNotFoundError} for 404 and 410, and for 401 and 403
   * @throws {UpstreamError} 503 if the upstream asks to wait, 504 if it takes too long, 502 for any other failure
   */
  async open({ range, signal }: OpenOptions = {}): Promise<OpenFile> {
    const connection = new Connection(this.#upstream, signal);
    try {
      return new OpenHTTPFile(connection, await connection.open(range));
    } catch (error) {
      connection.close();
      throw error;
    }
  }
}

function nameOf(url: string): string {
  if (!URL.canParse(url)) return "download";
  const { pathname, hostname } = new URL(url);
  const segment = pathname.replace(/\/+$/, "").split("/").at(-1);
  return segment ? decoded(segment) : hostname;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

class OpenHTTPFile implements OpenFile {
  readonly stat: FileStat;
  readonly #connection: Connection;
  #unread: UpstreamAnswer | undefined;

  constructor(connection: Connection, answer: UpstreamAnswer) {
    this.stat = answer.stat;
    this.#connection = connection;
    this.#unread = answer;
  }

  /**
   * @throws {FileChangedError} if more than one request is needed and the file is another one by then
   * @throws {IncompleteBodyError} if the upstream cuts the connection
   */
  async *read(range?: ByteRange): AsyncGenerator<Uint8Array> {
    const { signal } = this.#connection;
    signal.throwIfAborted();
    const answer = this.#takeUnread(range) ?? (await this.#connection.read(range, this.stat));
    const reader = new ByteReader(answer.body ?? "");
    try {
      yield* readUntilAborted(reader, signal, range ? sliceChunks(reader, range, answer.start) : reader);
    } catch (cause) {
      throw signal.aborted || isDownloadError(cause)
        ? cause
        : new IncompleteBodyError("Upstream ended early", { cause });
    }
  }

  /** The answer that came with the opening, if nobody has read it and it is what is asked for. */
  #takeUnread(range: ByteRange | undefined): UpstreamAnswer | undefined {
    const answer = this.#unread;
    this.#unread = undefined;
    if (answer === undefined || (holds(answer, range) && !skipsTooMuch(answer, range))) return answer;
    void answer.body?.cancel().catch(() => undefined);
    return undefined;
  }

  async close(): Promise<void> {
    this.#connection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

const longestSkip = 256 * 1024;

/** Whether asking again costs less than reading on to where the range begins. */
function skipsTooMuch({ start, acceptsRanges }: UpstreamAnswer, range: ByteRange | undefined): boolean {
  return acceptsRanges && range !== undefined && range.start - start > longestSkip;
}
