import { opendir, stat, unlink } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import { FileNotFoundError, ImproperlyConfiguredError, InvalidPathError } from "../../errors.ts";
import { releaseSource } from "../../files/byte-reader.ts";
import type { FileStat, OpenFile, OpenOptions, SignedUrlOptions, StatOptions } from "../../files/download-file.ts";
import { onFileSystem } from "../../files/local/file-system.ts";
import { assertEntityTagOption, type EntityTagOption } from "../../files/local/etag.ts";
import { configuredRoot, expectRootLater, LocalRoot } from "../../files/local/root.ts";
import { LocalFile } from "../../files/local/local-file.ts";
import { assertDotfilePolicy, hasDeniedDotfile, type DotfilePolicy } from "../../files/dotfiles.ts";
import { refuseJSON } from "../../serialization.ts";
import { isPartName, saveWhole, sweepFolder, type FileModes } from "./save.ts";
import { normalizeLocalName, normalizeName } from "../name.ts";
import type { FileTimes, SaveOptions, Storage, StorageContent, StorageEntry } from "../storage.ts";

export interface FileSystemStorageOptions extends FileModes {
  /** The URL of the folder, such as `/media` or `https://cdn.example/media`. Default: none, and then there is no `url()`. */
  baseUrl?: string;
  /**
   * How the entity tag of a file is made, see `LocalFile`: a function, `"content"` for a hash of the bytes, `false` for none.
   * Default: nginx's own form.
   */
  etag?: EntityTagOption;
  /**
   * Whether a name, or what a symlink leads to, may have a segment that begins with a dot: `"deny"`, `"allow"` or a list of those
   * that may. Default: `"allow"`, as in every other storage, because the application chooses the names. A view denies those in the URL.
   */
  dotfiles?: DotfilePolicy;
}

/**
 * Stores files in a folder of this machine. A name never leads outside it, neither by `..` nor through a symlink. A file appears
 * whole or not at all: it is written beside its place, flushed to the disk, and then moved there.
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
  /** Returns the URL of a file, each segment percent-encoded. Undefined without a `baseUrl`. */
  readonly url?: (name: string, options?: SignedUrlOptions) => string;
  readonly #options: FileSystemStorageOptions;

  /**
   * A relative `root` is taken from the working directory as it is now. It is made when the first file is saved.
   * @throws {ImproperlyConfiguredError} if `root` is empty or undefined, or `baseUrl` has a query or a fragment
   */
  constructor(root: string, options: FileSystemStorageOptions = {}) {
    this.root = resolve(configuredRoot(root, "FileSystemStorage"));
    this.#options = options;
    if (options.etag !== undefined) assertEntityTagOption(options.etag, "FileSystemStorage");
    assertDotfilePolicy(options.dotfiles, "FileSystemStorage");
    expectRootLater(this.root);
    const { baseUrl } = options;
    if (baseUrl === undefined) return;
    if (/[?#]/.test(baseUrl)) throw new ImproperlyConfiguredError("A baseUrl has no query and no fragment");
    this.url = (name) => urlOf(baseUrl, this.#keptName(name));
  }

  path(name: string): string {
    return join(this.root, this.#keptName(name));
  }

  async open(name: string, options?: OpenOptions): Promise<OpenFile> {
    return this.#file(name).open(options);
  }

  async stat(name: string, options?: StatOptions): Promise<FileStat> {
    return this.#file(name).stat(options);
  }

  /** Returns when the file was last read, created and changed, according to the file system. */
  async times(name: string): Promise<FileTimes> {
    await this.#file(name).stat();
    const { atime, birthtime, mtime } = await onFileSystem(() => stat(this.path(name)));
    return { accessed: atime, created: birthtime, modified: mtime };
  }

  /** Returns the same storage with another kind of entity tag. */
  withEntityTag(etag: EntityTagOption): FileSystemStorage {
    return new FileSystemStorage(this.root, { ...this.#options, etag });
  }

  async exists(name: string): Promise<boolean> {
    const file = this.#file(name);
    return (await unlessMissing(file.stat())) !== undefined;
  }

  async save(name: string, content: StorageContent, options: SaveOptions = {}): Promise<string> {
    try {
      return await saveWhole(this.root, this.#savedName(name), content, { ...options, ...this.#options });
    } catch (error) {
      releaseSource(content);
      throw error;
    }
  }

  async delete(name: string): Promise<void> {
    const path = this.path(name);
    await unlessMissing(onFileSystem(() => this.#unlink(path)));
  }

  // The folder of the file must be inside. The file itself may be a symlink to anywhere: only the link is removed.
  async #unlink(path: string): Promise<void> {
    await LocalRoot.at(this.root).realPathInside(join(path, ".."));
    await unlink(path);
  }

  /**
   * Removes what saves left when their process was killed: hidden files that end in `.downloadview-part`, a day old or more, in all
   * folders. The first save of a process in a folder does the same for that folder.
   *
   * @returns how many files were removed
   */
  async sweep(): Promise<number> {
    return (await unlessMissing(onFileSystem(() => sweepBelow(this.root)))) ?? 0;
  }

  async *list(prefix = ""): AsyncGenerator<StorageEntry> {
    if (prefix !== "") checkExistingName(prefix.endsWith("/") ? prefix.slice(0, -1) : prefix);
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

  // Entries that could not be opened are not listed: a symlink that leads outside, a socket, an invalid name.
  async *#entry(name: string): AsyncGenerator<StorageEntry> {
    const described = await unlessMissing(this.stat(name));
    if (!described) return;
    const { size, lastModified } = described;
    yield { name, ...(size === undefined ? {} : { size }), ...(lastModified === undefined ? {} : { lastModified }) };
  }

  #file(name: string): LocalFile {
    const { etag, dotfiles } = this.#options;
    return new LocalFile(this.path(name), {
      name,
      root: this.root,
      ...(etag === undefined ? {} : { etag }),
      ...(dotfiles === undefined ? {} : { dotfiles }),
    });
  }

  /** @throws {InvalidPathError} for a name that no file of this storage can have */
  #keptName(name: string): string {
    checkExistingName(name);
    if (hasDeniedDotfile(name, this.#options.dotfiles ?? "allow")) throw new InvalidPathError();
    return name;
  }

  // Stricter than the file system: other storages, and systems that the folder is copied to, must accept the name too.
  #savedName(name: string): string {
    return this.#keptName(normalizeName(name));
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "storage");
  }
}

/** @throws {InvalidPathError} also for the name of a file that is still being saved */
function checkExistingName(name: string): void {
  if (normalizeLocalName(name, sep).split("/").some(isPartName)) throw new InvalidPathError();
}

async function sweepBelow(folder: string): Promise<number> {
  let removed = await sweepFolder(folder);
  for await (const entry of await opendir(folder)) {
    if (entry.isDirectory()) removed += await sweepBelow(join(folder, entry.name));
  }
  return removed;
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
