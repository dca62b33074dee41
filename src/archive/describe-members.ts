import { ArchiveEntryError, ContentTooLargeError, FileNotFoundError } from "../errors.ts";
import type { FileStat } from "../files/download-file.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import { isFolderName, safeEntryName, uniqueNames } from "./entry-name.ts";
import type { ArchiveEntries, ArchiveEntry, ArchiveMember } from "./member.ts";

export interface MemberRules {
  readonly duplicates: "rename" | "refuse";
  readonly missing: "refuse" | "list";
  readonly maxEntries: number;
}

/** The member that says what was left out. Its name is taken whether anything is missing or not. */
const missingList = "MISSING.txt";

export const defaultMaxEntries = 10_000;

/** At most this many files are described at a time. */
const maxStats = 64;

/** `list` for one request: what describes the archive and what reads it see the same entries. */
export function listedOnce(
  list: () => ArchiveEntries | Promise<ArchiveEntries>,
  maxEntries: number = defaultMaxEntries,
): () => Promise<ArchiveEntry[]> {
  let listed: Promise<ArchiveEntry[]> | undefined;
  return () => (listed ??= (async () => collectEntries(await list(), maxEntries))());
}

/** @throws {ContentTooLargeError} as soon as there are more than `maxEntries` */
export async function collectEntries(
  entries: Iterable<ArchiveEntry> | AsyncIterable<ArchiveEntry>,
  maxEntries: number,
): Promise<ArchiveEntry[]> {
  const collected: ArchiveEntry[] = [];
  for await (const entry of entries) {
    collected.push(checked(entry));
    if (collected.length > maxEntries) {
      throw new ContentTooLargeError(undefined, {
        cause: new Error(`The archive has more than ${maxEntries} entries`),
      });
    }
  }
  return collected;
}

function checked(entry: ArchiveEntry): ArchiveEntry {
  if (typeof entry?.name !== "string") {
    throw new ArchiveEntryError('An archive entry must be { name, file } or { name: "folder/" }');
  }
  if (!entry.file && !isFolderName(entry.name)) {
    throw new ArchiveEntryError(
      `The archive entry ${JSON.stringify(entry.name)} has no file. A folder ends in a slash`,
    );
  }
  if (entry.size !== undefined && !(Number.isSafeInteger(entry.size) && entry.size >= 0)) {
    throw new ArchiveEntryError(`The archive entry ${JSON.stringify(entry.name)} has a length of ${entry.size}`);
  }
  const { crc32 } = entry;
  if (crc32 !== undefined && !(Number.isInteger(crc32) && crc32 >= 0 && crc32 <= 0xffff_ffff)) {
    throw new ArchiveEntryError(`The archive entry ${JSON.stringify(entry.name)} has a CRC-32 of ${crc32}`);
  }
  return entry;
}

/**
 * The members of an archive: each entry under a name that unpacks everywhere, with the facts that its bytes depend on.
 * @throws {FileNotFoundError} if a file is missing and `missing` is `"refuse"`
 * @throws {ArchiveEntryError} for an entry of unknown length, or a name that is there twice where that is refused
 */
export async function describeMembers(
  entries: readonly ArchiveEntry[],
  rules: MemberRules,
  signal: AbortSignal | undefined,
): Promise<ArchiveMember[]> {
  const described = await mapConcurrently(entries, maxStats, (entry) => describe(entry, rules, signal));
  const found = entries.flatMap((entry, at) => (described[at] ? [{ entry, facts: described[at] }] : []));
  const lost = entries.filter((_, at) => !described[at]).map(({ name }) => safeEntryName(name));
  const names = namesOf(
    found.map(({ entry }) => entry.name),
    rules,
  );
  const members = found.flatMap(({ entry, facts }, at) => {
    const name = names[at]!;
    return name === "" ? [] : [memberOf(name, entry, facts)];
  });
  return lost.length > 0 ? [...members, await missingMember(lost)] : members;
}

/** Undefined for a file that is missing and may be. */
async function describe(
  entry: ArchiveEntry,
  { missing }: MemberRules,
  signal: AbortSignal | undefined,
): Promise<FileStat | undefined> {
  const { file, size, etag } = entry;
  if (!file) return { size: 0 };
  if (size !== undefined && etag !== undefined) return { size, etag };
  signal?.throwIfAborted();
  try {
    const stat = await file.stat({ signal });
    // The archive's tag is made of the application's: another version of the file must not be sent under it.
    if (etag !== undefined && stat.etag !== undefined && stat.etag !== etag) return { ...stat, etag };
    // As it is: by it, the file knows the version again when it is opened.
    return stat.size === undefined && size !== undefined ? { ...stat, size } : stat;
  } catch (error) {
    if (missing === "list" && error instanceof FileNotFoundError) return undefined;
    throw error;
  }
}

function memberOf(name: string, entry: ArchiveEntry, facts: FileStat): ArchiveMember {
  const { file } = entry;
  const size = file ? facts.size : 0;
  if (size === undefined || !Number.isSafeInteger(size) || size < 0) {
    throw new ArchiveEntryError(
      `The archive entry ${JSON.stringify(entry.name)} has no known length, and an archive promises its own. ` +
        "Give the entry a `size`, or keep the file first",
    );
  }
  return {
    name,
    file,
    size,
    lastModified: validTime(entry.lastModified ?? facts.lastModified),
    etag: entry.etag ?? facts.etag,
    pinned: facts,
    crc32: entry.crc32 ?? facts.crc32,
    mode: entry.mode ?? (file ? 0o644 : 0o755),
  };
}

function validTime(time: Date | undefined): Date | undefined {
  return time && Number.isNaN(time.getTime()) ? undefined : time;
}

/** In the order of `names`; empty for a folder that is there already. @throws {ArchiveEntryError} */
function namesOf(names: readonly string[], { duplicates, missing }: MemberRules): string[] {
  const reserved = missing === "list" ? [missingList] : [];
  return uniqueNames(names.map(safeEntryName), reserved).map(({ kind, name }, at) => {
    if (kind === "renamed" && duplicates === "refuse") {
      throw new ArchiveEntryError(`Two entries of the archive have the name ${JSON.stringify(names[at])}`);
    }
    return kind === "same folder" ? "" : name;
  });
}

async function missingMember(names: readonly string[]): Promise<ArchiveMember> {
  const text = `These files could not be found and are not in this archive:\n\n${names.map((name) => `${name}\n`).join("")}`;
  const entry = { name: missingList, file: new VirtualFile(text, { name: missingList }) };
  return memberOf(missingList, entry, await entry.file.stat());
}

/** The results in the order of `items`. The first failure is the failure of all. */
async function mapConcurrently<T, R>(items: readonly T[], atOnce: number, map: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  let failed = false;
  const work = async (): Promise<void> => {
    while (next < items.length && !failed) {
      const at = next++;
      try {
        results[at] = await map(items[at]!);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, work));
  return results;
}
