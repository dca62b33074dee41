import { FileNotFoundError, ImproperlyConfiguredError, InvalidPathError } from "../../errors.ts";
import { readBytes, releaseSource } from "../../files/byte-reader.ts";
import { assertByteSource, isOneShot, type ByteSource } from "../../files/byte-source.ts";
import type { FileStat, OpenFile, OpenOptions, StatOptions, SignedUrlOptions } from "../../files/download-file.ts";
import { refuseJSON } from "../../serialization.ts";
import { alternativeName, assertIfExists, nameTaken, normalizeKey, normalizeName } from "../name.ts";
import { objectLimits, withinTime, type KnownLimits, type ObjectLimits } from "./limits.ts";
import { ObjectReads } from "./reads.ts";
import { objectStoreFailure, objectWriteFailure } from "./failure.ts";
import type { ObjectStore, StoreFailure } from "./object-store.ts";
import { typeToKeep } from "../describe-object.ts";
import type { FileTimes, SaveOptions, Storage, StorageContent, StorageEntry } from "../storage.ts";
import { urlValidity } from "./url-validity.ts";
import { WatchedContent } from "./upload-content.ts";

/** The options that all object storages share. */
export interface ObjectStorageOptions extends ObjectLimits {
  /** The folder of the bucket for all files, such as `"media"`. Default: the root of the bucket. */
  readonly prefix?: string | undefined;
}

/** Stores files as objects. The base class of the S3, GCS and Azure storages. */
export class ObjectStorage implements Storage {
  readonly #store: ObjectStore;
  readonly #folder: string;
  readonly #limits: KnownLimits;

  /** @throws {ImproperlyConfiguredError} for an invalid prefix or limit */
  constructor(store: ObjectStore, { prefix = "", ...limits }: ObjectStorageOptions = {}) {
    this.#store = store;
    this.#folder = folderOf(prefix);
    this.#limits = objectLimits(limits);
  }

