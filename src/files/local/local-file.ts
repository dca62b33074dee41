import type { BigIntStats } from "node:fs";
import { basename } from "node:path";
import { FileChangedError, FileNotFoundError } from "../../errors.ts";
import { isPlaceholderTime, nginxEntityTag } from "../../http/etag.ts";
import { refuseJSON } from "../../serialization.ts";
import { OpenBytes } from "../content.ts";
import { assertDotfilePolicy, type DotfilePolicy } from "../dotfiles.ts";
import type { DownloadFile, FileStat, OpenFile, OpenOptions, StatOptions } from "../download-file.ts";
import { contentDigest } from "./content-digest.ts";
import { assertEntityTagOption, type EntityTagOption } from "./etag.ts";
import { fileSystemError, isPseudoFile, isSettled, oncePerTurn, reported, statPath, versionOf } from "./file-system.ts";
import { localMemory, maxSmall, type CachedFile } from "./memory.ts";
import { OpenLocalFile } from "./open-local-file.ts";
import { PinnedFile } from "./pinned-file.ts";
import { absolutePath, LocalRoot } from "./root.ts";
import { SharedDescriptor } from "./shared-descriptor.ts";

export interface LocalFileOptions {
  /** What the client sees. Default: the last segment of the path. */
  name?: string;
  /** A folder that the file must be in, symlinks followed. Set it whenever a client has a say in the path. */
  root?: string;
  /** Below a `root`, whether the path, or what its symlinks lead to, may be a dotfile. Default `"allow"`. */
  dotfiles?: DotfilePolicy;
  /**
   * How the entity tag is made. Default: nginx's own form, weak within a second of a change. `"content"`: the SHA-256 of the
   * bytes, computed once a version of the file, which is also sent as `Repr-Digest`. `false`: no tag.
   */
  etag?: EntityTagOption;
}

/**
 * A file on this machine's disk.
 *
 * `stat()` is one system call. So is `open()`, except for the first request of a version of a file, when it also checks that the
 * file can be read. The descriptor is opened when the first byte is read, and must be of the very file that was described: a 304
 * opens nothing, and a body that is never read leaks nothing.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { mkdtemp, rm, writeFile } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { LocalFile } from "downloadview";
 *
 * const root = await mkdtemp(join(tmpdir(), "files-"));
 * await writeFile(join(root, "hello.txt"), "Hello");
 * const file = new LocalFile("hello.txt", { root });
 * assert.equal(file.name, "hello.txt");
 * assert.equal((await file.stat()).size, 5);
 * await assert.rejects(new LocalFile("../secret", { root }).stat(), { status: 404 });
 * await rm(root, { recursive: true });
 * ```
 */
export class LocalFile implements DownloadFile {
  readonly name: string;
  readonly path: string;
  readonly #root: LocalRoot | undefined;
  readonly #format: EntityTagOption;

