import { createHash, timingSafeEqual } from "node:crypto";
import { crc32 } from "node:zlib";
import { FileChangedError, IncompleteBodyError } from "../errors.ts";
import { copyOf } from "../files/bytes.ts";
import type { FileStat } from "../files/download-file.ts";

/** What is known of bytes once all of them have passed. */
export interface Checksums {
  /** In bytes. */
  readonly size: number;
  /** SHA-256, base64url. */
  readonly sha256: string;
  readonly crc32: number;
}

/**
 * Passes the bytes of a source on, computes their checksums, and compares them with what the source said. If it promised a
 * SHA-256, the last chunk waits for the comparison: no client gets all of the wrong bytes.
 */
export class CheckedBytes {
  readonly #stat: FileStat;
  readonly #hash = createHash("sha256");
  #crc32 = 0;
  #size = 0;
  #checksums: Checksums | undefined;

  constructor(stat: FileStat) {
    this.#stat = stat;
  }

  /** There once {@link pass} has ended. */
  get checksums(): Checksums {
    return this.#checksums!;
  }

  /**
   * @throws {IncompleteBodyError} if there are fewer or more bytes than the source said
   * @throws {FileChangedError} if they have another digest
   */
  async *pass(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const waits = this.#promised !== undefined;
    let held: Uint8Array | undefined;
    for await (const chunk of chunks) {
      this.#update(chunk);
      const next = waits ? held : chunk;
      // A copy: a source may use its memory again for the next chunk.
      if (waits) held = copyOf(chunk);
      if (next) yield next;
    }
    this.#checksums = this.#verify();
    if (held) yield held;
  }

  get #promised(): Uint8Array | undefined {
    return this.#stat.digests?.["sha-256"];
  }

  #update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#crc32 = crc32(chunk, this.#crc32);
    this.#size += chunk.byteLength;
  }

  #verify(): Checksums {
    const { size } = this.#stat;
    if (size !== undefined && size !== this.#size) {
      throw new IncompleteBodyError(`The source has ${this.#size} bytes, and said that it has ${size}`);
    }
    const sha256 = this.#hash.digest();
    const promised = this.#promised;
    if (promised && !(promised.byteLength === 32 && timingSafeEqual(promised, sha256))) throw new FileChangedError();
    return { size: this.#size, sha256: sha256.toString("base64url"), crc32: this.#crc32 };
  }
}
