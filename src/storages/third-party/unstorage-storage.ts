import { FileNotFoundError } from "../../errors.ts";
import { bytesEntityTag } from "../../files/bytes-entity-tag.ts";
import { collectBytes } from "../../files/byte-reader.ts";
import { copyOf, isChunk, toBytes } from "../../files/bytes.ts";
import type { FileStat, OpenFile } from "../../files/download-file.ts";
import { knownDate } from "../../files/known.ts";
import { OpenBytes } from "../../files/content.ts";
import { refuseJSON } from "../../serialization.ts";
import { normalizeName, normalizePrefix } from "../name.ts";
import { saveUnder } from "../save-under.ts";
import type { SaveOptions, Storage, StorageContent, StorageEntry } from "../storage.ts";

/** The members of an unstorage that are used. */
export interface Unstorage {
  hasItem(key: string): Promise<boolean>;
  getItemRaw(key: string): Promise<unknown>;
  setItemRaw(key: string, value: Uint8Array): Promise<void>;
  removeItem(key: string, options?: { removeMeta?: boolean }): Promise<void>;
  getMeta(key: string): object | Promise<object>;
  setMeta(key: string, value: { mtime: Date; type?: string }): Promise<void>;
  getKeys(base?: string): Promise<string[]>;
}

/**
 * Stores files in an unstorage, the storage of Nitro and Nuxt. It reads and writes whole values: each file is read into memory,
 * even to learn its size, and a range does not save anything. For small files. Two saves at the same time may use the same name,
 * even with `ifExists: "fail"`.
 *
 * @example
 * ```ts
 * import { UnstorageStorage } from "downloadview/unstorage";
 * import { createStorage } from "unstorage";
 *
 * const storage = new UnstorageStorage(createStorage());
 * await storage.save("notes/today.txt", "Buy milk");
 * console.assert((await storage.stat("notes/today.txt")).size === 8);
 * ```
 */
export class UnstorageStorage implements Storage {
  readonly #items: Unstorage;

  constructor(items: Unstorage) {
    this.#items = items;
  }

  async open(name: string): Promise<OpenFile> {
    const key = keyOf(name);
    const value = await this.#items.getItemRaw(key);
    if (value === null || value === undefined) throw new FileNotFoundError();
    // A copy: a driver that keeps values in memory returns the values themselves, and middleware may change the bytes it gets.
    const bytes = isChunk(value) ? copyOf(toBytes(value)) : toBytes(JSON.stringify(value));
    const { mtime, type } = (await this.#items.getMeta(key)) as { mtime?: unknown; type?: unknown };
    const lastModified = knownDate(mtime);
    return new OpenBytes(
      {
        size: bytes.byteLength,
        etag: await bytesEntityTag(bytes),
        ...(lastModified && { lastModified }),
        ...(typeof type === "string" && { contentType: type }),
      },
      bytes,
    );
  }

  async stat(name: string): Promise<FileStat> {
    return (await this.open(name)).stat;
  }

  save(name: string, content: StorageContent, options: SaveOptions = {}): Promise<string> {
    return saveUnder(this, name, content, options, async (saved, source) => {
      const { contentType, signal } = options;
      const bytes = await collectBytes(source, signal);
      await this.#items.setItemRaw(keyOf(saved), bytes);
      const type = contentType === undefined ? {} : { type: contentType };
      await this.#items.setMeta(keyOf(saved), { mtime: new Date(), ...type });
    });
  }

  async delete(name: string): Promise<void> {
    await this.#items.removeItem(keyOf(name), { removeMeta: true });
  }

  async exists(name: string): Promise<boolean> {
    return this.#items.hasItem(keyOf(name));
  }

  async *list(prefix = ""): AsyncGenerator<StorageEntry> {
    const folder = normalizePrefix(prefix).slice(0, prefix.lastIndexOf("/") + 1);
    const keys = await this.#items.getKeys(encoded(folder));
    for (const name of keys.map(nameOf)) {
      if (!name.startsWith(prefix)) continue;
      const { size = 0 } = await this.stat(name);
      yield { name, size };
    }
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "storage");
  }
}

function keyOf(name: string): string {
  return encoded(normalizeName(name));
}

// An unstorage treats `:` as `/`, cuts a key at `?`, and keeps the metadata of an item under `key$`.
function encoded(name: string): string {
  return name.replaceAll(/[%:?$]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

function nameOf(key: string): string {
  const decoded = (code: string): string => String.fromCharCode(Number.parseInt(code.slice(1), 16));
  return key.replaceAll(":", "/").replaceAll(/%(?:25|3A|3F|24)/g, decoded);
}