  async open(name: string, { range, ranges, ifNoneMatch, signal }: OpenOptions = {}): Promise<OpenFile> {
    const reads = new ObjectReads(this.#store, this.#key(name), this.#limits, signal);
    try {
      return await reads.open({ range, ranges, ifNoneMatch });
    } catch (error) {
      reads.close();
      throw error;
    }
  }

  location(name: string): string {
    return this.#store.label(this.#key(name));
  }

  stat(name: string, { signal }: StatOptions = {}): Promise<FileStat> {
    return this.#try(name, (key, within) => this.#store.head(key, within), signal);
  }

  times(name: string): Promise<FileTimes> {
    return this.#try(name, async (key, signal) => {
      if (this.#store.times) return this.#store.times(key, signal);
      return { modified: (await this.#store.head(key, signal)).lastModified };
    });
  }

  async exists(name: string): Promise<boolean> {
    try {
      await this.stat(name);
      return true;
    } catch (error) {
      if (error instanceof InvalidPathError || !(error instanceof FileNotFoundError)) throw error;
      return false;
    }
  }

  async delete(name: string): Promise<void> {
    const key = this.#key(name);
    try {
      await withinTime(this.#limits.timeout, undefined, () => this.#store.delete(key));
    } catch (error) {
      if (this.#store.failure(error).status !== 404) throw objectWriteFailure(this.#store, key, error);
    }
  }

  /**
   * Saves a file.
   *
   * @throws {FileExistsError} under `"rename"` too, if another client takes the name during the upload and `content` can be
   *   read only once
   */
  async save(name: string, content: StorageContent, options: SaveOptions = {}): Promise<string> {
    try {
      this.#key(name);
      assertIfExists(options);
      assertByteSource(content);
      options.signal?.throwIfAborted();
      return await this.#save(name, content, options);
    } catch (error) {
      releaseSource(content);
      throw error;
    }
  }

  async #save(name: string, content: ByteSource, options: SaveOptions): Promise<string> {
    const { ifExists = "replace" } = options;
    if (ifExists === "replace") return this.#put(name, content, options);
    const taken = await this.exists(name);
    if (ifExists === "fail") {
      if (taken) throw nameTaken();
      return this.#put(name, content, options);
    }
    return this.#putUnderFreeName(taken ? alternativeName(name) : name, content, options);
  }

  async #putUnderFreeName(name: string, content: ByteSource, options: SaveOptions): Promise<string> {
    try {
      return await this.#put(name, content, options);
    } catch (error) {
      if (!isNameTaken(error) || isOneShot(content)) throw error;
      return this.#put(alternativeName(name), content, options);
    }
  }

  async #put(name: string, content: ByteSource, { ifExists, contentType, signal }: SaveOptions): Promise<string> {
    const exclusive = ifExists === "rename" || ifExists === "fail";
    const key = this.#key(name);
    const bytes = new WatchedContent(readBytes(content, signal));
    try {
      await this.#store.put(key, bytes.read(), { contentType: typeToKeep(contentType, name), exclusive, signal });
      return name;
    } catch (error) {
      if (bytes.failed && !signal?.aborted) throw bytes.reason;
      if (exclusive && isConflict(this.#store.failure(error))) throw nameTaken(error);
      throw objectWriteFailure(this.#store, key, error, signal);
    } finally {
      await bytes.release();
    }
  }

  async *list(prefix = ""): AsyncGenerator<StorageEntry> {
    if (prefix !== "") normalizeKey(prefix);
    try {
      for await (const entry of this.#entries(this.#folder + prefix)) {
        const name = entry.name.slice(this.#folder.length);
        if (isKey(name)) yield { ...entry, name };
      }
    } catch (error) {
      throw objectStoreFailure(this.#store, this.#folder + prefix, error);
    }
  }

  async *#entries(prefix: string): AsyncGenerator<StorageEntry> {
    const entries = this.#store.list(prefix)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await withinTime(this.#limits.timeout, undefined, () => entries.next());
        if (done) return;
        yield value;
      }
    } finally {
      // Not awaited: it ends only after the next page, which may never come.
      void entries.return?.(undefined)?.catch(() => undefined);
    }
  }

  /** Returns a signed URL, the same one for half of `expiresIn` seconds. Default: an hour. */
  url(name: string, options: SignedUrlOptions = {}): Promise<string> {
    const url = this.#url(name, options);
    // A caller may drop the promise. Its rejection, for a name that a client made up, must not end the process.
    void url.catch(() => undefined);
    return url;
  }

  #url(name: string, { expiresIn, contentDisposition, contentType }: SignedUrlOptions): Promise<string> {
    const sign = (key: string): Promise<string> =>
      this.#store.url(key, { validity: urlValidity(expiresIn), contentDisposition, contentType });
    return this.#try(name, sign);
  }

  // The whole key must be short enough too.
  #key(name: string): string {
    return this.#store.exactKey(this.#folder + normalizeKey(name));
  }

  async #try<T>(name: string, ask: (key: string, signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const key = this.#key(name);
    try {
      return await withinTime(this.#limits.timeout, signal, (within) => ask(key, within));
    } catch (error) {
      throw objectStoreFailure(this.#store, key, error, signal);
    }
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "storage");
  }
}

function folderOf(prefix: string): string {
  const folder = prefix.replace(/\/$/, "");
  if (folder === "") return "";
  try {
    return `${normalizeName(folder)}/`;
  } catch (cause) {
    throw new ImproperlyConfiguredError("No key begins with that prefix", { cause });
  }
}

/** False for objects whose names this storage refuses, such as the `media/` that a console makes for a prefix. */
function isKey(name: string): boolean {
  try {
    return normalizeKey(name) === name;
  } catch {
    return false;
  }
}

function isNameTaken(error: unknown): boolean {
  return (error as { status?: unknown }).status === 409;
}

function isConflict({ status }: StoreFailure): boolean {
  return status === 412 || status === 409;
}

/** @throws {ImproperlyConfiguredError} unless `subject` has the method by which a client of the right SDK is recognised */
export function assertSubject(subject: object, method: string, usage: string): void {
  const candidate = subject as Readonly<Record<string, unknown>> | null | undefined;
  if (typeof candidate?.[method] === "function") return;
  throw new ImproperlyConfiguredError(`The first argument has to be a client of the SDK: ${usage}`);
}

/** @throws {ImproperlyConfiguredError} unless `bucket` is a name. An environment variable may not be set */
export function assertBucket({ bucket }: { readonly bucket: string }, usage: string): void {
  if (typeof bucket === "string" && bucket !== "") return;
  throw new ImproperlyConfiguredError(`bucket has to be the name of a bucket, not ${JSON.stringify(bucket)}: ${usage}`);
}
