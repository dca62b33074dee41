import { debug, reasonOf, warnOnce } from "../diagnostics.ts";
import { FileNotFoundError } from "../errors.ts";
import { collectBytes } from "../files/byte-reader.ts";
import { readOpened } from "../files/content.ts";
import type { OpenOptions, SignedUrlOptions } from "../files/download-file.ts";
import { LocalFile } from "../files/local/local-file.ts";
import type { Storage } from "../storages/storage.ts";
import { forgetOldest, maxRemembered } from "./forget-oldest.ts";
import { hashKey, type HashedKey } from "./key.ts";
import { OpenSharedFile } from "./open-shared-file.ts";
import { parseRecord, type KeptRecord } from "./record.ts";

/** Milliseconds for which a file that turned out to be unusable is not fetched again. */
const distrustLife = 60_000;

/**
 * Kept files in a storage that several machines use. `kept/entries/<hash>.json` is the record of a key. Its bytes are in
 * `kept/files/<hash>/<SHA-256>` and never change: they are saved first, and found by the record alone.
 */
export class SharedTier {
  readonly #storage: Storage;
  readonly #distrusted = new Map<string, number>();

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** Reads the record of a key. Undefined if it is missing, belongs to another key, or the storage fails. */
  async find(key: HashedKey, signal?: AbortSignal): Promise<KeptRecord | undefined> {
    const name = entryName(key.hash);
    try {
      if (!(await this.#storage.exists(name))) return undefined;
      await using opened = await this.#storage.open(name, signal ? { signal } : {});
      const record = parseRecord(Buffer.from(await collectBytes(readOpened(opened))).toString());
      const isKeys = record && hashKey(record.key).text === key.text;
      return isKeys && !this.#isDistrusted(record.nonce) ? record : undefined;
    } catch (error) {
      signal?.throwIfAborted();
      this.#failed(error);
      return undefined;
    }
  }

  /** Opens the bytes of a record. Undefined if they are missing, are not as long as they should be, or the storage fails. */
  async open({ hash }: HashedKey, record: KeptRecord, options: OpenOptions): Promise<OpenSharedFile | undefined> {
    const { signal } = options;
    try {
      const opened = await this.#storage.open(bytesName(hash, record), signal ? { signal } : {});
      const { size = record.size } = opened.stat;
      if (size === record.size) return new OpenSharedFile(opened, record, () => this.#distrust(record.nonce));
      await opened.close();
      debug(() => `A shared file has ${size} bytes, not ${record.size}`);
    } catch (error) {
      signal?.throwIfAborted();
      // A lifecycle rule of the bucket may remove the bytes before the record.
      if (!(error instanceof FileNotFoundError)) this.#failed(error);
    }
    this.#distrust(record.nonce);
    return undefined;
  }

  /**
   * A URL of the bytes of a record. Undefined if the storage makes none, has not got them yet, or fails, and for encoded bytes: the
   * storage does not know their coding.
   */
  async url({ hash }: HashedKey, record: KeptRecord, options: SignedUrlOptions): Promise<string | undefined> {
    if (!this.#storage.url || record.contentEncoding !== undefined) return undefined;
    try {
      const name = bytesName(hash, record);
      return (await this.#storage.exists(name)) ? await this.#storage.url(name, options) : undefined;
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  /** Saves a file that this machine has kept. Returns false if the storage fails. */
  async save({ hash }: HashedKey, record: KeptRecord, path: string): Promise<boolean> {
    try {
      const name = bytesName(hash, record);
      if (!(await this.#storage.exists(name))) await this.#saveBytes(name, record, path);
      await this.#storage.save(entryName(hash), JSON.stringify(record), { contentType: "application/json" });
      return true;
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }

  async #saveBytes(name: string, { contentType }: KeptRecord, path: string): Promise<void> {
    await using opened = await new LocalFile(path).open();
    await this.#storage.save(name, readOpened(opened), contentType === undefined ? {} : { contentType });
  }

  /** Removes the record of a key, and then all its bytes. @throws what the storage fails with */
  async delete(hash: string): Promise<void> {
    await this.#storage.delete(entryName(hash));
    for await (const { name } of this.#storage.list(`${filesPrefix}${hash}/`)) await this.#storage.delete(name);
  }

  /** Removes all records, and then all bytes. @throws what the storage fails with */
  async clear(): Promise<void> {
    for (const prefix of [entriesPrefix, filesPrefix]) {
      for await (const { name } of this.#storage.list(prefix)) await this.#storage.delete(name);
    }
  }

  #distrust(nonce: string): void {
    this.#distrusted.set(nonce, Date.now() + distrustLife);
    if (this.#distrusted.size > maxRemembered) forgetOldest(this.#distrusted);
  }

  #isDistrusted(nonce: string): boolean {
    return (this.#distrusted.get(nonce) ?? 0) > Date.now();
  }

  #failed(error: unknown): void {
    warnOnce(
      "DOWNLOADVIEW_KEPT_SHARED",
      `The shared storage of kept files fails: ${reasonOf(error)}. Each machine makes its own`,
    );
    debug(() => `The shared storage of kept files fails: ${reasonOf(error)}`);
  }
}

const entriesPrefix = "kept/entries/";
const filesPrefix = "kept/files/";

function entryName(hash: string): string {
  return `${entriesPrefix}${hash}.json`;
}

/** Hexadecimal: not all storages tell upper case from lower case. */
function bytesName(hash: string, { sha256 }: KeptRecord): string {
  return `${filesPrefix}${hash}/${Buffer.from(sha256, "base64url").toString("hex")}`;
}
