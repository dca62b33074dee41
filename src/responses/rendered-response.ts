import { contentLength, readContent, readExactly, readOpened, type Content } from "../files/content.ts";
import type { OpenFile } from "../files/download-file.ts";
import type { MultipartByteRanges } from "../http/range.ts";
import type { Delivery } from "./delivery.ts";

/** Where the bytes of a response come from. The adapter that takes a body closes it: {@link closeBody}. */
export type ResponseBody =
  | { readonly kind: "none" }
  /** A file, or a range of it. */
  | { readonly kind: "content"; readonly content: Content; readonly file: OpenFile }
  | {
      readonly kind: "multipart";
      readonly file: OpenFile;
      readonly multipart: MultipartByteRanges;
      /** The first part. The others are opened when it was read. */
      readonly first: Content;
      readonly length: number;
    }
  /** Exactly `length` bytes of a stream, or all of them if it is undefined. */
  | { readonly kind: "stream"; readonly stream: ReadableStream<Uint8Array>; readonly length?: number };

/** When a client that reads too slowly loses its connection. Only time in which the connection is full counts. */
export interface SlowReaders {
  /** After so many seconds in which the client took no byte. Default: never. */
  readonly idle?: number;
  /** If it took fewer bytes a second than this, over 30 seconds. Default 0. */
  readonly minimumRate?: number;
}

/** A response that is ready to be written: plain data, which each adapter turns into what its runtime sends. */
export interface RenderedResponse {
  readonly status: number;
  /** `[name, value, name, value, …]` */
  readonly headers: readonly string[];
  /** Names of fields that are defaults: a field that middleware has set stays. */
  readonly yields?: readonly string[] | undefined;
  readonly body: ResponseBody;
  /** At most this many bytes a second. A function is asked again for each piece. */
  readonly limitRate?: number | (() => number);
  /** When to end the transfer, because the client reads too slowly. */
  readonly slowReaders?: SlowReaders;
  /** Told by the writer how the transfer ended. */
  readonly delivery: Delivery;
}

/** A body that has bytes. */
export type ReadableBody = Exclude<ResponseBody, { kind: "none" }>;

/**
 * Reads the bytes of a body, as many as were promised, into memory that the reader may change.
 * @throws {IncompleteBodyError} if the source has fewer: a truncated body must never look whole
 */
export function readBody(body: ReadableBody): AsyncGenerator<Uint8Array> {
  switch (body.kind) {
    case "content":
      return readContent(body.content);
    case "multipart":
      return readMultipart(body);
    case "stream":
      return readExactly(readStream(body.stream), body.length);
  }
}

/** Frees what a body holds, whether it was read or not. */
export async function closeBody(body: ResponseBody): Promise<void> {
  if (body.kind === "content" || body.kind === "multipart") await body.file.close();
  else if (body.kind === "stream") await cancelStream(body.stream).catch(() => undefined);
}

/** The readers of bodies that are being read. Only through its reader can such a stream be cancelled. */
const readers = new WeakMap<ReadableStream<Uint8Array>, ReadableStreamDefaultReader<Uint8Array>>();

/** Cancels a stream at once, also while a source that stalls is asked for its next chunk. */
async function cancelStream(stream: ReadableStream<Uint8Array>): Promise<void> {
  const reader = readers.get(stream);
  if (reader) await reader.cancel();
  else if (!stream.locked) await stream.cancel();
}

/** Returns the length of a body in bytes, or undefined if it is unknown before the body is read. */
export function bodyLength(body: ResponseBody): number | undefined {
  switch (body.kind) {
    case "none":
      return 0;
    case "content":
      return contentLength(body.content);
    case "multipart":
      return body.length;
    case "stream":
      return body.length;
  }
}

async function* readMultipart({
  file,
  multipart,
  first,
}: Extract<ResponseBody, { kind: "multipart" }>): AsyncGenerator<Uint8Array> {
  for (const [at, { head, range }] of multipart.parts.entries()) {
    yield encoder.encode(head);
    yield* at === 0 ? readContent(first) : readOpened(file, range);
  }
  yield encoder.encode(multipart.tail);
}

const encoder = new TextEncoder();

// Without the stream's async iterator, which some runtimes lack.
async function* readStream(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  readers.set(stream, reader);
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      ended = done;
      if (done) return;
      yield value;
    }
  } finally {
    // Not awaited: the end of the response must not depend on that of its source.
    if (!ended) reader.cancel().catch(() => undefined);
    readers.delete(stream);
    reader.releaseLock();
  }
}
