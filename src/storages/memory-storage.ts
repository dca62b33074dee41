import { FileNotFoundError } from "../errors.ts";
import { bytesEntityTag } from "../files/bytes-entity-tag.ts";
import { assertByteSource, collectBytes, releaseSource } from "../files/bytes.ts";
import type { FileStat, OpenFile } from "../files/download-file.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import { refuseJSON } from "../serialization.ts";
import { alternativeName, nameTaken, normalizeName, normalizePrefix } from "./name.ts";
import type { SaveOptions, Storage, StorageContent, StorageEntry } from "./storage.ts";

interface StoredFile {
  readonly bytes: Uint8Array;
  readonly lastModified: Date;
  readonly etag: string;
  readonly contentType?: string;
}

/**
 * Keeps files in memory: for tests, and for what may be lost. Content is copied when it is saved.
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
    return this.#file(name).open();
  }

  async stat(name: string): Promise<FileStat> {
    return this.#file(name).stat();
  }

  async save(name: string, content: StorageContent, options: SaveOptions = {}): Promise<string> {
    const file = await this.#read(name, content, options);
    // Nothing is awaited from here on, so that of two saves of one name each sees what the other did.
    const saved = this.#freeName(name, options.ifExists);
    this.#files.set(saved, file);
    return saved;
  }

  async #read(name: string, content: StorageContent, { signal, contentType }: SaveOptions): Promise<StoredFile> {
    try {
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
    // A copy: whoever saves while listing must not list for ever.
    const files = [...this.#files];
    for (const [name, { bytes, lastModified }] of files) {
      if (name.startsWith(prefix)) yield { name, size: bytes.byteLength, lastModified };
    }
  }

  #file(name: string): VirtualFile {
    const stored = this.#files.get(normalizeName(name));
    if (!stored) throw new FileNotFoundError();
    const { bytes, ...stat } = stored;
    return new VirtualFile(bytes, { name, ...stat });
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
