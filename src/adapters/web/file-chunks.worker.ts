import { readContent, type SeekableContent } from "../../files/content.ts";

/** Workers have no files on a disk: what can be read at a position there is rare, and read like anything else. */
export class FileChunks implements AsyncIterator<Uint8Array, undefined> {
  readonly #chunks: AsyncIterator<Uint8Array, undefined>;

  constructor(content: SeekableContent) {
    this.#chunks = readContent(content);
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    return this.#chunks.next();
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    return { done: true, value: undefined };
  }
}
