/**
 * A deflate stream that compresses nothing (RFC 1951 §3.2.4): blocks of at most 65,535 bytes, each after 5 bytes that
 * say how long it is. Its length is known from that of the content, and any block can be made without those before it.
 */

export const maxBlock = 65_535;
export const blockHead = 5;

/** The length of the stream, in bytes. A member that is empty is not deflated at all. */
export function storedLength(size: number): number {
  return size + blockHead * Math.ceil(size / maxBlock);
}

/** The 5 bytes before a block: whether it is the last one, its length, and that inverted. */
export function writeBlockHead(target: Uint8Array, length: number, isLast: boolean): void {
  target[0] = isLast ? 1 : 0;
  target[1] = length & 0xff;
  target[2] = length >>> 8;
  target[3] = ~length & 0xff;
  target[4] = (~length >>> 8) & 0xff;
}

/** Where in the content the block begins that byte `offset` of the stream is in, and how many bytes of the stream come before it. */
export function blockAt(offset: number): { readonly content: number; readonly stream: number } {
  const index = Math.floor(offset / (maxBlock + blockHead));
  return { content: index * maxBlock, stream: index * (maxBlock + blockHead) };
}
