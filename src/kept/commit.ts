import { rename } from "node:fs/promises";
import { remove, type KeptFolder } from "./folder.ts";
import type { HashedKey } from "./key.ts";
import type { Lease } from "./lease.ts";
import type { PartFile } from "./part-file.ts";
import type { KeptRecord } from "./record.ts";

/** What a record says of the bytes that were made. */
export type MadeBytes = Omit<KeptRecord, "version" | "key" | "file" | "nonce" | "madeAt" | "validatedAt">;

/** When bytes were made that another machine has made. */
export type MadeTimes = Pick<KeptRecord, "madeAt" | "validatedAt" | "lastModified">;

/** Whose file is written, with the right to do so. */
export interface CommitTask {
  readonly key: HashedKey;
  readonly lease: Lease;
  /** What is kept under the key by now. */
  readonly previous: KeptRecord | undefined;
}

/**
 * Renames a whole part, and then writes its record. Returns undefined if the key was deleted meanwhile: nothing is kept.
 *
 * @param times of bytes that another machine has made. They are the same on all machines, as the entity tag of nginx is
 */
export async function commit(
  folder: KeptFolder,
  task: CommitTask,
  part: PartFile,
  made: MadeBytes,
  times?: MadeTimes,
): Promise<KeptRecord | undefined> {
  const { key, lease } = task;
  // Another process may have kept it just before the lease was taken.
  const previous = task.previous ?? (await folder.read(key));
  const same = previous && isSameContent(previous, made) && (await folder.hasBytes(previous)) ? previous : undefined;
  const record = recordOf({ key, lease, previous }, made, same, times);
  if (!(await lease.isHeld())) return undefined;
  if (!same) await placeFile(folder, lease, part, record);
  if (!(await writeRecord(folder, task, record))) {
    if (!same) await remove(folder.file(record.file));
    return undefined;
  }
  if (previous && !same) await folder.buryFile(previous);
  return record;
}

/** @param same the record of these very bytes: they keep their file, date and entity tag */
function recordOf(
  { key, lease, previous }: CommitTask,
  made: MadeBytes,
  same: KeptRecord | undefined,
  times: MadeTimes | undefined,
): KeptRecord {
  const now = Date.now();
  return {
    ...made,
    version: 1,
    key: key.key,
    nonce: lease.nonce,
    file: same?.file ?? `${key.hash.slice(0, 2)}/${key.hash}-${lease.nonce}`,
    lastModified: same?.lastModified ?? times?.lastModified ?? lastModifiedAfter(previous, made.lastModified),
    madeAt: same?.madeAt ?? times?.madeAt ?? now,
    validatedAt: times?.validatedAt ?? now,
  };
}

function isSameContent(one: KeptRecord, other: MadeBytes): boolean {
  return one.sha256 === other.sha256 && one.size === other.size;
}

/**
 * Whole seconds, and later than that of the version before: nginx makes its entity tag of second and size, and two versions must
 * not share one.
 */
function lastModifiedAfter(previous: KeptRecord | undefined, lastModified: number): number {
  const seconds = Math.floor(Math.min(lastModified, Date.now()) / 1000) * 1000;
  return previous && previous.lastModified >= seconds ? previous.lastModified + 1000 : seconds;
}

/** All bytes reach the disk before the file has its name: after a crash of the machine no part has it. */
async function placeFile(
  folder: KeptFolder,
  lease: Lease,
  { handle }: PartFile,
  { file, lastModified }: KeptRecord,
): Promise<void> {
  const time = new Date(lastModified);
  await handle.utimes(time, time);
  await handle.sync();
  const place = folder.file(file);
  await folder.makeFolderOf(place);
  await rename(folder.part(lease.nonce), place);
}

/**
 * Returns false, and keeps nothing, if the lease is gone: the key was deleted while its file was made. The lease is checked after
 * the record was written: `delete()` removes the lease first and the record second, so that one of the two sees the other.
 */
export async function writeRecord(
  folder: KeptFolder,
  { key, lease }: CommitTask,
  record: KeptRecord,
): Promise<boolean> {
  if (!(await lease.isHeld())) return false;
  await folder.writeWhole(folder.entry(key.hash), JSON.stringify(record));
  if (await lease.isHeld()) return true;
  const now = await folder.read(key);
  if (now?.nonce === record.nonce) await remove(folder.entry(key.hash));
  return false;
}
