import { Readable } from "node:stream";
import { FileNotFoundError, InvalidPathError, UpstreamError } from "../../errors.ts";
import { readBytes } from "../../files/byte-reader.ts";
import { copyOf } from "../../files/bytes.ts";
import type { FileStat, OpenFile, OpenOptions, SignedUrlOptions } from "../../files/download-file.ts";
import { knownDate, knownSize } from "../../files/known.ts";
import { OpenMadeFile } from "../../files/virtual-file-content.ts";
import { refuseJSON } from "../../serialization.ts";
import { normalizeEntityTag, opaqueTag } from "../../http/etag.ts";
import { defined } from "../describe-object.ts";
import { normalizeName, normalizePrefix, randomLetters } from "../name.ts";
import { saveUnder } from "../save-under.ts";
import type { SaveOptions, Storage, StorageContent, StorageEntry } from "../storage.ts";
import { WatchedContent } from "../object-store/upload-content.ts";

/** The members of a FlyDrive disk that are used. */
export interface FlyDriveDisk {
  exists(key: string): Promise<boolean>;
  getStream(key: string): Promise<Readable>;
  getMetaData(key: string): Promise<{ contentType?: string; contentLength: number; etag: string; lastModified: Date }>;
  getSignedUrl(
    key: string,
    options?: { expiresIn?: number; contentType?: string; contentDisposition?: string },
  ): Promise<string>;
  putStream(key: string, contents: Readable, options?: { contentType?: string }): Promise<void>;
  move(source: string, destination: string): Promise<void>;
  delete(key: string): Promise<void>;
  listAll(
    prefix?: string,
    options?: { recursive?: boolean; paginationToken?: string },
  ): Promise<{ paginationToken?: string; objects: Iterable<object> }>;
}

/**
 * Stores files on a disk of FlyDrive, the storage of AdonisJS. A disk has no ranges: downloads are sent whole, and cannot be
 * resumed. Names may contain letters, digits, spaces and `-_!./`; others are refused. Two saves at the same time may use the
 * same name, even with `ifExists: "fail"`.
 *
 * @example
 * ```ts
 * import { mkdtemp, rm } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { FlyDriveStorage } from "downloadview/flydrive";
 * import { Disk } from "flydrive";
 * import { FSDriver } from "flydrive/drivers/fs";
 *
 * const location = await mkdtemp(join(tmpdir(), "disk-"));
 * const storage = new FlyDriveStorage(new Disk(new FSDriver({ location, visibility: "private" })));
 * await storage.save("notes/today.txt", "Buy milk");
 * console.assert((await storage.stat("notes/today.txt")).size === 8);
 * await rm(location, { recursive: true });
 * ```
 */
export class FlyDriveStorage implements Storage {
  readonly #disk: FlyDriveDisk;
  readonly #moves = new Map<string, Promise<void>>();

  constructor(disk: FlyDriveDisk) {
    this.#disk = disk;
  }

  async open(name: string, { signal }: OpenOptions = {}): Promise<OpenFile> {
    const stat = await this.stat(name);
    return new OpenMadeFile(stat, () => this.#disk.getStream(name), false, signal);
  }

  async stat(name: string): Promise<FileStat> {
    const { contentType, contentLength, etag, lastModified } = await this.#try(name, () =>
      this.#disk.getMetaData(name),
    );
    const tag = normalizeEntityTag(etag);
    return {
      ...defined({ size: knownSize(contentLength), lastModified: knownDate(lastModified) }),
      // Weak: metadata and bytes are requested one after the other, and may be of two versions.
      ...(tag !== undefined && { etag: `W/${opaqueTag(tag)}` }),
      ...(contentType && { contentType }),
      seekable: false,
    };
  }

  /** Writes beside the place and moves the file there: a save that fails leaves the old file. */
  save(name: string, content: StorageContent, options: SaveOptions = {}): Promise<string> {
    return saveUnder(this, name, content, options, async (saved, source) => {
      assertPlainName(saved);
      const { contentType, signal } = options;
      const bytes = new WatchedContent(readBytes(source, signal));
      const beside = `${saved}.${randomLetters(7)}${unfinished}`;
      try {
        const chunks = Readable.from(copies(bytes.read()), { objectMode: false });
        await this.#disk.putStream(beside, chunks, contentType === undefined ? {} : { contentType });
        await this.#moveInTurn(beside, saved);
      } catch (error) {
        await this.#disk.delete(beside).catch(() => undefined);
        if (signal?.aborted) throw signal.reason;
        throw bytes.failed ? bytes.reason : error;
      } finally {
        await bytes.release();
      }
    });
  }

