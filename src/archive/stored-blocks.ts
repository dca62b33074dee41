/**
 * A deflate stream that compresses nothing (RFC 1951 §3.2.4): blocks of at most 65,535 bytes, each after 5 bytes that
 * state its length. The length of the stream follows from that of the content, and a stream can begin anywhere.
 */

const maxBlock = 65_535;
const blockHead = 5;
const wholeBlock = maxBlock + blockHead;

/** The length of the stream, in bytes. An empty member is not deflated at all. */
export function storedLength(size: number): number {
  return size + blockHead * Math.ceil(size / maxBlock);
}

/** How many bytes of the content come before byte `offset` of the stream. */
export function contentBefore(offset: number): number {
  const blocks = Math.floor(offset / wholeBlock);
  return blocks * maxBlock + Math.max(offset - blocks * wholeBlock - blockHead, 0);
}

/**
 * Turns content into stream, in place. `target` is the piece of the stream from byte `offset` on, and its end holds the
 * content of that piece: content moves to the front, and the heads of blocks go between.
 * @param streamLength that of the whole stream
 */
export function insertBlockHeads(target: Uint8Array, offset: number, streamLength: number): void {
  const end = offset + target.byteLength;
  let read = target.byteLength - (contentBefore(end) - contentBefore(offset));
  let write = 0;
  while (write < target.byteLength) {
    const position = offset + write;
    const within = position % wholeBlock;
    if (within < blockHead) {
      const head = headOfBlock(position - within, streamLength).subarray(within, within + target.byteLength - write);
      target.set(head, write);
      write += head.byteLength;
    } else {
      const length = Math.min(wholeBlock - within, target.byteLength - write);
      if (read !== write) target.copyWithin(write, read, read + length);
      read += length;
      write += length;
    }
  }
}

/** Whether the block is the last one, its length, and that length inverted. */
function headOfBlock(blockStart: number, streamLength: number): Uint8Array {
  const left = streamLength - blockStart;
  const length = Math.min(left - blockHead, maxBlock);
  const isLast = left <= wholeBlock ? 1 : 0;
  return Uint8Array.of(isLast, length & 0xff, length >>> 8, ~length & 0xff, (~length >>> 8) & 0xff);
}
