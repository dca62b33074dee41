import { allocate } from "../../files/bytes.ts";
import { endedEarly, type SeekableContent } from "../../files/content.ts";
import { chunkSizes, mostAbsorbed, patience, returnLarge, takeLarge, wantedBytes } from "../chunk-budget.ts";

/**
 * A file chunk by chunk, for a consumer that keeps what it is given. Each chunk is memory of its own, and nothing here
 * holds on to it: a chunk that a generator still has in a variable outlives the collection of young memory, and then
 * costs a collection of everything.
 */
export class FileChunks implements AsyncIterator<Uint8Array, undefined> {
  readonly #content: SeekableContent;
  #position = 0;
  #sentAt = 0;
  #hasLarge = false;

  constructor(content: SeekableContent) {
    this.#content = content;
  }

  /** @throws {IncompleteBodyError} where the file is shorter than it should be */
  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    // The consumer asks again: it is done with the last chunk, or has room for both.
    await this.return();
    const left = this.#content.length - this.#position;
    if (left === 0) return { done: true, value: undefined };
    const chunk = allocate(this.#roomFor(left));
    const count = await this.#content.readInto(chunk, this.#position);
    if (count === 0) throw endedEarly(left);
    this.#position += count;
    this.#sentAt = performance.now();
    return { done: false, value: count === chunk.byteLength ? chunk : chunk.subarray(0, count) };
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#hasLarge) returnLarge();
    this.#hasLarge = false;
    return { done: true, value: undefined };
  }

  #roomFor(left: number): number {
    const keepsUp = this.#position > mostAbsorbed && performance.now() - this.#sentAt < patience;
    const wanted = wantedBytes(left, keepsUp);
    this.#hasLarge = wanted > chunkSizes.small && takeLarge(keepsUp);
    return Math.min(wanted, this.#hasLarge ? chunkSizes.large : chunkSizes.small);
  }
}
