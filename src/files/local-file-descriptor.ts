import type { BigIntStats } from "node:fs";
import { FileChangedError } from "../errors.ts";
import { isSameVersion } from "./local-file-memo.ts";
import type { LocalRoot } from "./local-file-root.ts";
import { closeDescriptor, openForReading, statDescriptor } from "./local-file-system.ts";

/** A descriptor that all who read one version of a file at the same time share: 500 downloads of a file open it once. */
export interface SharedDescriptor {
  readonly number: Promise<number>;
  /** To be called once by everybody who borrowed it. The last one closes it. */
  release(): Promise<void>;
}

interface Lent {
  readonly version: BigIntStats;
  readonly number: Promise<number>;
  borrowers: number;
}

/** Of each file the version that was asked for last. Another one stays open until its last borrower is done. */
const lent = new Map<string, Lent>();

/**
 * Opens `path`, or shares what others have open of the very version that a fresh stat has just seen there.
 * @throws {FileChangedError} if another file is there by now
 * @throws {InvalidPathError} if what is there leads out of `root`
 */
export function borrowDescriptor(path: string, root: LocalRoot | undefined, version: BigIntStats): SharedDescriptor {
  const key = `${path}\0${root?.path ?? ""}`;
  const open = lent.get(key);
  const known = open && isSameVersion(open.version, version) ? open : lend(key, path, root, version);
  known.borrowers += 1;
  return { number: known.number, release: () => giveBack(key, known) };
}

function lend(key: string, path: string, root: LocalRoot | undefined, version: BigIntStats): Lent {
  const fresh: Lent = { version, number: openVerified(path, root, version), borrowers: 0 };
  lent.set(key, fresh);
  fresh.number.catch(() => lent.get(key) === fresh && lent.delete(key));
  return fresh;
}

async function giveBack(key: string, known: Lent): Promise<void> {
  known.borrowers -= 1;
  if (known.borrowers > 0) return;
  if (lent.get(key) === known) lent.delete(key);
  const descriptor = await known.number.catch(() => undefined);
  if (descriptor !== undefined) await closeDescriptor(descriptor);
}

async function openVerified(path: string, root: LocalRoot | undefined, expected: BigIntStats): Promise<number> {
  const descriptor = await openForReading(path);
  try {
    const opened = await statDescriptor(descriptor);
    if (!isSameVersion(opened, expected)) throw new FileChangedError();
    await root?.assertDescriptorInside(descriptor, opened, path);
    return descriptor;
  } catch (error) {
    await closeDescriptor(descriptor);
    throw error;
  }
}
