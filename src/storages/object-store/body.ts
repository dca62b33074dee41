import { IncompleteBodyError, UpstreamError } from "../../errors.ts";
import type { NodeStream } from "../../files/byte-source.ts";
import { parseContentRange } from "../../files/remote/answer.ts";
import { knownSize } from "../../files/known.ts";

/** The part of an object that the body of a response holds, as far as the response says. */
export interface BodyPlace {
  readonly start: number;
  /** The last byte, inclusive. Undefined: the last of the object. */
  readonly end?: number;
  /** Of the object, in bytes. */
  readonly size?: number;
  /** Of the body, in bytes. */
  readonly length?: number;
}

/**
 * Reads which part of an object a response holds.
 *
 * @param status of the response, if the SDK reports it
 * @param contentLength as the SDK reports it. If undefined, the length is unknown, which is not 0
 * @throws {UpstreamError} for a part without its position: it must not be taken for the whole object
 */
export function bodyPlace(
  status: number | undefined,
  contentRange: string | undefined,
  contentLength: unknown,
): BodyPlace {
  const length = knownSize(contentLength);
  const range = status === 200 ? undefined : parseContentRange(contentRange ?? "");
  if (range) return { ...range, length: length ?? range.end + 1 - range.start };
  if (status === 206) throw new UpstreamError(502, undefined, { cause: new Error("A 206 without a Content-Range") });
  return { start: 0, ...(length !== undefined && { size: length, length }) };
}

/**
 * Wraps a body of `length` bytes so that its last chunk is returned only when the stream has ended. A reader that has all its
 * bytes reads no further, and would leave a connection that cannot be reused. If the SDK finds a wrong checksum at the end, the
 * last chunk is never returned.
 */
export function objectBody(stream: NodeStream, length: number | undefined): NodeStream {
  const chunks =
    length === undefined
      ? () => untilClosed(stream)
      : () => lastChunkAtTheEnd(stream as AsyncIterable<Uint8Array>, length);
  return streamLike(stream, chunks);
}

/** The same stream with other chunks. */
export function streamLike(stream: NodeStream, chunks: () => AsyncGenerator<Uint8Array>): NodeStream {
  return {
    destroy: () => stream.destroy(),
    on: (event, listener) => stream.on(event, listener),
    [Symbol.asyncIterator]: chunks,
  };
}

async function* lastChunkAtTheEnd(stream: AsyncIterable<Uint8Array>, length: number): AsyncGenerator<Uint8Array> {
  const chunks = stream[Symbol.asyncIterator]();
  let left = length;
  for (;;) {
    const { done, value } = await chunks.next();
    if (done) return;
    left -= value.byteLength;
    if (left <= 0) await expectEnd(chunks);
    yield value;
  }
}

async function expectEnd(chunks: AsyncIterator<Uint8Array>): Promise<void> {
  try {
    await chunks.next();
  } catch (cause) {
    throw new IncompleteBodyError("The bytes are not those that the store says they are", { cause });
  }
}

/** The members of Node's `IncomingMessage` that are used. */
interface ReceivedMessage {
  readonly socket?: { readonly errored?: Error | null } | null;
}

// A body of unknown length may end with its connection. Node ends it in the same way when the connection is reset.
async function* untilClosed(stream: NodeStream): AsyncGenerator<Uint8Array> {
  const { socket } = stream as ReceivedMessage;
  yield* stream as AsyncIterable<Uint8Array>;
  if (socket?.errored) throw new IncompleteBodyError("Upstream ended early", { cause: socket.errored });
}
