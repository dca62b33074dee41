import { open, type FileHandle } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { IncompleteBodyError } from "../errors.ts";
import { closedEarly, sliceChunks } from "../files/byte-reader.ts";
import { allocate } from "../files/bytes.ts";
import type { Content } from "../files/content.ts";
import type { FileStat, OpenFile } from "../files/download-file.ts";
import type { ByteRange } from "../http/range.ts";
import { refuseJSON } from "../serialization.ts";

/** What reads a file while it is made. */
export interface GrowingReader {
  chunks(): AsyncIterable<Uint8Array>;
  /** Idempotent. A read under way ends with an error. */
  close(): void;
}

/** A file that is being made, opened by one client. It is read once, from its beginning. */
export class OpenGrowingFile implements OpenFile {
  readonly stat: FileStat;
  readonly #reader: GrowingReader;
  readonly #onClose: () => void;

  constructor(stat: FileStat, reader: GrowingReader, onClose: () => void = () => undefined) {
    this.stat = stat;
    this.#reader = reader;
    this.#onClose = onClose;
  }

  async content(range?: ByteRange): Promise<Content> {
    const chunks = this.#reader.chunks();
    return { kind: "chunks", chunks: range ? sliceChunks(chunks, range) : chunks };
  }

  async close(): Promise<void> {
    this.#reader.close();
    this.#onClose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}

/** What another process's making has come to: still under way, or whole with so many bytes, or given up. */
export type ForeignState =
  | { readonly kind: "making" }
  | { readonly kind: "whole"; readonly size: number }
  | { readonly kind: "gone" };

const chunkSize = 256 * 1024;
const shortestWait = 10;
const longestWait = 250;

/** Reads the part that another process writes. Its descriptor stays good when the part gets its final name. */
export class ForeignReader implements GrowingReader {
  readonly #handle: FileHandle;
  readonly #state: () => Promise<ForeignState>;
  readonly #abort = new AbortController();
  #reads = 0;

  constructor(handle: FileHandle, state: () => Promise<ForeignState>) {
    this.#handle = handle;
    this.#state = state;
  }

  /** Undefined if there is no such part, or no longer. */
  static async open(path: string, state: () => Promise<ForeignState>): Promise<ForeignReader | undefined> {
    const handle = await open(path, "r").catch(() => undefined);
    return handle && new ForeignReader(handle, state);
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    let wait = shortestWait;
    let size: number | undefined;
    for (let position = 0; size === undefined || position < size;) {
      const chunk = await this.#read(position);
      position += chunk.byteLength;
      if (chunk.byteLength > 0) {
        wait = shortestWait;
        yield chunk;
        continue;
      }
      if (size !== undefined) throw new IncompleteBodyError();
      const state = await this.#state();
      if (state.kind === "gone") throw new IncompleteBodyError("The process that made the file has given up");
      if (state.kind === "whole") size = state.size;
      else await this.#sleep(wait);
      wait = Math.min(wait * 2, longestWait);
    }
  }

  async #sleep(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#abort.signal }).catch(() => {
      throw closedEarly();
    });
  }

  async #read(position: number): Promise<Uint8Array> {
    if (this.#abort.signal.aborted) throw closedEarly();
    this.#reads += 1;
    try {
      const chunk = allocate(chunkSize);
      const { bytesRead } = await this.#handle.read(chunk, 0, chunkSize, position);
      return chunk.subarray(0, bytesRead);
    } finally {
      this.#reads -= 1;
      if (this.#abort.signal.aborted) this.#closeIfIdle();
    }
  }

  close(): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    this.#closeIfIdle();
  }

  #closeIfIdle(): void {
    if (this.#reads === 0) this.#handle.close().catch(() => undefined);
  }
}
