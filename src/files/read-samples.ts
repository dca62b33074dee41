/** In bytes. */
const sampleSize = 16;
const maxSamples = 32;

interface Sample {
  readonly position: number;
  readonly bytes: Uint8Array;
}

/**
 * A few bytes of each chunk that was read from a file. If the file has grown meanwhile, they tell a log that was appended
 * to from a file that was written anew, longer than before, whose beginning we have sent already.
 */
export class ReadSamples {
  #samples: Sample[] = [];
  #chunks = 0;
  #every = 1;

  /** Keeps a copy of the first and the last bytes of a chunk, of every second one once there are many, and so on. */
  add(chunk: Uint8Array, position: number): void {
    if (this.#chunks++ % this.#every !== 0) return;
    if (this.#samples.length >= maxSamples) {
      this.#samples = this.#samples.filter((_, at) => at % 4 < 2);
      this.#every *= 2;
    }
    this.#keep(chunk.subarray(0, sampleSize), position);
    const end = Math.max(0, chunk.byteLength - sampleSize);
    this.#keep(chunk.subarray(end), position + end);
  }

  /** Reads the same places again, by `readInto`, and compares. */
  async areUnchanged(readInto: (target: Uint8Array, position: number) => Promise<number>): Promise<boolean> {
    for (const { position, bytes } of this.#samples) {
      const now = new Uint8Array(bytes.byteLength);
      const count = await readInto(now, position);
      if (count < now.byteLength || bytes.some((byte, at) => byte !== now[at])) return false;
    }
    return true;
  }

  #keep(bytes: Uint8Array, position: number): void {
    // A copy: the chunk's memory is filled again.
    this.#samples.push({ position, bytes: new Uint8Array(bytes) });
  }
}
