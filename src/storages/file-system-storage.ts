import { opendir, unlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { FileNotFoundError, ImproperlyConfiguredError, InvalidPathError } from "../errors.ts";
import { releaseSource } from "../files/bytes.ts";
import type { FileStat, OpenFile } from "../files/download-file.ts";
import { onFileSystem } from "../files/local-file-errors.ts";
import { LocalRoot } from "../files/local-file-root.ts";
import { LocalFile, type LocalFileOptions } from "../files/local-file.ts";
import { refuseJSON } from "../serialization.ts";
import { isPartName, saveWhole, type FileModes } from "./file-system-save.ts";
import { normalizeName, normalizePrefix } from "./name.ts";
import type { SaveOptions, Storage, StorageContent, StorageEntry, UrlOptions } from "./storage.ts";

export interface FileSystemStorageOptions extends FileModes {
  /** Where the folder is served from, such as `/media` or `https://cdn.example/media`. Without it there is no `url()`. */
  baseUrl?: string;
  /** How the entity tag of a file is made, see `LocalFile`. */
  etag?: Exclude<LocalFileOptions["etag"], undefined>;
}

/**
 * Keeps files in a folder of this machine. A name never leads out of it, neither by `..` nor through a symlink. A file
 * appears whole or not at all: it is written beside its place, flushed to the disk, and then moved there.
 *
 * @example
 * ```ts
 * import { mkdtemp, rm } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { FileSystemStorage } from "downloadview";
 *
 * const root = await mkdtemp(join(tmpdir(), "media-"));
 * const storage = new FileSystemStorage(root, { baseUrl: "/media" });
 * await storage.save("reports/Q1 2026.pdf", "%PDF-");
 * console.assert(storage.url?.("reports/Q1 2026.pdf") === "/media/reports/Q1%202026.pdf");
 * await rm(root, { recursive: true });
 * ```
 */
export class FileSystemStorage implements Storage {
  readonly root: string;
  /** Where there is a `baseUrl`: the URL of a file, each segment percent-encoded. */
  readonly url?: (name: string, options?: UrlOptions) => string;
  readonly #options: FileSystemStorageOptions;

  /**
   * A relative `root` is taken from the working directory as it is now. It is made when the first file is saved.
   * @throws {ImproperlyConfiguredError} if `baseUrl` has a query or a fragment
   */
  constructor(root: string, options: FileSystemStorageOptions = {}) {
    this.root = resolve(root);
    this.#options = options;
    const { baseUrl } = options;
    if (baseUrl === undefined) return;
    if (/[?#]/.test(baseUrl)) throw new ImproperlyConfiguredError("A baseUrl has no query and no fragment");
    this.url = (name) => urlOf(baseUrl, checkedName(name));
  }

  path(name: string): string {
    return join(this.root, checkedName(name));
  }

  async open(name: string): Promise<OpenFile> {
    return this.#file(name).open();
  }

  async stat(name: string): Promise<FileStat> {
    return this.#file(name).stat();
  }

  async exists(name: string): Promise<boolean> {
    const file = this.#file(name);
    return (await unlessMissing(file.stat())) !== undefined;
  }

  async save(name: string, content: StorageContent, options: SaveOptions = {}): Promise<string> {
    try {
      return await saveWhole(this.root, checkedName(name), content, { ...options, ...this.#options });
    } catch (error) {
      releaseSource(content);
      throw error;
    }
  }

  async delete(name: string): Promise<void> {
    const path = this.path(name);
    await unlessMissing(onFileSystem(() => this.#unlink(path)));
  }

  // The file's folder must be inside; the file itself may be a symlink to anywhere, which is what is removed.
  async #unlink(path: string): Promise<void> {
    await LocalRoot.at(this.root).realPathInside(join(path, ".."));
    await unlink(path);
  }

  async *list(prefix = ""): AsyncGenerator<StorageEntry> {
    normalizePrefix(prefix);
    yield* this.#walk(prefix.slice(0, prefix.lastIndexOf("/") + 1), prefix);
  }

  // Folders that are symlinks are not entered: they may form a circle.
  async *#walk(folder: string, prefix: string): AsyncGenerator<StorageEntry> {
    const directory = await unlessMissing(
      onFileSystem(async () => opendir(await LocalRoot.at(this.root).realPathInside(join(this.root, folder)))),
    );
    for await (const entry of directory ?? []) {
      const name = folder + entry.name;
      if (!`${name}/`.startsWith(prefix) || isPartName(entry.name)) continue;
      if (entry.isDirectory()) yield* this.#walk(`${name}/`, prefix);
      else if (name.startsWith(prefix)) yield* this.#entry(name);
    }
  }

  // What could not be opened is not listed: a symlink out, a socket, a name that no storage can keep.
  async *#entry(name: string): AsyncGenerator<StorageEntry> {
    const stat = await unlessMissing(this.stat(name));
    if (stat) yield { name, size: stat.size!, lastModified: stat.lastModified! };
  }

  #file(name: string): LocalFile {
    const { etag } = this.#options;
    return new LocalFile(this.path(name), { name, root: this.root, ...(etag === undefined ? {} : { etag }) });
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "storage");
  }
}

/** @throws {InvalidPathError} also for the name of a file that is still being saved */
function checkedName(name: string): string {
  if (normalizeName(name).split("/").some(isPartName)) throw new InvalidPathError();
  return name;
}

function urlOf(baseUrl: string, name: string): string {
  return `${baseUrl.replace(/\/+$/, "")}/${name.split("/").map(encodeURIComponent).join("/")}`;
}

async function unlessMissing<T>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (error instanceof FileNotFoundError) return undefined;
    throw error;
  }
}
