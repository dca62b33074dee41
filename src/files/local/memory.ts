import type { BigIntStats } from "node:fs";
import type { EntityTagOption } from "./etag.ts";
import type { FileStat } from "../download-file.ts";
import type { LocalRoot } from "./root.ts";
import { isSameVersion } from "./version.ts";
import { PopularContents, type PopularContent } from "./popular-contents.ts";

/**
 * What was worked out for one version of a file: its description, and the bytes of a small one. Nothing in here is ever
 * served on its own word. A memo is looked up with the stat of the very request, and counts only if the two agree in
 * device, inode, size and both times.
 */
export interface Memo {
  readonly version: BigIntStats;
  readonly format: EntityTagOption;
  readonly stat: FileStat;
  /** Whether the file was settled when it was described: one that was not may be growing, as a log does. */
  readonly isSettled: boolean;
  /** Where the file was found to be readable: in this root, or anywhere (null). Undefined as long as no open has proved it. */
  readableIn?: LocalRoot | null;
  content: Uint8Array | undefined;
  /** Whether somebody asked for the bytes of a file that is too large to be kept at once. */
  wasAskedFor: boolean;
}

/** Files up to this size, in bytes, are kept in memory whole, from the first time that they are read. */
export const largestKept: number = 64 * 1024;

/** Files up to this size, in bytes, are kept when they are asked for again. */
const largestPopular = 1024 * 1024;

const mostMemos = 8192;
const memos = new Map<string, Memo>();
let bytesKept = 0;
let latest: string | undefined;

/** How much of local files is kept in memory: of those up to 64 KiB, and those up to 1 MiB that are asked for again. */
export interface LocalFileCache {
  /**
   * At most this many bytes of content, at most half of them of larger files. What was served longest ago goes first. 0
   * keeps none. Default 32 MiB.
   */
  maxBytes: number;
  /** The bytes that are kept now, or were and are still being sent. */
  readonly bytes: number;
  /** Forgets everything. Serving never needs it: what is kept is checked against the disk on every request. */
  clear(): void;
}

/**
 * The memory that local files may use, for all of the process.
 *
 * @example
 * ```ts
 * import { localFileCache } from "downloadview";
 *
 * localFileCache.maxBytes = 64 * 1024 * 1024;
 * console.assert(localFileCache.bytes <= localFileCache.maxBytes);
 * ```
 */
export const localFileCache: LocalFileCache = {
  maxBytes: 32 * 1024 * 1024,
  get bytes() {
    return bytesKept + popular.bytes;
  },
  clear() {
    memos.clear();
    popular.clear();
    bytesKept = 0;
    latest = undefined;
  },
};

const popular = new PopularContents(() => localFileCache.maxBytes / 2);

/** The memo of this very version of `path`, if there is one. */
export function recall(path: string, version: BigIntStats, format: EntityTagOption): Memo | undefined {
  const memo = memos.get(path);
  if (memo === undefined || memo.format !== format || !isSameVersion(memo.version, version)) return undefined;
  if (latest !== path) touch(path, memo);
  return memo;
}

/** Keeps a description, unless the file changed so lately that it may change again without its times telling. */
export function remember(path: string, memo: Memo): void {
  if (!memo.isSettled) return;
  forget(path);
  touch(path, memo);
  if (memos.size > mostMemos) forgetOldest();
}

/** Keeps the bytes of a file that was read after its memo was made, as long as there is room. */
export function keepContent(path: string, memo: Memo, content: Uint8Array): void {
  if (memos.get(path) !== memo || memo.content || content.byteLength > localFileCache.maxBytes) return;
  memo.content = content;
  bytesKept += content.byteLength;
  forgetWhatIsTooMuch();
}

/** Lends the bytes of a file of middle size that is asked for again, as long as there is room. `load` reads them. */
export function borrowPopular(memo: Memo, size: number, load: () => Promise<Uint8Array>): PopularContent | undefined {
  if (size > largestPopular) return undefined;
  const isAskedForAgain = memo.wasAskedFor;
  memo.wasAskedFor = true;
  const content = isAskedForAgain ? popular.borrow(memo, size, load) : undefined;
  if (content) forgetWhatIsTooMuch();
  return content;
}

// A Map keeps the order of insertion: its first key is the one that was touched longest ago.
function touch(path: string, memo: Memo): void {
  memos.delete(path);
  memos.set(path, memo);
  latest = path;
}

function forgetWhatIsTooMuch(): void {
  while (localFileCache.bytes > localFileCache.maxBytes && memos.size > 1) forgetOldest();
}

// One iterator for all calls: a new one has to pass what was deleted from the beginning of the map each time.
let oldest: Iterator<string> = memos.keys();

function forgetOldest(): void {
  let next = oldest.next();
  if (next.done) next = (oldest = memos.keys()).next();
  if (!next.done) forget(next.value);
}

function forget(path: string): void {
  const memo = memos.get(path);
  if (memo === undefined) return;
  bytesKept -= memo.content?.byteLength ?? 0;
  popular.drop(memo);
  memos.delete(path);
}
