import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { FileChangedError } from "../../errors.ts";
import { Semaphore } from "../../semaphore.ts";
import { SharedDescriptor } from "./shared-descriptor.ts";
import type { LocalRoot } from "./root.ts";
import { isSameVersion, isSettled } from "./file-system.ts";

/** In bytes. Hashing it takes some 0.1 ms: other requests have their turn between two chunks. */
const chunkSize = 64 * 1024;

interface Remembered {
  readonly version: BigIntStats;
  readonly digest: Uint8Array;
}

const maxRemembered = 16_384;
/** By path: the one that was asked for longest ago comes first. */
const remembered = new Map<string, Remembered>();

interface Hashing {
  readonly version: BigIntStats;
  readonly digest: Promise<Uint8Array>;
}
const hashing = new Map<string, Hashing>();

/**
 * The SHA-256 of one version of a local file, in constant memory. It is computed once for all callers that ask at the same time,
 * and remembered as long as device, inode, size and times stay: a version that may still change unseen is not remembered.
 * @throws {FileChangedError} if another version is there by now
 */
export async function contentDigest(
  path: string,
  root: LocalRoot | undefined,
  version: BigIntStats,
): Promise<Uint8Array> {
  const known = remembered.get(path);
  if (known && isSameVersion(known.version, version)) {
    remembered.delete(path);
    remembered.set(path, known);
    return known.digest;
  }
  const key = `${path}\0${root?.key ?? ""}`;
  const underWay = hashing.get(key);
  if (underWay && isSameVersion(underWay.version, version)) return underWay.digest;
  const digest = inTurn(() => hashFile(path, root, version));
  const entry = { version, digest };
  hashing.set(key, entry);
  try {
    const result = await digest;
    if (isSettled(version)) remember(path, { version, digest: result });
    return result;
  } finally {
    if (hashing.get(key) === entry) hashing.delete(key);
  }
}

function remember(path: string, entry: Remembered): void {
  remembered.delete(path);
  remembered.set(path, entry);
  if (remembered.size <= maxRemembered) return;
  for (const oldest of remembered.keys()) return void remembered.delete(oldest);
}

async function hashFile(path: string, root: LocalRoot | undefined, version: BigIntStats): Promise<Uint8Array> {
  const descriptor = SharedDescriptor.borrow(path, root, version);
  try {
    if (!isSameVersion(await descriptor.opened(), version)) throw new FileChangedError();
    const hash = createHash("sha256");
    const chunk = Buffer.allocUnsafeSlow(chunkSize);
    for (let position = 0; ;) {
      const count = await descriptor.read(chunk, position);
      if (count === 0) break;
      hash.update(chunk.subarray(0, count));
      position += count;
    }
    if (!isSameVersion(await descriptor.stat(), version)) throw new FileChangedError();
    return hash.digest();
  } finally {
    await descriptor.release();
  }
}

/** Files that are hashed at the same time, of all requests: each holds a chunk, and a thread that downloads need too. */
const hashes = new Semaphore(2);

async function inTurn<T>(operation: () => Promise<T>): Promise<T> {
  await hashes.enter();
  try {
    return await operation();
  } finally {
    hashes.leave();
  }
}
