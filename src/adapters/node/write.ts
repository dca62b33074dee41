import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { copyOf } from "../../files/bytes.ts";
import type { BytesContent, SeekableContent } from "../../files/content.ts";
import type { DownloadRequest, DownloadResult } from "../../responses/handler.ts";
import { limitRate } from "../../responses/limit-rate.ts";
import { renderResult } from "../../responses/render.ts";
import { bodyLength, closeBody, readBody, type RenderedResponse } from "../../responses/rendered-response.ts";
import { throughMiddleware } from "../application.ts";
import { inSmallPieces } from "../slow-readers.ts";
import {
  breakConnection,
  hasLeft,
  http2Stream,
  isGone,
  isOfLeaving,
  mustDrain,
  onConnectionEnd,
  socketOf,
} from "./connection.ts";
import { mergeHead, writeHead } from "./head.ts";
import { pump } from "./pump.ts";
import { NodeDownloadRequest } from "./request.ts";
import { trustedSocket } from "./trusted-socket.ts";
import { watchClient } from "./slow-client.ts";

/** Told of an error that no response shows. If the download is broken, its head was sent, and the error is for a log. */
export type OnFailure = (error: unknown, isBroken: boolean) => void;

/** Responds with a result, once the application's middleware has seen it. Never rejects, unless `onFailure` throws. */
export async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  resultFor: (request: DownloadRequest) => DownloadResult | Promise<DownloadResult>,
  onFailure: OnFailure,
): Promise<void> {
  let failure: unknown;
  try {
    const downloadRequest = new NodeDownloadRequest(request, response);
    const result = await throughMiddleware(resultFor(downloadRequest), downloadRequest, request);
    const rendered = await renderResult(result, downloadRequest);
    failure = await writeRendered(mergeHead(rendered, response), response);
  } catch (error) {
    // Without its client, a download has no failure.
    if (!isOfLeaving(error, response)) onFailure(error, false);
  }
  if (failure !== undefined) onFailure(failure, true);
}

/**
 * Writes a rendered response, and settles when the response is over. Rejects only while no byte has been sent, so that
 * the caller can still answer. If the source fails later, the connection is broken, and the promise resolves with the
 * error, for a log. Resolves with undefined if nothing failed, also if the client left.
 */
export function writeRendered(rendered: RenderedResponse, response: ServerResponse): Promise<unknown> {
  if (isGone(response)) return abandon(rendered);
  return new Promise((resolve, reject) => void new ResponseWriter(rendered, response, resolve, reject).send());
}

async function abandon({ body, status, delivery }: RenderedResponse): Promise<undefined> {
  await closeBody(body);
  delivery.abort(status, 0);
}

/** Up to this many bytes are copied, or counted, at a time. */
const largestPiece = 256 * 1024;

/** Up to this many bytes in memory go to Node's own socket in one piece, with the head and the end of the response. */
const largestWhole = 1024 * 1024;

/**
 * Writes one response, and counts what the connection took of its body.
 *
 * A response may be a substitute for Node's, such as that of a wrapper for serverless functions: its `write` may return undefined
 * and call back at once or never, it may have no socket, and emit `finish` alone. The writer needs no more of it than `pipe`.
 */
class ResponseWriter {
  readonly rendered: RenderedResponse;
  readonly response: ServerResponse;
  /** Bytes of the body that the connection took. */
  taken = 0;
  /** Bytes that were written, whether the connection took them or not. */
  #written = 0;
  readonly #socket: Socket | undefined;
  readonly #resolve: (failure: unknown) => void;
  readonly #reject: (error: unknown) => void;
  #failure: unknown;
  readonly #stopListening: () => void;
  readonly #stopWatching: (() => void) | undefined;
  /** Resolves the write that waits for the connection. */
  #settle: ((done: boolean) => void) | undefined;
  #onTaken: (() => void) | undefined;
  #isEnding = false;
  #isOver = false;

