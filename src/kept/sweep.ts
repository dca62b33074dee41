import { readFile, stat, utimes } from "node:fs/promises";
import { basename, relative, sep } from "node:path";
import { isMissing, remove, type KeptFolder } from "./folder.ts";
import { liveHolder } from "./lease.ts";
import { parseRecord, type KeptRecord } from "./record.ts";

/** How much may be kept. */
export interface SweepLimits {
  /** In bytes. */
  readonly maxBytes: number;
  /** What the file system must have free, in bytes. */
  readonly minFreeBytes: number;
  /** Seconds after which a file that was not requested is dropped. */
  readonly maxAge: number;
  /** Milliseconds of a lease. */
  readonly lease: number;
  /** Milliseconds that the bytes of a dropped file stay. */
  readonly grave: number;
}

/** What a sweep found and did. */
export interface SweepResult {
  /** Files that are kept after it, and their bytes. */
  readonly files: number;
  readonly bytes: number;
  /** Files that it dropped because of age, or because there was no room. */
  readonly evicted: number;
  /** Files that a crash had left, and those whose minute in the grave was over. */
  readonly removed: number;
}

/** A kept file, as eviction sees it. */
export interface Candidate {
  readonly hash: string;
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly usedAt: number;
}

/**
 * Which files go: those that were used too long ago, then the least recently used ones until the rest fits.
 * @param excess bytes that have to go to make the file system free enough
 */
export function chooseVictims(
  candidates: readonly Candidate[],
  { maxBytes, maxAge, excess, now }: { maxBytes: number; maxAge: number; excess: number; now: number },
): readonly Candidate[] {
  const oldestFirst = candidates.toSorted((one, other) => one.usedAt - other.usedAt);
  let bytes = candidates.reduce((total, candidate) => total + candidate.bytes, 0);
  let toFree = excess;
  const victims: Candidate[] = [];
  for (const candidate of oldestFirst) {
    const isTooOld = now - candidate.usedAt > maxAge * 1000;
    if (!isTooOld && bytes <= maxBytes && toFree <= 0) break;
    victims.push(candidate);
    bytes -= candidate.bytes;
    toFree -= candidate.bytes;
  }
  return victims;
}

/**
 * Drops what is too old or too much, and removes what crashes have left. Any number of processes may sweep one folder at the same
 * time, while others serve from it.
 * @param incoming bytes that are about to be written
 */
export async function sweepFolder(folder: KeptFolder, limits: SweepLimits, incoming = 0): Promise<SweepResult> {
  const now = Date.now();
  const buried = await graves(folder);
  const { candidates, files } = await entries(folder);
  const graveBytes = buried.reduce((total, { record }) => total + record.size, 0);
  // What is in a grave will be free within a minute: without it a sweep would evict more and more meanwhile.
  const free = (await folder.freeBytes()) + graveBytes;
  const excess = limits.minFreeBytes + incoming - free;
  const victims = chooseVictims(candidates, { ...limits, maxBytes: limits.maxBytes - incoming, excess, now });
  for (const { hash } of victims) await folder.bury(hash);
  const removed =
    (await emptyGraves(folder, buried, files, now - limits.grave)) +
    (await removeOrphans(folder, files, buried, now - limits.grave)) +
    (await removeDeadMakings(folder, limits));
  const bytesOf = (some: readonly Candidate[]): number => some.reduce((total, { bytes }) => total + bytes, 0);
  return {
    files: candidates.length - victims.length,
    bytes: bytesOf(candidates) - bytesOf(victims),
    evicted: victims.length,
    removed,
  };
}

interface Grave {
  readonly path: string;
  readonly record: KeptRecord;
  readonly since: number;
}

async function graves(folder: KeptFolder): Promise<Grave[]> {
  const found: Grave[] = [];
  for await (const path of folder.walk("graves")) {
    const [record, times] = await Promise.all([recordAt(path), timesOf(path)]);
    if (record && times) found.push({ path, record, since: times.modified });
    else if (times && times.modified < Date.now() - oldTemporary) await remove(path);
  }
  return found;
}

/** Files of a crash between two steps of a write. */
const oldTemporary = 60 * 60 * 1000;

async function entries(folder: KeptFolder): Promise<{ candidates: Candidate[]; files: Set<string> }> {
  const candidates: Candidate[] = [];
  const files = new Set<string>();
  for await (const path of folder.walk("entries")) {
    const [record, times] = await Promise.all([recordAt(path), timesOf(path)]);
    if (!times) continue;
    if (!record) {
      if (times.modified < Date.now() - oldTemporary) await remove(path);
      continue;
    }
    files.add(record.file);
    candidates.push({
      hash: basename(path, ".json"),
      bytes: record.size,
      usedAt: times.modified,
    });
  }
  return { candidates, files };
}

/** A record that was replaced by one of the same file leaves a grave whose file is still in use. */
async function emptyGraves(
  folder: KeptFolder,
  buried: readonly Grave[],
  used: ReadonlySet<string>,
  before: number,
): Promise<number> {
  let removed = 0;
  for (const { path, record, since } of buried) {
    if (since > before) continue;
    if (!used.has(record.file)) await remove(folder.file(record.file));
    await remove(path);
    removed += 1;
  }
  return removed;
}

/** Files whose maker was killed between the naming of the file and that of the record. */
async function removeOrphans(
  folder: KeptFolder,
  used: ReadonlySet<string>,
  buried: readonly Grave[],
  before: number,
): Promise<number> {
  const known = new Set([...used, ...buried.map(({ record }) => record.file)]);
  let removed = 0;
  for await (const path of folder.walk("files")) {
    const name = relative(folder.file(""), path).split(sep).join("/");
    const times = known.has(name) ? undefined : await timesOf(path);
    // Not its modification time, which is the original's: when it was renamed.
    if (!times || times.changed > before) continue;
    // Another process may have written the record since the records were read.
    const hash = name.slice(3, 67);
    const record = await recordAt(folder.entry(hash));
    if (record?.file === name) continue;
    await remove(path);
    removed += 1;
  }
  return removed;
}

/** Parts whose maker is dead: nothing writes to them, and their lease is not renewed. */
async function removeDeadMakings(folder: KeptFolder, { lease }: SweepLimits): Promise<number> {
  const alive = new Set<string>();
  let removed = 0;
  for await (const path of folder.walk("locks")) {
    const nonce = await liveHolder(path, lease);
    if (nonce === undefined) {
      await remove(path);
      removed += 1;
    } else alive.add(nonce);
  }
  for await (const path of folder.walk("making")) {
    const nonce = basename(path).split(".")[0] ?? "";
    const times = alive.has(nonce) ? undefined : await timesOf(path);
    // A maker that lost its lease, or has just taken it, still writes.
    if (!times || times.modified > Date.now() - lease) continue;
    await remove(path);
    removed += 1;
  }
  return removed;
}

async function recordAt(path: string): Promise<KeptRecord | undefined> {
  try {
    return parseRecord(await readFile(path, "utf8"));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function timesOf(path: string): Promise<{ modified: number; changed: number } | undefined> {
  try {
    const { mtimeMs, ctimeMs } = await stat(path);
    return { modified: mtimeMs, changed: ctimeMs };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * Writes down that a file was used, as the time of its record: the times of the bytes are validators, and the access time of the
 * record is that of the last sweep, which reads it.
 */
export async function touch(folder: KeptFolder, hash: string): Promise<void> {
  const now = new Date();
  await utimes(folder.entry(hash), now, now);
}
