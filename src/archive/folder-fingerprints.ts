import { createHash } from "node:crypto";
import { mkdir, open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { ImproperlyConfiguredError } from "../errors.ts";
import type { Fingerprints } from "./fingerprints.ts";

/** A record: the hash of its key, the CRC-32, and a hash of both, so that a record that was written half is not one. */
const keyLength = 20;
const checkLength = 8;
const recordLength = keyLength + 4 + checkLength;

/** A key has this many places. When all are taken, it takes one of them over. */
const placesPerKey = 8;

const fileName = "archive-members.crc32";

export interface FolderFingerprintsOptions {
  /** The file grows to 32 bytes for each. Default 1,000,000. */
  readonly maxEntries?: number | undefined;
}

/**
 * Remembers in a file of a folder, for all processes that use the folder, also after a restart. The file has a fixed
 * largest size. A crash in the middle of a write, or two writes at the same time, cost the records that were written.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { mkdtemp, rm } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { FolderFingerprints } from "downloadview/archive";
 *
 * const folder = await mkdtemp(join(tmpdir(), "fingerprints-"));
 * await new FolderFingerprints(folder).set("a", 1);
 * assert.equal(await new FolderFingerprints(folder).get("a"), 1);
 * await rm(folder, { recursive: true });
 * ```
 */
export class FolderFingerprints implements Fingerprints {
  readonly #folder: string;
  readonly #buckets: number;
  /** Records that are still to be written, by key. */
  readonly #waiting = new Map<string, number>();
  #writing: Promise<void> | undefined;

  /**
   * @param folder made when the first record is written. Clients must not have access to it
   * @throws {ImproperlyConfiguredError} without a folder, or if `maxEntries` is not a positive integer
   */
  constructor(folder: string, { maxEntries = 1_000_000 }: FolderFingerprintsOptions = {}) {
    if (typeof folder !== "string" || folder === "") {
      throw new ImproperlyConfiguredError(
        `FolderFingerprints needs the path of a folder, got ${JSON.stringify(folder)}`,
      );
    }
    if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) {
      throw new ImproperlyConfiguredError(`maxEntries must be a positive integer, got ${maxEntries}`);
    }
    this.#folder = folder;
    this.#buckets = Math.ceil(maxEntries / placesPerKey);
  }

  async get(key: string): Promise<number | undefined> {
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) return waiting;
    const file = await this.#open("r").catch(ignoreMissing);
    if (!file) return undefined;
    try {
      const hash = hashOf(key);
      return recordsOf(await this.#bucket(file, hash)).find(({ key: other }) => other.equals(hash))?.crc32;
    } finally {
      await file.close();
    }
  }

  /** Resolves when it is written. */
  set(key: string, crc32: number): Promise<void> {
    this.#waiting.set(key, crc32);
    return (this.#writing ??= this.#writeAll().finally(() => (this.#writing = undefined)));
  }

  /** All that waits by now, with one descriptor. */
  async #writeAll(): Promise<void> {
    try {
      await mkdir(this.#folder, { recursive: true });
      const file = await this.#open("r+")
        .catch(ignoreMissing)
        .then(
          (known) =>
            known ??
            this.#open("a+").then(async (made) => {
              await made.close();
              return this.#open("r+");
            }),
        );
      try {
        for (const [key, crc32] of this.#waiting) {
          await this.#write(file, hashOf(key), crc32);
          this.#waiting.delete(key);
        }
      } finally {
        await file.close();
      }
    } catch (error) {
      // What can't be written now is not tried for ever.
      this.#waiting.clear();
      throw error;
    }
  }

  async #write(file: FileHandle, hash: Buffer, crc32: number): Promise<void> {
    const bucket = await this.#bucket(file, hash);
    const records = recordsOf(bucket);
    const own = records.find(({ key }) => key.equals(hash));
    if (own?.crc32 === crc32) return;
    const free = Array.from({ length: placesPerKey }, (_, at) => at).find(
      (at) => !records.some(({ place }) => place === at),
    );
    const place = own?.place ?? free ?? hash.readUInt32LE(8) % placesPerKey;
    await file.write(recordOf(hash, crc32), 0, recordLength, this.#offset(hash) + place * recordLength);
  }

  async #bucket(file: FileHandle, hash: Buffer): Promise<Buffer> {
    const bucket = Buffer.alloc(placesPerKey * recordLength);
    await file.read(bucket, 0, bucket.byteLength, this.#offset(hash));
    return bucket;
  }

  #offset(hash: Buffer): number {
    return (hash.readUInt32LE(0) % this.#buckets) * placesPerKey * recordLength;
  }

  #open(flags: "r" | "r+" | "a+"): Promise<FileHandle> {
    return open(join(this.#folder, fileName), flags, 0o600);
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

function hashOf(key: string): Buffer {
  return createHash("sha256").update(key).digest().subarray(0, keyLength);
}

function recordOf(hash: Buffer, crc32: number): Buffer {
  const record = Buffer.alloc(recordLength);
  hash.copy(record);
  record.writeUInt32LE(crc32, keyLength);
  checkOf(record).copy(record, keyLength + 4);
  return record;
}

function checkOf(record: Buffer): Buffer {
  return createHash("sha256")
    .update(record.subarray(0, keyLength + 4))
    .digest()
    .subarray(0, checkLength);
}

interface StoredRecord {
  readonly place: number;
  readonly key: Buffer;
  readonly crc32: number;
}

/** The records of a bucket that are whole. */
function recordsOf(bucket: Buffer): StoredRecord[] {
  return Array.from({ length: placesPerKey }, (_, place) => {
    const record = bucket.subarray(place * recordLength, (place + 1) * recordLength);
    const isWhole = checkOf(record).equals(record.subarray(keyLength + 4));
    return isWhole ? [{ place, key: record.subarray(0, keyLength), crc32: record.readUInt32LE(keyLength) }] : [];
  }).flat();
}