  constructor(
    rendered: RenderedResponse,
    response: ServerResponse,
    resolve: (failure: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    this.rendered = rendered;
    this.response = response;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#socket = socketOf(response);
    this.#stopListening = onConnectionEnd(response, () => this.#over(this.#isEnding && this.#isWholeAtEnd()));
    this.#stopWatching = rendered.slowReaders && watchClient(rendered.slowReaders, this);
  }

  /** Sends the response. Settles the promise of {@link writeRendered} when it is over. */
  async send(): Promise<void> {
    try {
      const sending = sendBody(this);
      // If all of it was written, the response reports its end.
      if (sending !== true && !(await sending)) this.#over(false);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    // The source was closed because the client left.
    if (this.isOver) return this.#over(false);
    this.#failure = error;
    if (!this.response.headersSent) {
      this.#reject(error);
      return this.#over(false);
    }
    breakConnection(this.response, bodyLength(this.rendered.body), error);
    this.#onTaken = () => this.#over(false);
    if (this.waiting === 0) this.#onTaken();
  }

  /** Reports how the response ended, and frees everything. */
  #over(isWhole: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopListening();
    this.#stopWatching?.();
    const { status, delivery, body } = this.rendered;
    if (isWhole) delivery.finish(status, this.taken);
    else delivery.abort(status, this.taken, this.#failure);
    // At once, not when the source next yields: it may never do so again.
    void closeBody(body);
    this.#settle?.(isWhole);
    this.#resolve(this.#failure);
  }

  /** Whether nothing more can be written. */
  get isOver(): boolean {
    return this.#isOver || isGone(this.response);
  }

  /** Bytes that were written, and that the connection has not taken. */
  get waiting(): number {
    return this.#written - this.taken;
  }

  #tookAll(): boolean {
    return this.taken > 0 && this.waiting === 0;
  }

  /** Whether a response that was ended is whole, though it was closed without a word of its end. */
  #isWholeAtEnd(): boolean {
    const stream = http2Stream(this.response);
    if (stream) return stream.writableFinished && stream.rstCode === 0 && !stream.aborted;
    // A stand-in that has no connection closes when it is done.
    return this.#tookAll() || this.#socket?.destroyed === undefined;
  }

  /**
   * Writes a chunk to Node's own socket. Resolves with `"reusable"` if the kernel took it and nothing else has had it: its
   * memory can be used again. With true if it was taken, and with false if the client left first.
   * @param socket - of `trustedSocket`
   * @param isLast - ends the response as well
   */
  writeTrusted(chunk: Uint8Array, socket: Socket, isLast = false): Promise<boolean | "reusable"> {
    return new Promise((resolve) => {
      const { response } = this;
      // Outside of a cork, Node keeps what is written until the end of the turn.
      response.cork();
      this.#settle = resolve;
      this.#writeCounted(chunk, socket, (isTaken) => {
        // Asked once more, while the response still has its socket: what replaced a method meanwhile may have got the chunk.
        resolve(isTaken && trustedSocket(response) === socket ? "reusable" : isTaken);
      });
      if (isLast) this.end();
      response.uncork();
    });
  }

  #writeCounted(chunk: Uint8Array, socket: Socket, taken?: (isTaken: boolean) => void): boolean {
    this.#written += chunk.byteLength;
    return this.response.write(chunk, (error) => {
      // For a write that was under way when the socket was destroyed, Node reports no error.
      const isTaken = !error && !socket.destroyed;
      if (isTaken) this.taken += chunk.byteLength;
      taken?.(isTaken);
      if (this.#tookAll()) this.#onTaken?.();
    });
  }

  /** Writes a chunk to any response, which may keep its memory. False if the client left before there was room for more. */
  write(chunk: Uint8Array): Promise<boolean> | true {
    const { response } = this;
    if (http2Stream(response)) return this.#writeToStream(chunk);
    const socket = trustedSocket(response);
    if (socket) return this.#writeCounted(chunk, socket) || this.#drained(0);
    this.#written += chunk.byteLength;
    const flushed: boolean | undefined = response.write(chunk);
    if (mustDrain(response, flushed)) return this.#drained(chunk.byteLength);
    this.taken += chunk.byteLength;
    return true;
  }

  // The body must not be ended before all of it was taken: if the client then resets the stream, Node emits no event.
  #writeToStream(chunk: Uint8Array): Promise<boolean> | true {
    const { response } = this;
    this.#written += chunk.byteLength;
    return new Promise((resolve) => {
      const settle = (done: boolean): void => {
        if (this.#settle !== settle) return;
        this.#settle = undefined;
        if (done) this.taken += chunk.byteLength;
        resolve(done);
      };
      this.#settle = settle;
      // A function that replaced `write` may drop the callback.
      const isReplaced = Object.hasOwn(response, "write");
      const flushed: unknown = isReplaced
        ? response.write(chunk)
        : response.write(chunk, (error) => settle(!error && !hasLeft(response)));
      if (!isReplaced) return;
      if (flushed === false) response.once("drain", () => settle(true));
      else settle(true);
    });
  }

  #drained(length: number): Promise<boolean> {
    return new Promise((resolve) => {
      const { response } = this;
      const settle = (done: boolean): void => {
        this.#settle = undefined;
        response.off("drain", drained);
        if (done) this.taken += length;
        resolve(done);
      };
      const drained = (): void => settle(true);
      response.once("drain", drained);
      this.#settle = settle;
    });
  }

  /** Ends the response, with a last chunk or none, unless it was ended. Returns false if the client left. */
  end(chunk?: Uint8Array): boolean {
    if (this.#isEnding || this.isOver) return this.#isEnding;
    this.#isEnding = true;
    const { response } = this;
    const length = chunk?.byteLength ?? 0;
    this.#written += length;
    // HTTP/2's compatibility API emits it for a stream that was reset as well.
    if (!http2Stream(response)) {
      response.once("finish", () => {
        // Node also emits it after a write has failed, with bytes that were never sent, and before it destroys the connection.
        const socket = this.#socket;
        const hasFailed = socket?.destroyed === true || (socket?.errored ?? null) !== null;
        const isLost = hasFailed && !this.#tookAll();
        if (!isLost) this.taken += length;
        this.#over(!isLost);
      });
    }
    if (chunk) response.end(chunk);
    else response.end();
    return true;
  }
}

