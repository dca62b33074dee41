import type { FileStat, OpenFile, OpenOptions, SignedUrlOptions, StatOptions } from "../files/download-file.ts";

/** What can be saved. Streams are read once, chunk by chunk. */
export type StorageContent =
  | string
  | Uint8Array
  | ArrayBuffer
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array | string>
  | Iterable<Uint8Array | string>;

export interface SaveOptions extends StatOptions {
  /** What to do when the name is taken. Default `"replace"`. `"rename"` saves under a free name and returns it. */
  ifExists?: "replace" | "rename" | "fail";
  contentType?: string;
}

export interface StorageEntry {
  readonly name: string;
  readonly size?: number;
  readonly lastModified?: Date;
}

/** Undefined for what a storage does not know. */
export interface FileTimes {
  readonly accessed?: Date | undefined;
  readonly created?: Date | undefined;
  readonly modified?: Date | undefined;
}

/**
 * A place that keeps files under names. A name is relative, its segments are parted by `/`, and none is empty, `.`
 * or `..`: {@link normalizeName} refuses anything else with an `InvalidPathError`.
 */
export interface Storage {
  /** @throws {FileNotFoundError} */
  open(name: string, options?: OpenOptions): Promise<OpenFile>;
  /** @throws {FileNotFoundError} */
  stat(name: string, options?: StatOptions): Promise<FileStat>;
  /** Saves all of `content` or nothing, and gives the name it is kept under. */
  save(name: string, content: StorageContent, options?: SaveOptions): Promise<string>;
  /** Removes the file, if it is there. */
  delete(name: string): Promise<void>;
  exists(name: string): Promise<boolean>;
  /** The files whose names begin with `prefix`, in no given order. */
  list(prefix?: string): AsyncIterable<StorageEntry>;
  /** The URL of a file, where the storage has one. */
  url?(name: string, options?: SignedUrlOptions): string | Promise<string>;
  /** When the file was read, made and changed, where the storage knows more than its `lastModified`. */
  times?(name: string): Promise<FileTimes>;
  /** The absolute path of a file, where it is on this machine's disk. */
  path?(name: string): string;
  /** Tells a file apart from those of all other storages, without a request: `s3://bucket/key`. */
  location?(name: string): string;
}
