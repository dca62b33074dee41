import { concatBytes, copyOf } from "../../files/bytes.ts";

/** In bytes. Stores refuse parts of less than 5 MiB, except for the last part. */
const minPartSize = 8 * 1024 * 1024;

/** Stores accept 10 000 parts. The size doubles every 2000 parts, so that small uploads use little memory. */
function sizeOfPart(number: number): number {
  return minPartSize * 2 ** Math.floor(number / 2000);
}

/** A part of an upload. There is always one, which may be empty. */
export interface ContentPart {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly isLast: boolean;
}

/** Splits `content` into parts. The parts are copies, because the source may reuse the memory of its chunks. */
export async function* contentParts(content: AsyncIterable<Uint8Array>): AsyncGenerator<ContentPart> {
  let number = 0;
  let chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content) {
    // A part is yielded only when more bytes follow: the upload must know whether it is the only part.
    if (size >= sizeOfPart(number)) {
      yield { number: number++, bytes: concatBytes(chunks), isLast: false };
      [chunks, size] = [[], 0];
    }
    chunks.push(copyOf(chunk));
    size += chunk.byteLength;
  }
  yield { number, bytes: concatBytes(chunks), isLast: true };
}

/** Content that remembers its own failure: that error is the caller's, not the store's. */
export class WatchedContent {
  readonly #chunks: AsyncGenerator<Uint8Array>;
  failed = false;
  reason: unknown;

  constructor(chunks: AsyncGenerator<Uint8Array>) {
    this.#chunks = chunks;
  }

  async *read(): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#chunks;
    } catch (error) {
      this.failed = true;
      this.reason = error;
      throw error;
    }
  }

  async release(): Promise<void> {
    await this.#chunks.return(undefined);
  }
}
