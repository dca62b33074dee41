import { concatBytes, copyOf } from "../../files/bytes.ts";

/** A part of an upload. There is always one, which may be empty. */
export interface EqualPart {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly isLast: boolean;
}

/**
 * Splits `content` into parts of `size` bytes, of which only the last may be shorter, as R2 requires. The parts are copies: the
 * source may reuse the memory of its chunks.
 */
export async function* equalParts(content: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<EqualPart> {
  let number = 0;
  let pieces: Uint8Array[] = [];
  let filled = 0;
  for await (const chunk of content) {
    for (let at = 0; at < chunk.byteLength;) {
      // A part is yielded only when more bytes follow: the upload must know whether it is the only part.
      if (filled === size) {
        yield { number: number++, bytes: concatBytes(pieces), isLast: false };
        [pieces, filled] = [[], 0];
      }
      const piece = copyOf(chunk.subarray(at, at + size - filled));
      pieces.push(piece);
      filled += piece.byteLength;
      at += piece.byteLength;
    }
  }
  yield { number, bytes: concatBytes(pieces), isLast: true };
}
