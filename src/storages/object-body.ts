import { IncompleteBodyError } from "../errors.ts";
import type { NodeStream } from "../files/bytes.ts";

/**
 * The body of an answer that has `length` bytes, whose last chunk is given only when the stream has ended: a reader that
 * has all it counted on does not ask for more, and would leave behind a connection that cannot be used again. Where the
 * SDK then finds that the checksum is wrong, the last chunk is not given at all.
 */
export function objectBody(stream: NodeStream, length: number): NodeStream {
  return {
    destroy: () => stream.destroy(),
    on: (event, listener) => stream.on(event, listener),
    [Symbol.asyncIterator]: () => lastChunkAtTheEnd(stream as AsyncIterable<Uint8Array>, length),
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
