import { FileNotFoundError } from "../errors.ts";
import type { DownloadFile, FileStat, OpenFile, OpenOptions, StatOptions } from "../files/download-file.ts";
import type { Storage } from "./storage.ts";

/**
 * A file that a storage keeps. It has the `path` and the `url` that the storage knows it by: no `url` where that takes
 * the storage some work, as a presigned one does (ask `storage.url()`), and neither for a name that it refuses.
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

  constructor(storage: Storage, name: string) {
    this.storage = storage;
    this.name = name;
    // When they are asked for: few downloads need them, and a URL may have to be signed.
    lazily(this, "path", () => storage.path?.(name));
    lazily(this, "url", () => storage.url?.(name));
  }

  stat(options?: StatOptions): Promise<FileStat> {
    return this.storage.stat(this.name, options);
  }

  open(options?: OpenOptions): Promise<OpenFile> {
    return this.storage.open(this.name, options);
  }
}

function lazily(file: StorageFile, property: "path" | "url", compute: () => unknown): void {
  Object.defineProperty(file, property, { get: () => textUnlessRefused(compute), enumerable: true });
}

function textUnlessRefused(compute: () => unknown): string | undefined {
  try {
    const value = compute();
    // Nobody waits for a URL that takes work: its failure would be an unhandled rejection, which ends the process.
    if (value instanceof Promise) value.catch(() => undefined);
    return typeof value === "string" ? value : undefined;
  } catch (error) {
    // A bad name is the answer to the request for the file, not to a question about it.
    if (error instanceof FileNotFoundError) return undefined;
    throw error;
  }
}
