import { isPlaceholderTime } from "../http/etag.ts";
import type { Storage } from "../storages/storage.ts";
import type { CheckResult } from "./check-result.ts";

const maxFiles = 200;
/** Fewer files may have one time by chance. */
const minFiles = 3;

const remedy =
  "The ETag is made of the modification time, so a new version of the same length gets the old one's ETag. " +
  'Set etag: "content" on the view or the storage, or let the deployment keep the time of each file.';

/**
 * Notes a storage whose files all have the same modification time, or only placeholder times. Package managers and image
 * builders set one for all files (npm 1985, Nix 1970, `SOURCE_DATE_EPOCH`).
 *
 * @param isSample - returns whether the doctor has saved the file with this name
 */
export async function modificationTimes(storage: Storage, isSample: (name: string) => boolean): Promise<CheckResult[]> {
  const times = await timesOf(storage, isSample).catch(() => []);
  const shared = sharedTime(times);
  if (shared === undefined) return [];
  return [
    {
      check: "storage-times",
      title: "Each file has its own modification time",
      outcome: "note",
      side: "storage",
      expected: "times that differ from file to file",
      actual: `${times.length} files, all of ${shared.toISOString()}`,
      remedy,
    },
  ];
}

async function timesOf(storage: Storage, isSample: (name: string) => boolean): Promise<Date[]> {
  const times: Date[] = [];
  for await (const { name, lastModified } of storage.list()) {
    if (isSample(name)) continue;
    // A file system storage leaves a placeholder time out of list(), but not out of times().
    const time = lastModified ?? (await storage.times?.(name))?.modified;
    if (time) times.push(time);
    if (times.length === maxFiles) break;
  }
  return times;
}

/** Returns the time that all files share, or the first one if all are placeholders. Else undefined. */
export function sharedTime(times: readonly Date[]): Date | undefined {
  const [first] = times;
  if (first === undefined || times.length < minFiles) return undefined;
  const isShared = times.every((time) => time.getTime() === first.getTime());
  const isMeaningless = times.every((time) => isPlaceholderTime(BigInt(time.getTime()) * 1_000_000n));
  return isShared || isMeaningless ? first : undefined;
}
