import { IncompleteBodyError } from "../../errors.ts";
import { allocate } from "../../files/bytes.ts";
import type { OpenFile } from "../../files/download-file.ts";
import type { ResponseBody } from "../../responses/rendered-response.ts";
import { chunkSizes, mostAbsorbed, patience, returnLarge, takeLarge, wantedBytes } from "../chunk-budget.ts";

/** A body that is a file which fills the memory it is given. */
export interface FillingBody {
  readonly file: OpenFile & Required<Pick<OpenFile, "readInto">>;
  readonly start: number;
  readonly length: number;
}

/** A body as {@link FileChunks} takes it, if it is one. */
export function fillingBody(body: ResponseBody): FillingBody | undefined {
  if (body.kind !== "file" || body.length === undefined || body.file.readInto === undefined) return undefined;
  return { file: body.file as FillingBody["file"], start: body.range?.start ?? 0, length: body.length };
}

/**
 * A file chunk by chunk, for a consumer that keeps what it is given. Each chunk is memory of its own, and nothing here
 * holds on to it: a chunk that a generator still has in a variable outlives the collection of young memory, and then
 * costs a collection of everything.
 */
export class FileChunks implements AsyncIterator<Uint8Array, undefined> {
  readonly #body: FillingBody;
  #position: number;
  #handedOver = 0;
  #hasLarge = false;

  constructor(body: FillingBody) {
    this.#body = body;
    this.#position = body.start;
  }

  /** @throws {IncompleteBodyError} where the file is shorter than it should be */
  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const { file, start, length } = this.#body;
    // The consumer asks again: it is done with the last chunk, or has room for both.
    await this.return();
    const left = start + length - this.#position;
    if (left === 0) return { done: true, value: undefined };
    const chunk = allocate(this.#roomFor(left));
    const count = await file.readInto(chunk, this.#position, chunk.byteLength === left);
    if (count === 0) throw new IncompleteBodyError(`The source ended ${left} bytes early`);
    this.#position += count;
    this.#handedOver = performance.now();
    return { done: false, value: count === chunk.byteLength ? chunk : chunk.subarray(0, count) };
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#hasLarge) returnLarge();
    this.#hasLarge = false;
    return { done: true, value: undefined };
  }

  #roomFor(left: number): number {
    const taken = this.#position - this.#body.start;
    const keepsUp = taken > mostAbsorbed && performance.now() - this.#handedOver < patience;
    const wanted = wantedBytes(left, keepsUp);
    this.#hasLarge = wanted > chunkSizes.small && takeLarge(keepsUp);
    return Math.min(wanted, this.#hasLarge ? chunkSizes.large : chunkSizes.small);
  }
}
