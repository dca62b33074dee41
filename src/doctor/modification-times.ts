import { isPlaceholderTime } from "../http/etag.ts";
import type { Storage } from "../storages/storage.ts";
import type { CheckResult } from "./check-result.ts";

/** At most this many files are looked at, and fewer than {@link minFiles} may have one time by chance. */
const maxFiles = 200;
const minFiles = 3;

const remedy =
  "Entity tags are made of modification times, so a new version of the same length would be taken for the old one. " +
  'Set etag: "content" on the view or the storage, or let the deployment keep each file\'s own time.';

/**
 * Notes a storage whose files all have one modification time, or one that says nothing: package managers and image
 * builders give every file the same (npm 1985, Nix 1970, `SOURCE_DATE_EPOCH`).
 *
 * @param isSample whether a name is of a file that the doctor saved
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
    // A file system storage says nothing of a time that says nothing itself, but in times().
    const time = lastModified ?? (await storage.times?.(name))?.modified;
    if (time) times.push(time);
    if (times.length === maxFiles) break;
  }
  return times;
}

/** The time of all files, if it is one, or the first of them that says nothing about the content. */
export function sharedTime(times: readonly Date[]): Date | undefined {
  const [first] = times;
  if (first === undefined || times.length < minFiles) return undefined;
  const isShared = times.every((time) => time.getTime() === first.getTime());
  const isMeaningless = times.every((time) => isPlaceholderTime(BigInt(time.getTime()) * 1_000_000n));
  return isShared || isMeaningless ? first : undefined;
}
