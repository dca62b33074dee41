import { randomBytes } from "node:crypto";
import { readFile as readFileWithCallback } from "node:fs";
import { mkdir, open, opendir, rename, rm, stat, statfs, unlink, utimes, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { hashKey, type HashedKey } from "./key.ts";
import { parseRecord, type KeptRecord } from "./record.ts";

// For a missing file it takes half the time of that of node:fs/promises. Each miss waits for it.
const readFile = promisify(readFileWithCallback);

/**
 * The folder of the kept files. Every name in it is made here:
 *
 * - `entries/ab/<hash>.json`: the record of a key. It is written beside its place and renamed into it: it is there whole or
 *   not at all, and a kept file is found by it alone.
 * - `files/ab/<hash>-<nonce>`: the bytes. They are renamed into place once they are whole and on the disk, and never change.
 * - `making/<nonce>.part` and `making/<nonce>.json`: a file that is being made, and what is known of it.
 * - `making/<nonce>.followed`: other processes renew its time while they wait for that file.
 * - `locks/<hash>`: who makes the file of a key. Its time is renewed while the maker lives.
 * - `graves/<nonce>.json`: the record of a file that was dropped. The file stays for a minute: a server may have been told its
 *   path and not have opened it yet.
 */
export class KeptFolder {
  readonly path: string;
  readonly #made = new Set<string>();

  readonly #mode: number;

  /** @param mode of the files. Users who may read them may pass through the folders. */
  constructor(path: string, mode: number) {
    this.path = path;
    this.#mode = mode;
  }

  entry(hash: string): string {
    return join(this.path, "entries", hash.slice(0, 2), `${hash}.json`);
  }

  /** The path of the bytes that a record names. */
  file(name: string): string {
    return join(this.path, "files", ...name.split("/"));
  }

  part(nonce: string): string {
    return join(this.path, "making", `${nonce}.part`);
  }

  partInfo(nonce: string): string {
    return join(this.path, "making", `${nonce}.json`);
  }

  followed(nonce: string): string {
    return join(this.path, "making", `${nonce}.followed`);
  }

  lock(hash: string): string {
    return join(this.path, "locks", hash);
  }

  grave(): string {
    return join(this.path, "graves", `${newNonce()}.json`);
  }

  /** Reads the record of a key. Undefined if it is missing or belongs to another key. */
  async read({ hash, text: keyText }: HashedKey): Promise<KeptRecord | undefined> {
    const path = this.entry(hash);
    try {
      const record = parseRecord(await readFile(path, "utf8"));
      // The whole key is compared: neither a hash that two keys share nor a file that was moved shows another key's bytes.
      return record && hashKey(record.key).text === keyText ? record : undefined;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** Whether the bytes of a record are on the disk. */
  async hasBytes({ file, size }: KeptRecord): Promise<boolean> {
    const found = await stat(this.file(file)).catch(() => undefined);
    return found?.size === size;
  }

  /** Writes a file whole or not at all. */
  async writeWhole(path: string, text: string, { sync = true }: { readonly sync?: boolean } = {}): Promise<void> {
    const beside = `${path}.${newNonce()}.tmp`;
    try {
      const handle = await this.create(beside);
      try {
        await handle.writeFile(text);
        if (sync) await handle.datasync();
      } finally {
        await handle.close();
      }
      await rename(beside, path);
    } catch (error) {
      await unlink(beside).catch(() => undefined);
      throw error;
    }
  }

  /** A new file, open for reading and writing. Fails if there is one. */
  async create(path: string): Promise<FileHandle> {
    await this.makeFolderOf(path);
    try {
      return await open(path, "wx+", this.#mode);
    } catch (error) {
      if (!isMissing(error)) throw error;
      // The folder was removed meanwhile.
      this.#made.delete(dirname(path));
      await this.makeFolderOf(path);
      return open(path, "wx+", this.#mode);
    }
  }

  /** Sets the time of a file to now, and makes the file if it is missing. */
  async touch(path: string): Promise<void> {
    await this.makeFolderOf(path);
    const handle = await open(path, "a", this.#mode);
    try {
      const now = new Date();
      await handle.utimes(now, now);
    } finally {
      await handle.close();
    }
  }

  async makeFolderOf(path: string): Promise<void> {
    const folder = dirname(path);
    if (this.#made.has(folder)) return;
    await mkdir(folder, { recursive: true, mode: this.#mode | 0o300 | ((this.#mode & 0o444) >> 2) });
    this.#made.add(folder);
  }

  /** Puts a record into its grave. False if there was none. */
  async bury(hash: string): Promise<boolean> {
    const grave = this.grave();
    await this.makeFolderOf(grave);
    try {
      // First its time, from which its minute counts.
      const now = new Date();
      await utimes(this.entry(hash), now, now);
      await rename(this.entry(hash), grave);
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  /** Writes a grave for a file whose record has been replaced. */
  buryFile(record: KeptRecord): Promise<void> {
    return this.writeWhole(this.grave(), JSON.stringify(record));
  }

  /** How many bytes the file system can still take. */
  async freeBytes(): Promise<number> {
    await this.makeFolderOf(join(this.path, "files", "x"));
    const { bavail, bsize } = await statfs(this.path);
    return bavail * bsize;
  }

  /** The paths of all files below one of the folders. */
  async *walk(folder: "entries" | "files" | "making" | "locks" | "graves"): AsyncGenerator<string> {
    yield* walk(join(this.path, folder));
  }
}

export function newNonce(): string {
  return randomBytes(8).toString("hex");
}

export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === "ENOENT";
}

export function remove(path: string): Promise<void> {
  return rm(path, { force: true });
}

async function* walk(folder: string): AsyncGenerator<string> {
  const entries = await opendir(folder).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  for await (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else yield path;
  }
}
