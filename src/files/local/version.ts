import type { BigIntStats } from "node:fs";

/**
 * What stats tell of a file that changes: whether it is the same file, in the same state. A file system tells no more
 * than its times do.
 */

/** Whether two stats are of one file in one state. */
export function isSameVersion(one: BigIntStats, other: BigIntStats): boolean {
  return isSameFile(one, other) && isUnwritten(one, other) && one.ctimeNs === other.ctimeNs;
}

/** Whether `now` is the file that was `described`, with more bytes, as a log has after each line. */
export function hasGrown(described: BigIntStats, now: BigIntStats): boolean {
  return isSameFile(described, now) && now.size > described.size;
}

/** Whether no bytes were written to one file between two stats of it. It may have been renamed or removed: ctime. */
export function isUnwritten(described: BigIntStats, now: BigIntStats): boolean {
  return described.size === now.size && described.mtimeNs === now.mtimeNs;
}

/** Whether two stats are of one file, whatever was written to it between them. */
export function isSameFile(one: BigIntStats, other: BigIntStats): boolean {
  return one.ino === other.ino && one.dev === other.dev;
}

/** Within this time of a change another one may leave the same times: the kernel's clock ticks, some disks' by seconds. */
const settling = 2_000_000_000n;

/** Whether the last change is so old that the next one has other times. "Racily clean" is git's name for the opposite. */
export function isSettled(version: BigIntStats): boolean {
  const now = BigInt(Date.now()) * 1_000_000n;
  return now - version.mtimeNs > settling && now - version.ctimeNs > settling;
}