  // Some drivers copy: two copies at once to one place would mix.
  async #moveInTurn(from: string, name: string): Promise<void> {
    const before = this.#moves.get(name) ?? Promise.resolve();
    const turn = before.catch(() => undefined).then(() => this.#disk.move(from, name));
    this.#moves.set(name, turn);
    try {
      await turn;
    } finally {
      if (this.#moves.get(name) === turn) this.#moves.delete(name);
    }
  }

  async delete(name: string): Promise<void> {
    // Some drivers throw if the file is missing.
    if (await this.exists(name)) await this.#disk.delete(name);
  }

  async exists(name: string): Promise<boolean> {
    try {
      return await this.#try(name, () => this.#disk.exists(name));
    } catch (error) {
      if (error instanceof InvalidPathError || !(error instanceof FileNotFoundError)) throw error;
      return false;
    }
  }

  async *list(prefix = ""): AsyncGenerator<StorageEntry> {
    const folder = normalizePrefix(prefix).slice(0, prefix.lastIndexOf("/") + 1);
    let page: { paginationToken?: string } = {};
    do {
      const { paginationToken, objects } = await this.#listPage(folder, page);
      for (const object of objects) {
        if (!("key" in object) || typeof object.key !== "string" || object.key.endsWith(unfinished)) continue;
        if (object.key.startsWith(prefix)) yield { name: object.key, size: (await this.stat(object.key)).size ?? 0 };
      }
      page = paginationToken === undefined ? {} : { paginationToken };
    } while (page.paginationToken !== undefined);
  }

  async #listPage(folder: string, page: { paginationToken?: string }): ReturnType<FlyDriveDisk["listAll"]> {
    try {
      return await this.#disk.listAll(folder || "/", { recursive: true, ...page });
    } catch (error) {
      // The folder is missing, or is a file.
      if (isAbsent(error)) return { objects: [] };
      throw error;
    }
  }

  url(name: string, { expiresIn, contentDisposition, contentType }: SignedUrlOptions = {}): Promise<string> {
    const options = {
      ...(expiresIn !== undefined && { expiresIn: expiresIn * 1000 }),
      ...(contentDisposition !== undefined && { contentDisposition }),
      ...(contentType !== undefined && { contentType }),
    };
    const url = this.#try(name, () => this.#disk.getSignedUrl(name, options));
    // A caller may drop the promise. Its rejection, for a name that a client made up, must not end the process.
    void url.catch(() => undefined);
    return url;
  }

  async #try<T>(name: string, ask: () => Promise<T>): Promise<T> {
    assertPlainName(name);
    try {
      return await ask();
    } catch (cause) {
      // A disk throws one kind of error for all reasons.
      const missing = isAbsent(cause) || !(await this.#disk.exists(name).catch(() => true));
      throw missing ? new FileNotFoundError(undefined, { cause }) : new UpstreamError(502, undefined, { cause });
    }
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "storage");
  }
}

const unfinished = ".unfinished";

/** Names that a disk keeps unchanged. From other names it removes characters, so that two names would be one file. */
const plainName = /^[\w!-][\w!. -]*(?:\/[\w!-][\w!. -]*)*$/;

function assertPlainName(name: string): void {
  const plain = plainName.test(normalizeName(name)) && !name.includes("..") && !name.endsWith(" ");
  if (!plain) throw new InvalidPathError(undefined, { cause: new Error("FlyDrive does not take the name as it is") });
}

function isAbsent(error: unknown): boolean {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  return [code, cause?.code].some((value) => value === "ENOENT" || value === "ENOTDIR");
}

/** Copies each chunk: a stream reads ahead, and the source may reuse the memory of a chunk. */
async function* copies(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield copyOf(chunk);
}
