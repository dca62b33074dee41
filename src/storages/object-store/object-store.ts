import type { NodeStream } from "../../files/byte-source.ts";
import type { FileStat } from "../../files/download-file.ts";
import type { RemoteAnswer } from "../../files/remote/open-remote-file.ts";
import type { RangeSpec } from "../../http/range.ts";
import type { URLValidity } from "./url-validity.ts";
import type { FileTimes, StorageEntry } from "../storage.ts";

/** What an object store does, in the terms of its own SDK: each method is one request, or as few as it takes. */
export interface ObjectStore {
  /** `key` itself if the store keeps it as it is. @throws {InvalidPathError} */
  exactKey(key: string): string;
  /** What the log calls an object, such as `s3://bucket/key`: it tells objects of all stores of this kind apart. */
  label(key: string): string;
  head(key: string, signal: AbortSignal | undefined): Promise<FileStat>;
  /** Where the store knows more than when an object was changed. */
  times?(key: string, signal: AbortSignal | undefined): Promise<FileTimes>;
  get(key: string, request: ObjectRequest): Promise<ObjectAnswer>;
  /** Keeps all of `content` or nothing. */
  put(key: string, content: AsyncIterable<Uint8Array>, options: PutOptions): Promise<void>;
  delete(key: string): Promise<void>;
  list(prefix: string): AsyncIterable<StorageEntry>;
  url(key: string, options: StoreUrlOptions): Promise<string>;
  /** What the SDK threw. */
  failure(error: unknown): StoreFailure;
}

export interface ObjectRequest {
  readonly range?: RangeSpec | undefined;
  /** The entity tag of what the client has: nothing is sent but validators if the object has it still. */
  readonly ifNoneMatch?: string | undefined;
  /** The version that it has to be. */
  readonly version?: FileStat;
  readonly signal: AbortSignal;
}

/** Undefined where no byte is in the range that was asked for: then the answer describes nothing either. */
export type ObjectAnswer = (RemoteAnswer & { readonly body: NodeStream | null }) | undefined;

export interface PutOptions {
  readonly contentType: string;
  /** Fail with 412 or 409 where there is an object of that key. */
  readonly exclusive: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface StoreUrlOptions {
  readonly validity: URLValidity;
  readonly contentDisposition?: string | undefined;
  readonly contentType?: string | undefined;
}

export interface StoreFailure {
  /** The HTTP status, if an answer came. */
  readonly status?: number | undefined;
  /** The store's own word for it, such as `AccessDenied`. */
  readonly code?: string | undefined;
  /** Seconds, or a date. */
  readonly retryAfter?: string | undefined;
}
