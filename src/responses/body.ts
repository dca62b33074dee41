import { IncompleteBodyError } from "../errors.ts";
import { copyOf } from "../files/bytes.ts";
import type { OpenFile } from "../files/download-file.ts";
import type { ByteRange, MultipartByteRanges } from "../http/range.ts";
import { rangeLength } from "../http/range.ts";
import type { ResponseBody } from "./rendered-response.ts";

/** A body that has bytes. */
export type ReadableBody = Exclude<ResponseBody, { kind: "none" }>;

/**
 * The bytes of a body, in memory that the reader may change, no more than were promised. Ends with an error where the source gives fewer: a short body must
 * never look whole.
 * @throws {IncompleteBodyError}
 */
export function readBody(body: ReadableBody): AsyncGenerator<Uint8Array> {
  switch (body.kind) {
    case "bytes":
      return readCopies(body.bytes);
    case "file":
      return readExactly(body.file.read(body.range), body.length);
    case "multipart":
      return readMultipart(body.file, body.multipart);
    case "stream":
      return readStream(body.stream);
  }
}

/** Frees what a body holds, whether it was read or not. */
export async function closeBody(body: ResponseBody): Promise<void> {
  if (body.kind === "file" || body.kind === "multipart") await body.file.close();
  else if (body.kind === "stream" && !body.stream.locked) await body.stream.cancel().catch(() => undefined);
}

/** How many bytes a body has, where that is known before it is read. */
export function bodyLength(body: ResponseBody): number | undefined {
  switch (body.kind) {
    case "none":
      return 0;
    case "bytes":
      return body.bytes.byteLength;
    case "stream":
      return undefined;
    default:
      return body.length;
  }
}

/** Bytes to copy at a time: a large file in memory is not doubled for a reader that stalls. */
const copied = 256 * 1024;

// Copies: the memory is that of a cache or of the application, and other responses are sent from it.
async function* readCopies(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += copied) yield copyOf(bytes.subarray(at, at + copied));
}

async function* readExactly(chunks: AsyncIterable<Uint8Array>, length?: number): AsyncGenerator<Uint8Array> {
  if (length === undefined) {
    yield* chunks;
    return;
  }
  let left = length;
  if (left > 0) {
    for await (const chunk of chunks) {
      if (chunk.byteLength >= left) {
        yield chunk.subarray(0, left);
        return;
      }
      left -= chunk.byteLength;
      if (chunk.byteLength > 0) yield chunk;
    }
  }
  if (left > 0) throw new IncompleteBodyError(`The source ended ${left} bytes early`);
}

async function* readMultipart(file: OpenFile, { parts, tail }: MultipartByteRanges): AsyncGenerator<Uint8Array> {
  for (const { head, range } of parts) {
    yield encoder.encode(head);
    yield* readRange(file, range);
  }
  yield encoder.encode(tail);
}

function readRange(file: OpenFile, range: ByteRange): AsyncGenerator<Uint8Array> {
  return readExactly(file.read(range), rangeLength(range));
}

const encoder = new TextEncoder();

// Not the stream's own async iterator: not every runtime that has streams has it.
async function* readStream(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      ended = done;
      if (done) return;
      yield value;
    }
  } finally {
    if (!ended) await reader.cancel().catch(() => undefined);
    reader.releaseLock();
  }
}