/** Sends head and body, and ends the response. False if the client left first. */
function sendBody(writer: ResponseWriter): boolean | Promise<boolean> {
  const { status, headers, body, limitRate: rate, slowReaders } = writer.rendered;
  if (body.kind === "none") {
    writeHead(writer.response, status, headers);
    return writer.end();
  }
  if (rate) return sendChunks(limitRate(readBody(body), rate), writer);
  // HTTP/2 does not tell how much of a chunk was taken.
  if (slowReaders && http2Stream(writer.response)) return sendChunks(inSmallPieces(readBody(body)), writer);
  if (body.kind === "content" && body.content.kind === "bytes") return sendBytes(body.content, writer);
  if (body.kind === "content" && body.content.kind === "seekable") return sendFile(body.content, writer);
  return sendChunks(readBody(body), writer);
}

/** Bytes in memory that other responses are sent from as well: only Node's own socket gets that very memory. */
function sendBytes({ bytes, shared = true }: BytesContent, writer: ResponseWriter): boolean | Promise<boolean> {
  const { response, rendered } = writer;
  writeHead(response, rendered.status, rendered.headers);
  const isTrusted = trustedSocket(response) !== undefined;
  if (bytes.byteLength <= (isTrusted ? largestWhole : largestPiece) && !http2Stream(response)) {
    return writer.end(isTrusted || !shared ? bytes : copyOf(bytes));
  }
  return sendPieces(bytes, shared, writer);
}

async function sendPieces(bytes: Uint8Array, shared: boolean, writer: ResponseWriter): Promise<boolean> {
  for (let at = 0; at < bytes.byteLength; at += largestPiece) {
    if (writer.isOver) return false;
    const piece = bytes.subarray(at, at + largestPiece);
    const socket = trustedSocket(writer.response);
    const isTaken = socket
      ? await writer.writeTrusted(piece, socket)
      : await writer.write(shared ? copyOf(piece) : piece);
    if (!isTaken) return false;
  }
  return writer.end();
}

async function sendFile(content: SeekableContent, writer: ResponseWriter): Promise<boolean> {
  const { status, headers, body } = writer.rendered;
  if (content.length === 0) writeHead(writer.response, status, headers);
  if (!(await pump(content, writer, () => writeHead(writer.response, status, headers)))) return false;
  void closeBody(body);
  return writer.end();
}

async function sendChunks(chunks: AsyncGenerator<Uint8Array>, writer: ResponseWriter): Promise<boolean> {
  const { status, headers, body } = writer.rendered;
  // The first bytes come before the head: a source that fails here still gets the status that says so.
  let next = await chunks.next();
  if (writer.isOver) return leave(chunks);
  writeHead(writer.response, status, headers);
  while (!next.done) {
    if (!(await sendChunk(next.value, writer))) return leave(chunks);
    next = await chunks.next();
    if (writer.isOver) return leave(chunks);
  }
  await closeBody(body);
  return writer.end();
}

/** In pieces, so that it is known of a large chunk how much of it the connection took. */
async function sendChunk(chunk: Uint8Array, writer: ResponseWriter): Promise<boolean> {
  if (chunk.byteLength <= largestPiece) return writer.write(chunk);
  for (let at = 0; at < chunk.byteLength; at += largestPiece) {
    if (writer.isOver || !(await writer.write(chunk.subarray(at, at + largestPiece)))) return false;
  }
  return true;
}

function leave(chunks: AsyncGenerator<Uint8Array>): false {
  // Not waited for: a generator that is asked to return first finishes what it was asked before, which may be never.
  chunks.return(undefined).catch(() => undefined);
  return false;
}
