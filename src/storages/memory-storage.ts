import { FileNotFoundError } from "../errors.ts";
import { bytesEntityTag } from "../files/bytes-entity-tag.ts";
import { collectBytes, releaseSource } from "../files/byte-reader.ts";
import { assertByteSource } from "../files/byte-source.ts";
import { copyOf } from "../files/bytes.ts";
import type { FileStat, OpenFile } from "../files/download-file.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import type { ByteRange } from "../http/range.ts";
import { refuseJSON } from "../serialization.ts";
import { alternativeName, assertIfExists, nameTaken, normalizeName, normalizePrefix } from "./name.ts";
import type { SaveOptions, Storage, StorageContent, StorageEntry } from "./storage.ts";

interface StoredFile {
  readonly bytes: Uint8Array;
  readonly lastModified: Date;
  readonly etag: string;
  readonly contentType?: string;
}

/**
 * Stores files in memory: for tests, and for files that may be lost. Content is copied when it is saved.
 *
 * @example
 * ```ts
 * import { MemoryStorage } from "downloadview";
 *
 * const storage = new MemoryStorage();
 * await storage.save("notes/today.txt", "Buy milk");
 * console.assert(await storage.exists("notes/today.txt"));
 * ```
 */
export class MemoryStorage implements Storage {
  readonly #files = new Map<string, StoredFile>();

  async open(name: string): Promise<OpenFile> {
    const { bytes, ...stat } = this.#stored(name);
    const size = bytes.byteLength;
    // Copies: middleware may change the bytes that it gets, and the stored ones are sent to other clients too.
    const file =
      size <= chunkSize
        ? new VirtualFile(copyOf(bytes), { name, ...stat })
        : new VirtualFile(({ range }) => copiesOf(bytes, range), { name, size, ranges: true, ...stat });
    return file.open();
  }

  async stat(name: string): Promise<FileStat> {
    const { bytes, ...stat } = this.#stored(name);
    return { size: bytes.byteLength, ...stat };
  }

  async save(name: string, content: StorageContent, options: SaveOptions = {}): Promise<string> {
    const file = await this.#read(name, content, options);
    // Nothing is awaited from here on, so that of two saves of one name the second one sees the first.
    const saved = this.#freeName(name, options.ifExists);
    this.#files.set(saved, file);
    return saved;
  }

  async #read(name: string, content: StorageContent, options: SaveOptions): Promise<StoredFile> {
    const { signal, contentType } = options;
    try {
      assertIfExists(options);
      normalizeName(name);
      assertByteSource(content);
      const bytes = await collectBytes(content, signal);
      const etag = await bytesEntityTag(bytes);
      return { bytes, etag, lastModified: new Date(), ...(contentType === undefined ? {} : { contentType }) };
    } catch (error) {
      releaseSource(content);
      throw error;
    }
  }

  async delete(name: string): Promise<void> {
    this.#files.delete(normalizeName(name));
  }

  async exists(name: string): Promise<boolean> {
    return this.#files.has(normalizeName(name));
  }

  async *list(prefix = ""): AsyncGenerator<StorageEntry> {
    normalizePrefix(prefix);
    // A copy: a caller that saves while it lists would otherwise list for ever.
    const files = [...this.#files];
    for (const [name, { bytes, lastModified }] of files) {
      if (name.startsWith(prefix)) yield { name, size: bytes.byteLength, lastModified };
    }
  }

  #stored(name: string): StoredFile {
    const stored = this.#files.get(normalizeName(name));
    if (!stored) throw new FileNotFoundError();
    return stored;
  }

  #freeName(name: string, ifExists: SaveOptions["ifExists"] = "replace"): string {
    if (ifExists === "replace" || !this.#files.has(name)) return name;
    if (ifExists === "fail") throw nameTaken();
    return this.#freeName(alternativeName(name), ifExists);
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "storage");
  }
}

/** Bytes. */
const chunkSize = 256 * 1024;

function* copiesOf(
  bytes: Uint8Array,
  { start, end }: ByteRange = { start: 0, end: bytes.byteLength - 1 },
): Generator<Uint8Array> {
  for (let at = start; at <= end; at += chunkSize) yield copyOf(bytes.subarray(at, Math.min(at + chunkSize, end + 1)));
}