  /**
   * A relative `path` is taken from `root`, or else from the working directory as it is now.
   * @throws {ImproperlyConfiguredError} if there is a `root` that is undefined or empty
   */
  constructor(path: string, options: LocalFileOptions = {}) {
    const { name, dotfiles, etag = nginxEntityTag } = options;
    if (typeof path !== "string") throw new TypeError(`A LocalFile needs a path, got ${JSON.stringify(path)}`);
    this.#root = "root" in options ? LocalRoot.at(options.root, dotfiles) : undefined;
    if (dotfiles !== undefined && !this.#root) assertDotfilePolicy(dotfiles, "LocalFile");
    this.path = absolutePath(path, this.#root?.path);
    this.name = name ?? basename(this.path);
    if (etag !== nginxEntityTag) assertEntityTagOption(etag, "LocalFile");
    this.#format = etag;
  }

  /**
   * @throws {FileNotFoundError} if it is missing or no regular file; with `readable`, also if it can't be read
   * @throws {InvalidPathError} if it is outside the root
   */
  async stat({ readable = false }: StatOptions = {}): Promise<FileStat> {
    // For a file that is replaced all the time, the last attempt decides.
    for (let attempt = 1; ; attempt += 1) {
      try {
        const cached = await this.#describe();
        if (readable && cached.readableIn !== (this.#root ?? null)) await this.#assertReadable(cached);
        return cached.stat;
      } catch (error) {
        if (!(error instanceof FileChangedError) || attempt === maxAttempts) throw error;
      }
    }
  }

  /** The same errors as {@link stat} with `readable`; those of reading are also `FileChangedError`. */
  async open({ lazy = false, pinned }: OpenOptions = {}): Promise<OpenFile> {
    const known = pinned && described.get(pinned);
    if (known) return this.#openPinned(known, lazy);
    const cached = await this.#describe();
    if (cached.readableIn !== (this.#root ?? null)) await this.#assertReadable(cached);
    if (cached.content) return new OpenBytes(cached.stat, cached.content);
    return new OpenLocalFile(this.path, this.#root, cached, lazy);
  }

  #openPinned(known: CachedFile, lazy: boolean): OpenFile {
    const { stat, version } = known;
    if (stat.size !== undefined && stat.size <= maxSmall) {
      return new PinnedFile(this.path, this.#root, stat, version);
    }
    // It must not grow. The bytes that are in memory may have been read for another root.
    return new OpenLocalFile(
      this.path,
      this.#root,
      { ...known, isSettled: true, content: undefined, wasRequested: false, loading: undefined },
      lazy,
    );
  }

  /** Describes the file as it is now. A version that was described before is not described again. */
  async #describe(): Promise<CachedFile> {
    let version: BigIntStats;
    try {
      version = await (this.#root?.look ?? lookAnywhere)(this.path);
    } catch (error) {
      if (error instanceof FileNotFoundError) await this.#root?.warnIfMissing();
      throw reported(this.path, error);
    }
    const known = localMemory.lookup(this.path, version, this.#format);
    if (known) return known;
    const isPseudo = isPseudoFile(this.path, version);
    if (isPseudo && (await isPseudo)) return this.#remember(version, { seekable: false });
    const stat = factsOf(version);
    if (this.#format === "content") Object.assign(stat, await this.#contentTag(version));
    else this.#addTag(stat, version);
    return this.#remember(version, stat);
  }

  #remember(version: BigIntStats, stat: FileStat): CachedFile {
    const cached: CachedFile = {
      version: versionOf(version),
      format: this.#format,
      stat: Object.freeze(stat),
      isSettled: stat.size !== undefined && isSettled(version),
      readableIn: undefined,
      content: undefined,
      wasRequested: false,
      isInUse: false,
      isContentInUse: false,
      loading: undefined,
    };
    described.set(cached.stat, cached);
    localMemory.store(this.path, cached);
    return cached;
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }

  #addTag(stat: FileStat, { size, mtimeNs, ctimeNs }: BigIntStats): void {
    if (typeof this.#format !== "function") return;
    const file = { size: Number(size), mtimeNanoseconds: mtimeNs, ctimeNanoseconds: ctimeNs };
    const etag = this.#format(file, new Date());
    if (etag) stat.etag = etag;
  }

  async #contentTag(version: BigIntStats): Promise<Pick<FileStat, "etag" | "digests">> {
    try {
      const digest = await contentDigest(this.path, this.#root, version);
      return { etag: `"${Buffer.from(digest).toString("base64url")}"`, digests: { "sha-256": digest } };
    } catch (error) {
      throw reported(this.path, error);
    }
  }

  /**
   * Opens the file once for each version. So a file that can't be read is a 404 for every request, and the size is never that of
   * a file outside the root: while a symlink is swapped, a stat of the path may describe one. Later requests recognise the file
   * by its inode and times.
   */
  async #assertReadable(cached: CachedFile): Promise<void> {
    const descriptor = SharedDescriptor.borrow(this.path, this.#root, cached.version);
    try {
      await descriptor.opened();
      cached.readableIn = this.#root ?? null;
    } catch (error) {
      throw reported(this.path, error);
    } finally {
      // Later: a file that is opened is usually read next.
      setImmediate(() => void descriptor.release().catch(() => undefined));
    }
  }
}

/** The version that a description is of. */
const described = new WeakMap<FileStat, CachedFile>();

const maxAttempts = 3;

// Field by field: frozen, an object that was spread takes four times the memory, and thousands are kept.
function factsOf({ size, mtimeNs, mtimeMs }: BigIntStats): FileStat {
  const stat: FileStat = { size: Number(size) };
  if (!isPlaceholderTime(mtimeNs)) stat.lastModified = new Date(Number(mtimeMs));
  return stat;
}

/** Describes a file that may be anywhere. For a file below a root, `LocalRoot` does. */
const lookAnywhere = oncePerTurn(async (path) => {
  let stats: BigIntStats;
  try {
    stats = await statPath(path);
  } catch (error) {
    throw fileSystemError(error);
  }
  if (!stats.isFile()) throw new FileNotFoundError();
  return stats;
});
