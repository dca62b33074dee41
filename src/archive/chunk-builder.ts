/** Chunks begin small, so that a reader that stalls at once pins little, and grow for one that goes on. */
const minChunk = 64 * 1024;
const maxChunk = 256 * 1024;

/** Gathers small pieces into chunks of a size that sockets like. Each chunk is fresh memory, and the caller's to keep. */
export class ChunkBuilder {
  #left: number;
  #size = minChunk;
  #current: Uint8Array | undefined;
  #used = 0;
  readonly #full: Uint8Array[] = [];

  /** `length` is that of all pieces together, in bytes: no chunk has room for more. */
  constructor(length: number) {
    this.#left = length;
  }

  /** Room for up to `wanted` bytes of a piece, to be filled by the caller. */
  reserve(wanted: number): Uint8Array {
    const current = (this.#current ??= new Uint8Array(Math.min(this.#size, this.#left)));
    const room = current.subarray(this.#used, Math.min(this.#used + wanted, current.byteLength));
    this.#used += room.byteLength;
    this.#left -= room.byteLength;
    if (this.#used === current.byteLength) this.#finish(current);
    return room;
  }

  /** Copies a piece. */
  add(piece: Uint8Array): void {
    for (let at = 0; at < piece.byteLength;) {
      const room = this.reserve(piece.byteLength - at);
      room.set(piece.subarray(at, at + room.byteLength));
      at += room.byteLength;
    }
  }

  /** The next chunk that is full, or undefined. */
  take(): Uint8Array | undefined {
    return this.#full.shift();
  }

  #finish(chunk: Uint8Array): void {
    this.#full.push(chunk);
    this.#current = undefined;
    this.#used = 0;
    this.#size = Math.min(this.#size * 2, maxChunk);
  }
}
