import { FileNotFoundError } from "../../errors.ts";
import { collectBytes } from "../../files/byte-reader.ts";
import type { FileStat, OpenFile, OpenOptions } from "../../files/download-file.ts";
import { knownDate, knownSize } from "../../files/known.ts";
import { VirtualFile } from "../../files/virtual-file.ts";
import type { ByteRange } from "../../http/range.ts";
import { refuseJSON } from "../../serialization.ts";
import { defined } from "../describe-object.ts";
import { normalizeName, normalizePrefix } from "../name.ts";
import { saveUnder } from "../save-under.ts";
import type { SaveOptions, Storage, StorageContent, StorageEntry } from "../storage.ts";

/** The members of a web `File` that are used. Lazy files often implement only these. */
export interface FileLike {
  readonly size: number;
  readonly type: string;
  readonly lastModified: number;
  slice(start: number, end: number): { stream(): ReadableStream<Uint8Array> };
  stream(): ReadableStream<Uint8Array>;
}

/** Stores `File`s by key. It has the members of Remix's `FileStorage` that are used. */
export interface BlobProvider {
  get(key: string): FileLike | null | undefined | Promise<FileLike | null | undefined>;
  has(key: string): boolean | Promise<boolean>;
  set(key: string, file: File): unknown;
  remove(key: string): unknown;
  list(options?: {
    prefix?: string;
    cursor?: string;
  }):
    | { readonly files: readonly { readonly key: string }[]; readonly cursor?: string | undefined }
    | Promise<{ readonly files: readonly { readonly key: string }[]; readonly cursor?: string | undefined }>;
}

/**
 * Stores files in a provider of web `File`s, such as Remix's file storage. A range is read by `slice()`; the provider
 * decides how much it reads for it. `save()` holds the whole file in memory. Two saves at the same time may use the same
 * name, even with `ifExists: "fail"`.
 *
 * @example
 * ```ts
 * import { BlobProviderStorage } from "downloadview";
 *
 * const files = new Map<string, File>();
 * const storage = new BlobProviderStorage({
 *   get: (key) => files.get(key),
 *   has: (key) => files.has(key),
 *   set: (key, file) => files.set(key, file),
 *   remove: (key) => files.delete(key),
 *   list: () => ({ files: [...files.keys()].map((key) => ({ key })) }),
 * });
 * await storage.save("notes/today.txt", "Buy milk");
 * console.assert((await storage.stat("notes/today.txt")).size === 8);
 * ```
 */
export class BlobProviderStorage implements Storage {
  readonly #provider: BlobProvider;
  readonly #saves = new Map<string, Promise<unknown>>();

  constructor(provider: BlobProvider) {
    this.#provider = provider;
  }

  async open(name: string, options?: OpenOptions): Promise<OpenFile> {
    return (await this.#file(name)).open(options);
  }

  async stat(name: string): Promise<FileStat> {
    return (await this.#file(name)).stat();
  }

  save(name: string, content: StorageContent, options: SaveOptions = {}): Promise<string> {
    return saveUnder(this, name, content, options, async (saved, source) => {
      const { contentType = "", signal } = options;
      const bytes = await collectBytes(source, signal);
      const basename = saved.slice(saved.lastIndexOf("/") + 1);
      await this.#setInTurn(saved, new File([bytes as BlobPart], basename, { type: contentType }));
    });
  }

  // A provider on a disk writes two saves of one name into one file: they must not be under way at the same time.
  async #setInTurn(name: string, file: File): Promise<void> {
    const save = (this.#saves.get(name) ?? Promise.resolve()).then(() => this.#provider.set(name, file));
    const over = save.then(
      () => undefined,
      () => undefined,
    );
    this.#saves.set(name, over);
    try {
      await save;
    } finally {
      if (this.#saves.get(name) === over) this.#saves.delete(name);
    }
  }

  async delete(name: string): Promise<void> {
    await this.#provider.remove(normalizeName(name));
  }

  async exists(name: string): Promise<boolean> {
    return this.#provider.has(normalizeName(name));
  }

  async *list(prefix = ""): AsyncGenerator<StorageEntry> {
    normalizePrefix(prefix);
    let page: { cursor?: string } = {};
    do {
      const { files, cursor } = await this.#provider.list({ prefix, ...page });
      for (const { key } of files) if (key.startsWith(prefix)) yield* this.#entry(key);
      page = cursor === undefined ? {} : { cursor };
    } while (page.cursor !== undefined);
  }

  async *#entry(name: string): AsyncGenerator<StorageEntry> {
    const file = await this.#provider.get(name);
    if (!file) return;
    yield { name, ...defined({ size: knownSize(file.size), lastModified: knownDate(file.lastModified) }) };
  }

  async #file(name: string): Promise<VirtualFile> {
    const file = await this.#provider.get(normalizeName(name));
    if (!file) throw new FileNotFoundError();
    const [size, lastModified] = [knownSize(file.size), knownDate(file.lastModified)];
    return new VirtualFile(({ range }) => streamOf(file, range), {
      name,
      ...defined({ size, lastModified }),
      ...(size !== undefined && { ranges: true }),
      ...(size !== undefined && lastModified && { etag: entityTag(size, lastModified) }),
      ...(file.type && { contentType: file.type }),
    });
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "storage");
  }
}

function streamOf(file: FileLike, range: ByteRange | undefined): ReadableStream<Uint8Array> {
  return range ? file.slice(range.start, range.end + 1).stream() : file.stream();
}

// Weak: two versions of one length may have been made within a millisecond.
function entityTag(size: number, lastModified: Date): string {
  return `W/"${lastModified.getTime().toString(16)}-${size.toString(16)}"`;
}
