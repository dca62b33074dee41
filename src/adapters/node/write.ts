import type { IncomingMessage, ServerResponse } from "node:http";
import { copyOf } from "../../files/bytes.ts";
import type { BytesContent, SeekableContent } from "../../files/content.ts";
import { bodyLength, closeBody, readBody, type RenderedResponse } from "../../responses/rendered-response.ts";
import { limitRate } from "../../responses/limit-rate.ts";
import { debug } from "../../diagnostics.ts";
import type { SlowReaders } from "../../responses/rendered-response.ts";
import type { DownloadRequest, DownloadResult } from "../../responses/handler.ts";
import { renderResult } from "../../responses/render.ts";
import { throughMiddleware } from "../application.ts";
import { inSmallPieces, watchReader } from "../slow-readers.ts";
import { http2Stream, isGone, socketOf } from "./connection.ts";
import { mergeHead, writeHead } from "./head.ts";
import { pump } from "./pump.ts";
import { ResponseWriter } from "./response-writer.ts";
import { trustedSocket } from "./trusted-socket.ts";

/**
 * Responds with a result, once the application's middleware has seen it.
 * @returns an error that broke the response after its head was sent, for a log; undefined if there was none
 * @throws {DownloadError} while nothing has been sent yet
 */
export async function answer(
  result: DownloadResult | Promise<DownloadResult>,
  downloadRequest: DownloadRequest,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<unknown> {
  const final = await throughMiddleware(result, downloadRequest, request);
  return writeRendered(mergeHead(await renderResult(final, downloadRequest), response), response);
}

/**
 * Writes a rendered response, and settles when the response is over. Rejects only while no byte has been sent, so that
 * the caller can still answer. If the source fails later, the connection is broken, and the promise resolves with the
 * error, for a log. Resolves with undefined if nothing failed, also if the client left.
 */
export function writeRendered(rendered: RenderedResponse, response: ServerResponse): Promise<unknown> {
  if (isGone(response)) return abandon(rendered);
  const { body, status, delivery } = rendered;
  return new Promise((resolve, reject) => {
    let failure: unknown;
    const end = (): void => {
      unwatch?.();
      // At once, not when the source next yields: it may never do so again.
      void closeBody(body);
      writer.stop();
      resolve(failure);
    };
    const abort = (): void => {
      delivery.abort(status, writer.taken, failure);
      end();
    };
    const fail = (error: unknown): void => {
      // The source was closed because the client left.
      if (writer.isOver) return abort();
      failure = error;
      if (response.headersSent) {
        breakConnection(response, bodyLength(body), error);
        writer.whenTaken(abort);
      } else {
        reject(error);
        abort();
      }
    };
    const writer = new ResponseWriter(response, abort);
    const unwatch = rendered.slowReaders && watchClient(rendered.slowReaders, writer);
    sendBody(rendered, writer).then((isWhole) => {
      if (!isWhole) return abort();
      delivery.finish(status, writer.taken);
      end();
    }, fail);
  });
}

/** HTTP/2's error code of a stream that is no longer wanted (RFC 9113 §7). */
const cancelled = 8;

/** Ends the response of a client that reads too slowly. */
function watchClient(limits: SlowReaders, writer: ResponseWriter): () => void {
  const { response } = writer;
  const reader = { taken: () => takenBy(writer), isWaiting: () => writer.waiting > 0 };
  return watchReader(limits, reader, () => {
    debug(() => "a client reads too slowly: its download is ended");
    const stream = http2Stream(response);
    if (stream) stream.close(cancelled);
    else response.destroy();
  });
}

interface Handle {
  readonly writeQueueSize?: number;
}

// A chunk may take a slow client minutes. Of the one that is under way, libuv knows how much the kernel has taken: Node's own
// socket timeout looks at the same number.
function takenBy(writer: ResponseWriter): number {
  const { taken, waiting, response } = writer;
  if (http2Stream(response)) return taken;
  const queued = (socketOf(response) as { readonly _handle?: Handle | null } | undefined)?.["_handle"]?.writeQueueSize;
  return typeof queued === "number" ? taken + Math.max(0, waiting - queued) : taken;
}

async function abandon({ body, status, delivery }: RenderedResponse): Promise<undefined> {
  await closeBody(body);
  delivery.abort(status, 0);
}

/** Sends head and body. True if the connection took all of it. */
async function sendBody(rendered: RenderedResponse, writer: ResponseWriter): Promise<boolean> {
  const { body, limitRate: rate, slowReaders } = rendered;
  if (body.kind === "none") return sendHead(rendered, writer);
  if (rate) return sendChunks(rendered, limitRate(readBody(body), rate), writer);
  // HTTP/2 does not tell how much of a chunk was taken.
  if (slowReaders && http2Stream(writer.response)) {
    return sendChunks(rendered, inSmallPieces(readBody(body)), writer);
  }
  if (body.kind === "content" && body.content.kind === "bytes") return sendBytes(rendered, body.content, writer);
  if (body.kind === "content" && body.content.kind === "seekable") return sendFile(rendered, body.content, writer);
  return sendChunks(rendered, readBody(body), writer);
}

function sendHead({ status, headers }: RenderedResponse, writer: ResponseWriter): Promise<boolean> {
  writeHead(writer.response, status, headers);
  return writer.end();
}

/** Up to this many bytes are copied, or counted, at a time. */
const largestPiece = 256 * 1024;

/** Up to this many bytes in memory go to Node's own socket in one piece, with the head and the end of the response. */
const largestWhole = 1024 * 1024;

/** Bytes in memory that other responses are sent from as well: only Node's own socket gets that very memory. */
async function sendBytes(
  { status, headers }: RenderedResponse,
  { bytes, shared = true }: BytesContent,
  writer: ResponseWriter,
): Promise<boolean> {
  const { response } = writer;
  writeHead(response, status, headers);
  const isTrusted = trustedSocket(response) !== undefined;
  if (bytes.byteLength <= (isTrusted ? largestWhole : largestPiece) && !http2Stream(response)) {
    return writer.end(isTrusted || !shared ? bytes : copyOf(bytes));
  }
  for (let at = 0; at < bytes.byteLength; at += largestPiece) {
    if (writer.isOver) return false;
    const piece = bytes.subarray(at, at + largestPiece);
    const socket = trustedSocket(response);
    const isTaken = socket
      ? await writer.writeTrusted(piece, socket)
      : await writer.write(shared ? copyOf(piece) : piece);
    if (!isTaken) return false;
  }
  return writer.end();
}

async function sendFile(
  { status, headers, body }: RenderedResponse,
  content: SeekableContent,
  writer: ResponseWriter,
): Promise<boolean> {
  if (content.length === 0) writeHead(writer.response, status, headers);
  if (!(await pump(content, writer, () => writeHead(writer.response, status, headers)))) return false;
  void closeBody(body);
  return writer.end();
}

async function sendChunks(
  { status, headers, body }: RenderedResponse,
  chunks: AsyncGenerator<Uint8Array>,
  writer: ResponseWriter,
): Promise<boolean> {
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

/** RFC 9113 §7. A number, so that an application of HTTP/1 doesn't load the module that names it. */
const internalError = 2;

/**
 * Ends a response that can no longer be completed so that it cannot look whole: what was written goes out, the rest is
 * missing. Where only the end of the connection marks the end of the body (HTTP/1.0), that would look like success: such
 * a connection is reset.
 */
function breakConnection(response: ServerResponse, length: number | undefined, error: unknown): void {
  const socket = socketOf(response);
  const stream = http2Stream(response);
  // One of many on the connection, which goes on (RFC 9113 §5.4.2). At once, it would overtake what was just written.
  if (stream) setImmediate(() => stream.close(internalError));
  else if (!response.socket || typeof socket?.destroySoon !== "function") breakWithoutSocket(response, error);
  else if (length === undefined && !response.chunkedEncoding) socket.resetAndDestroy();
  else socket.destroySoon();
}

function breakWithoutSocket(response: ServerResponse, error: unknown): void {
  const isStandIn = typeof socketOf(response)?.destroySoon !== "function";
  response.destroy();
  // A wrapper for serverless functions waits for the end of the response, or for an error: it must not wait for ever.
  if (isStandIn && response.listenerCount("error") > 0) response.emit("error", error);
}
