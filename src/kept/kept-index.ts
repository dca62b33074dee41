import type { KeptFolder } from "./folder.ts";
import { forgetOldest, maxRemembered } from "./forget-oldest.ts";
import type { HashedKey } from "./key.ts";
import type { KeptRecord } from "./record.ts";
import { touch } from "./sweep.ts";

/** A record in memory, with the milliseconds at which it was read, and at which its use was last written down. */
interface IndexEntry {
  readonly record: KeptRecord;
  readonly checkedAt: number;
  touchedAt: number;
}

/** Milliseconds for which a record counts that was read from the disk: another process may have dropped or replaced it. */
const recordLife = 1000;
const touchInterval = 60_000;

/** The records of a folder, in memory for a second after they were read. */
export class KeptIndex {
  readonly #folder: KeptFolder;
  readonly #onDiskError: (error: unknown) => void;
  readonly #entries = new Map<string, IndexEntry>();
  readonly #paths = new WeakMap<KeptRecord, string>();
  /** How often records were replaced or dropped here: one that was read meanwhile may be the one before, and is not remembered. */
  #changes = 0;

  constructor(folder: KeptFolder, onDiskError: (error: unknown) => void) {
    this.#folder = folder;
    this.#onDiskError = onDiskError;
  }

  /** The record of a key if it was read within the last second. No I/O. */
  recent({ hash }: HashedKey): KeptRecord | undefined {
    const known = this.#entries.get(hash);
    if (!known) return undefined;
    const now = Date.now();
    const isRecent = now - known.checkedAt < recordLife && now >= known.checkedAt;
    return isRecent ? this.#used(hash, known, now) : undefined;
  }

  /** The record of a key. Undefined if there is none, or the disk fails. */
  async find(key: HashedKey): Promise<KeptRecord | undefined> {
    return this.recent(key) ?? (await this.#read(key));
  }

  async #read(key: HashedKey): Promise<KeptRecord | undefined> {
    const now = Date.now();
    const known = this.#entries.get(key.hash);
    const changes = this.#changes;
    const record = await this.#readRecord(key, known?.record);
    if (changes !== this.#changes) return record;
    this.#entries.delete(key.hash);
    if (!record) return undefined;
    const entry = { record, checkedAt: now, touchedAt: known?.touchedAt ?? 0 };
    this.#entries.set(key.hash, entry);
    if (this.#entries.size > maxRemembered) forgetOldest(this.#entries);
    return this.#used(key.hash, entry, now);
  }

  /** The same object as before if it is the same record: what was derived of it stays. */
  async #readRecord(key: HashedKey, known: KeptRecord | undefined): Promise<KeptRecord | undefined> {
    try {
      const found = await this.#folder.read(key);
      return found && known && found.nonce === known.nonce ? known : found;
    } catch (error) {
      this.#onDiskError(error);
      return undefined;
    }
  }

  #used(hash: string, entry: IndexEntry, now: number): KeptRecord {
    if (now - entry.touchedAt > touchInterval) {
      entry.touchedAt = now;
      touch(this.#folder, hash).catch(() => undefined);
    }
    return entry.record;
  }

  /** What was read of a key last, however long ago. No I/O. */
  last({ hash }: HashedKey): KeptRecord | undefined {
    return this.#entries.get(hash)?.record;
  }

  forget({ hash }: Pick<HashedKey, "hash">): void {
    this.#changes += 1;
    this.#entries.delete(hash);
  }

  forgetAll(): void {
    this.#changes += 1;
    this.#entries.clear();
  }

  /** The path of the bytes of a record. */
  pathOf(record: KeptRecord): string {
    const known = this.#paths.get(record);
    if (known !== undefined) return known;
    const path = this.#folder.file(record.file);
    this.#paths.set(record, path);
    return path;
  }
}
