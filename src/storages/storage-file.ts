import { FileNotFoundError } from "../errors.ts";
import type {
  DownloadFile,
  FileStat,
  OpenFile,
  OpenOptions,
  SignedUrlOptions,
  StatOptions,
} from "../files/download-file.ts";
import type { FileTimes, SaveOptions, Storage, StorageContent } from "./storage.ts";
import { refuseJSON } from "../serialization.ts";

/**
 * A file in a storage. It has the `path` and the `url` that the storage returns for its name. `url` is undefined if the storage
 * makes it asynchronously, such as a presigned one (call `storage.url()`); both are undefined for a name that the storage refuses.
 *
 * @example
 * ```ts
 * import { MemoryStorage, StorageFile } from "downloadview";
 *
 * const storage = new MemoryStorage();
 * await storage.save("hello.txt", "Hello");
 * const file = new StorageFile(storage, "hello.txt");
 * console.assert((await file.stat()).size === 5);
 * ```
 */
export class StorageFile implements DownloadFile {
  readonly storage: Storage;
  readonly name: string;
  declare readonly path?: string;
  declare readonly url?: string;
  declare readonly location?: string;
  /** Undefined if the storage has no URLs. */
  declare readonly signedUrl?: (options?: SignedUrlOptions) => Promise<string>;

  constructor(storage: Storage, name: string) {
    this.storage = storage;
    this.name = name;
    // Getters: few downloads read them, and a URL may have to be signed.
    lazily(this, "path", () => storage.path?.(name));
    lazily(this, "url", () => storage.url?.(name));
    lazily(this, "location", () => storage.location?.(name));
    if (storage.url) this.signedUrl = async (options) => storage.url!(name, options);
  }

  stat(options?: StatOptions): Promise<FileStat> {
    return this.storage.stat(this.name, options);
  }

  open(options?: OpenOptions): Promise<OpenFile> {
    return this.storage.open(this.name, options);
  }

  /**
   * Saves `content` under the file's name.
   *
   * @returns the name of the saved file: another one if `ifExists` is `"rename"` and the name is taken
   */
  save(content: StorageContent, options?: SaveOptions): Promise<string> {
    return this.storage.save(this.name, content, options);
  }

  /** Removes the file. Does nothing if it is missing. */
  delete(): Promise<void> {
    return this.storage.delete(this.name);
  }

  exists(): Promise<boolean> {
    return this.storage.exists(this.name);
  }

  /** When the file was last read. Undefined if the storage does not know. @throws {FileNotFoundError} */
  async accessedTime(): Promise<Date | undefined> {
    return (await this.#times()).accessed;
  }

  /** When the file was made. Undefined if the storage does not know. @throws {FileNotFoundError} */
  async createdTime(): Promise<Date | undefined> {
    return (await this.#times()).created;
  }

  /** When the content was last changed. Undefined if the storage does not know. @throws {FileNotFoundError} */
  async modifiedTime(): Promise<Date | undefined> {
    return (await this.#times()).modified;
  }

  async #times(): Promise<FileTimes> {
    if (this.storage.times) return this.storage.times(this.name);
    const { lastModified } = await this.stat();
    return lastModified ? { modified: lastModified } : {};
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}

function lazily(file: StorageFile, property: "path" | "url" | "location", compute: () => unknown): void {
  Object.defineProperty(file, property, { get: () => textUnlessRefused(compute), enumerable: true });
}

function textUnlessRefused(compute: () => unknown): string | undefined {
  try {
    const value = compute();
    // A URL that is made asynchronously is dropped here: its failure would be an unhandled rejection, which ends the process.
    if (value instanceof Promise) value.catch(() => undefined);
    return typeof value === "string" ? value : undefined;
  } catch (error) {
    // A refused name is an error when the file is opened, not when a property is read.
    if (error instanceof FileNotFoundError) return undefined;
    throw error;
  }
}
