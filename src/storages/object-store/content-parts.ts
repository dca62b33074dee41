import { concatBytes } from "../../files/bytes.ts";

/** Bytes. No store takes parts of less than 5 MiB, but for the last. */
const smallestPart = 8 * 1024 * 1024;

/** Stores take ten thousand parts: doubling their size every two thousand keeps small uploads in little memory. */
function sizeOfPart(number: number): number {
  return smallestPart * 2 ** Math.floor(number / 2000);
}

/** A part of an upload. There is always one, which may be empty. */
export interface ContentPart {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly isLast: boolean;
}

/** `content` in parts that are copies: the memory of its chunks may be used again. */
export async function* contentParts(content: AsyncIterable<Uint8Array>): AsyncGenerator<ContentPart> {
  let number = 0;
  let chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content) {
    // A part is given when there is more, since whoever uploads it has to know whether it is the only one.
    if (size >= sizeOfPart(number)) {
      yield { number: number++, bytes: concatBytes(chunks), isLast: false };
      [chunks, size] = [[], 0];
    }
    chunks.push(chunk.slice());
    size += chunk.byteLength;
  }
  yield { number, bytes: concatBytes(chunks), isLast: true };
}
