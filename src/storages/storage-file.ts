import type { DownloadFile, FileStat, OpenFile, OpenOptions, StatOptions } from "../files/download-file.ts";
import type { Storage } from "./storage.ts";

/**
 * A file that a storage keeps.
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

  constructor(storage: Storage, name: string) {
    this.storage = storage;
    this.name = name;
  }

  /** @throws {InvalidPathError} if the storage refuses the name */
  get path(): string {
    return this.storage.path?.(this.name) as string;
  }

  /** Nothing where the storage has no URL, or has to work for one: ask `storage.url()` then. */
  get url(): string {
    const url = this.storage.url?.(this.name);
    return (typeof url === "string" ? url : undefined) as string;
  }

  stat(options?: StatOptions): Promise<FileStat> {
    return this.storage.stat(this.name, options);
  }

  open(options?: OpenOptions): Promise<OpenFile> {
    return this.storage.open(this.name, options);
  }
}
