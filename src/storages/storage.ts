import type { FileStat, OpenFile, OpenOptions, SignedUrlOptions, StatOptions } from "../files/download-file.ts";

/** Content that a storage can save. Streams are read once, chunk by chunk. */
export type StorageContent =
  | string
  | Uint8Array
  | ArrayBuffer
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array | string>
  | Iterable<Uint8Array | string>;

export interface SaveOptions extends StatOptions {
  /**
   * What `save()` does if the name is taken: replace the file, save under a free name, or throw a `FileExistsError`.
   * Default `"replace"`.
   */
  ifExists?: "replace" | "rename" | "fail";
  contentType?: string;
}

export interface StorageEntry {
  readonly name: string;
  readonly size?: number;
  readonly lastModified?: Date;
}

/** The times of a file. A time that the storage does not know is undefined. */
export interface FileTimes {
  readonly accessed?: Date | undefined;
  readonly created?: Date | undefined;
  readonly modified?: Date | undefined;
}

/**
 * Stores files by name. A name is relative. Its segments are separated by `/`, and no segment is empty, `.` or `..`:
 * {@link normalizeName} throws an `InvalidPathError` for any other name.
 */
export interface Storage {
  /**
   * Opens a file for one download.
   *
   * @throws {FileNotFoundError} if there is no such file
   */
  open(name: string, options?: OpenOptions): Promise<OpenFile>;
  /**
   * Returns the metadata of a file without reading it.
   *
   * @throws {FileNotFoundError} if there is no such file
   */
  stat(name: string, options?: StatOptions): Promise<FileStat>;
  /** Saves all of `content` or nothing. Returns the name of the saved file. */
  save(name: string, content: StorageContent, options?: SaveOptions): Promise<string>;
  /** Removes a file. Does nothing if it is missing. */
  delete(name: string): Promise<void>;
  exists(name: string): Promise<boolean>;
  /** Yields the files whose names begin with `prefix`, in any order. */
  list(prefix?: string): AsyncIterable<StorageEntry>;
  /** Returns the URL of a file. */
  url?(name: string, options?: SignedUrlOptions): string | Promise<string>;
  /** Returns the times at which a file was accessed, created and modified. */
  times?(name: string): Promise<FileTimes>;
  /** Returns the absolute path of a file on this machine's disk. */
  path?(name: string): string;
  /** Returns an identifier that is unique among all storages, such as `s3://bucket/key`. Sends no request. */
  location?(name: string): string;
}
