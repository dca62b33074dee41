import type { BigIntStats } from "node:fs";
import { basename } from "node:path";
import { debug } from "../../diagnostics.ts";
import { FileChangedError, FileNotFoundError, isDownloadError, type DownloadError } from "../../errors.ts";
import { isPlaceholderTime, nginxEntityTag } from "../../http/etag.ts";
import { rangeLength, type ByteRange } from "../../http/range.ts";
import { refuseJSON } from "../../serialization.ts";
import { absolutePath } from "./absolute-path.ts";
import { allocate, closedEarly } from "../bytes.ts";
import { contentDigest } from "../content-digest.ts";
import type { Content, ChunksContent, SeekableContent } from "../content.ts";
import type { DownloadFile, FileStat, OpenFile, OpenOptions, StatOptions } from "../download-file.ts";
import { SharedDescriptor } from "./shared-descriptor.ts";
import { fileSystemError, regularFile } from "./file-system-errors.ts";
import { assertEntityTagOption, type EntityTagOption } from "./etag.ts";
import { borrowPopular, keepContent, largestKept, recall, remember, type Memo } from "./memory.ts";
import { configuredRoot, LocalRoot } from "./root.ts";
import { closeDescriptor, openForReading, readDescriptor, statDescriptor, statPath } from "./file-system.ts";
import { OpenBytes } from "../virtual-file-content.ts";
import { hasGrown, isSameVersion, isSettled, isUnwritten } from "./version.ts";
import { oncePerTurn } from "./once-per-turn.ts";
import { assertDotfilePolicy, type DotfilePolicy } from "../dotfiles.ts";
import type { PopularContent } from "./popular-contents.ts";
import { isPseudoFile } from "../pseudo-file.ts";
import { ReadSamples } from "../read-samples.ts";

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
 * `stat()` is one system call. `open()` is that too, but for the first time that a version of a file is asked for, when it also
 * finds out whether the file can be read. The descriptor is opened when the first byte is asked for, and must then be of the
 * very file that was described: a 304 opens nothing, and a body that is never read leaks nothing.
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
    assertDotfilePolicy(dotfiles, "LocalFile");
    this.#root = "root" in options ? rootOf(options.root, dotfiles) : undefined;
    this.path = absolutePath(path, this.#root?.path);
    this.name = name ?? basename(this.path);
    assertEntityTagOption(etag, "LocalFile");
    this.#format = etag;
  }

  /**
   * @throws {FileNotFoundError} if it is missing or no regular file; with `readable`, also if it can't be read
   * @throws {InvalidPathError} if it is outside the root
   */
  stat({ readable = false }: StatOptions = {}): Promise<FileStat> {
    return this.#untilItRests(async () => {
      const memo = await this.#describe();
      if (readable) await this.#assertReadable(memo);
      return memo.stat;
    });
  }

  /** The same errors as {@link stat} with `readable`; those of reading are also `FileChangedError`. */
  async open({ lazy = false, pinned }: OpenOptions = {}): Promise<OpenFile> {
    const known = pinned && memoOf.get(pinned);
    if (known) return this.#openPinned(known, lazy);
    const memo = await this.#describe();
    await this.#assertReadable(memo);
    return new OpenLocalFile(this.path, this.#root, memo, lazy);
  }

  async #openPinned(known: Memo, lazy: boolean): Promise<OpenFile> {
    const { stat, version } = known;
    if (!lazy && stat.size !== undefined && stat.size <= largestKept) {
      try {
        return new OpenBytes(stat, await readVersion(this.path, this.#root, version));
      } catch (error) {
        throw told(this.path, error);
      }
    }
    // It must not grow. The bytes that are in memory may have been read for another root.
    return new OpenLocalFile(
      this.path,
      this.#root,
      { ...known, isSettled: true, content: undefined, wasAskedFor: false },
      lazy,
    );
  }

  // Of a file that is written or replaced all the time, the last attempt tells.
  async #untilItRests<T>(read: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await read();
      } catch (error) {
        if (!(error instanceof FileChangedError) || attempt === mostAttempts) throw error;
      }
    }
  }

  /** What is there now, described anew unless it is the version that was described before. */
  async #describe(): Promise<Memo> {
    const version = await this.#look();
    return recall(this.path, version, this.#format) ?? (await this.#memoOf(version));
  }

  /** One fresh look at the disk. */
  async #look(): Promise<BigIntStats> {
    try {
      return await (this.#root?.look ?? lookAnywhere)(this.path);
    } catch (error) {
      if (error instanceof FileNotFoundError) await this.#root?.warnIfMissing();
      throw told(this.path, error);
    }
  }

  async #memoOf(version: BigIntStats): Promise<Memo> {
    const isPseudo = await isPseudoFile(this.path, version);
    const stat: FileStat = isPseudo ? { seekable: false } : await this.#statOf(version);
    const memo: Memo = {
      version,
      format: this.#format,
      stat: Object.freeze(stat),
      isSettled: !isPseudo && isSettled(version),
      content: undefined,
      wasAskedFor: false,
    };
    memoOf.set(memo.stat, memo);
    remember(this.path, memo);
    return memo;
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }

  async #statOf(version: BigIntStats): Promise<FileStat> {
    const size = Number(version.size);
    const times = isPlaceholderTime(version.mtimeNs) ? {} : { lastModified: new Date(Number(version.mtimeMs)) };
    if (this.#format === "content") return { size, ...times, ...(await this.#contentTag(version)) };
    const { mtimeNs: mtimeNanoseconds, ctimeNs: ctimeNanoseconds } = version;
    const etag = this.#format && this.#format({ size, mtimeNanoseconds, ctimeNanoseconds }, new Date());
    return { size, ...times, ...(etag ? { etag } : {}) };
  }

  async #contentTag(version: BigIntStats): Promise<Pick<FileStat, "etag" | "digests">> {
    try {
      const digest = await contentDigest(this.path, this.#root, version);
      return { etag: `"${Buffer.from(digest).toString("base64url")}"`, digests: { "sha-256": digest } };
    } catch (error) {
      throw told(this.path, error);
    }
  }

  /**
   * Opens the file once for each version, so that what can't be read is a 404 whatever is asked of it, and so that the size is
   * never that of a file outside the root: while a symlink is swapped, a look at the path may describe one.
   * Later requests know the file by its inode and times.
   */
  async #assertReadable(memo: Memo): Promise<void> {
    const root = this.#root ?? null;
    if (memo.readableIn === root) return;
    const descriptor = SharedDescriptor.borrow(this.path, this.#root, memo.version);
    try {
      await descriptor.opened();
      memo.readableIn = root;
    } catch (error) {
      throw told(this.path, error);
    } finally {
      // Not at once: what is opened now is most often read next.
      setImmediate(() => void descriptor.release().catch(() => undefined));
    }
  }
}

/**
 * All bytes of a small file, if it is still the version that was described. One look tells both, once the bytes are read.
 * @throws {FileChangedError} if it is not
 * @throws {InvalidPathError} if what was opened is outside the root
 */
async function readVersion(path: string, root: LocalRoot | undefined, version: BigIntStats): Promise<Uint8Array> {
  const descriptor = await openForReading(path);
  try {
    const bytes = allocate(Number(version.size));
    const count = bytes.byteLength > 0 ? await readDescriptor(descriptor, bytes, 0) : 0;
    const now = await statDescriptor(descriptor);
    if (count < bytes.byteLength || !isSameVersion(version, now)) throw new FileChangedError();
    await root?.assertDescriptorInside(descriptor, version, path);
    return bytes;
  } finally {
    await closeDescriptor(descriptor);
  }
}

/** The version that a description is of. */
const memoOf = new WeakMap<FileStat, Memo>();

function reasonOf({ cause, message }: DownloadError): string {
  return cause instanceof Error ? cause.message : message;
}

const mostAttempts = 3;

/** An error of the file system as one of ours. Its reason is for the operator alone. */
function told(path: string, error: unknown): DownloadError {
  const failure = isDownloadError(error) ? error : fileSystemError(error);
  debug(() => `${failure.status} for ${path}: ${reasonOf(failure)}`);
  return failure;
}

function rootOf(root: string | undefined, dotfiles: DotfilePolicy | undefined): LocalRoot {
  return LocalRoot.at(absolutePath(configuredRoot(root, "LocalFile")), dotfiles === undefined ? {} : { dotfiles });
}

const lookAnywhere = oncePerTurn(() => (path) => regularFile(() => statPath(path)));

const chunkSize = 64 * 1024;

const nothingToClose = Promise.resolve();

class OpenLocalFile implements OpenFile {
  readonly stat: FileStat;
  readonly #path: string;
  readonly #root: LocalRoot | undefined;
  readonly #memo: Memo;
  readonly #isLazy: boolean;
  /** Whether content was returned that reads from the descriptor. */
  #isOnDisk = false;
  #descriptor: SharedDescriptor | undefined;
  #popular: PopularContent | undefined;
  #closing: Promise<void> | undefined;
  #verifying: Promise<void> | undefined;
  readonly #samples = new ReadSamples();
  #reads = 0;
  #idle: (() => void) | undefined;

  constructor(path: string, root: LocalRoot | undefined, memo: Memo, isLazy: boolean) {
    this.#path = path;
    this.#root = root;
    this.#memo = memo;
    this.#isLazy = isLazy;
    this.stat = memo.stat;
  }

  async content(range?: ByteRange): Promise<Content> {
    if (this.#closing) throw closedEarly();
    const { size } = this.stat;
    if (size === undefined) return this.#unmeasured(range);
    const start = range?.start ?? 0;
    const end = Math.min(range?.end ?? Infinity, size - 1);
    const bytes = await this.#inMemory(size, start, end);
    if (bytes) {
      this.#letGo();
      return { kind: "bytes", bytes };
    }
    this.#isOnDisk = true;
    if (!this.#isLazy) await this.#openDescriptor();
    return this.#onDisk(start, end + 1 - start);
  }

  /** Small files, small parts, and files that are asked for again. Undefined for all others. */
  async #inMemory(size: number, start: number, end: number): Promise<Uint8Array | undefined> {
    const content = this.#memo.content ?? (size <= largestKept ? await this.#loadWhole(size) : undefined);
    if (content) return content.subarray(start, end + 1);
    if (end + 1 - start <= largestKept) return this.#loadPart({ start, end });
    return this.#isLazy ? undefined : (await this.#loadPopular(size))?.subarray(start, end + 1);
  }

  async #loadPopular(size: number): Promise<Uint8Array | undefined> {
    this.#popular ??= borrowPopular(this.#memo, size, () => this.#loadPart({ start: 0, end: size - 1 }));
    const content = await this.#popular?.loaded;
    // It was given back if the file was closed meanwhile.
    if (content && this.#closing) throw closedEarly();
    return content;
  }

  #onDisk(start: number, length: number): SeekableContent {
    return {
      kind: "seekable",
      length,
      readInto: (target, position) => {
        // The last bytes that are read: now is the time to look whether all were of one version.
        const isLast = position + target.byteLength === length;
        return this.#reading((descriptor) => this.#readFrom(descriptor, target, start + position, isLast));
      },
    };
  }

  /** Closes what is in memory by now: a reader that stalls holds no descriptor. */
  #letGo(): void {
    const descriptor = this.#descriptor;
    if (!descriptor || this.#isOnDisk || this.#reads > 0) return;
    this.#descriptor = undefined;
    this.#verifying = undefined;
    descriptor.release().catch(() => undefined);
  }

  /** A file that has no size, as those below `/proc`: it is read to its end. */
  async #unmeasured(range: ByteRange | undefined): Promise<ChunksContent> {
    this.#isOnDisk = true;
    if (!this.#isLazy) await this.#openDescriptor();
    return { kind: "chunks", chunks: this.#chunks(range) };
  }

  async #loadWhole(size: number): Promise<Uint8Array> {
    const content = size > 0 ? await this.#loadPart({ start: 0, end: size - 1 }) : await this.#loadNothing();
    keepContent(this.#path, this.#memo, content);
    return content;
  }

  async #loadPart(range: ByteRange): Promise<Uint8Array> {
    const { bytes, stats } = await this.#reading((descriptor) => descriptor.readPart(range));
    const { version } = this.#memo;
    const isKept = isUnwritten(version, stats) || (this.#mayGrow && hasGrown(version, stats));
    if (!isKept || bytes.byteLength < rangeLength(range)) throw new FileChangedError();
    return bytes;
  }

  // An empty file must be there, and where it may be, like any other.
  async #loadNothing(): Promise<Uint8Array> {
    await this.#openDescriptor();
    return new Uint8Array();
  }

  #openDescriptor(): Promise<void> {
    return this.#reading(() => undefined);
  }

  async *#chunks({ start, end }: ByteRange = { start: 0, end: Infinity }): AsyncGenerator<Uint8Array> {
    for (let position = start; position <= end;) {
      const buffer = allocate(Math.min(chunkSize, end + 1 - position));
      const count = await this.#reading((descriptor) => this.#readFrom(descriptor, buffer, position, false));
      if (count === 0) return;
      position += count;
      yield buffer.subarray(0, count);
    }
  }

  async #readFrom(
    descriptor: SharedDescriptor,
    target: Uint8Array,
    position: number,
    isLast: boolean,
  ): Promise<number> {
    const count = await descriptor.read(target, position);
    this.#samples.add(target.subarray(0, count), position);
    // A shorter read has met the end of the file: the caller knows that bytes are missing.
    const isWhole = isLast && count === target.byteLength;
    if (isWhole && !(await this.#hasKept(descriptor))) throw new FileChangedError();
    return count;
  }

  /** Whether all that was read is of the version that was described: a file that is written in place mixes two. */
  async #hasKept(descriptor: SharedDescriptor): Promise<boolean> {
    const { version } = this.#memo;
    const now = await descriptor.stat();
    if (isSameVersion(version, now)) return true;
    if (!isUnwritten(version, now) && !hasGrown(version, now)) return false;
    return this.#samples.areUnchanged((target, position) => descriptor.read(target, position));
  }

  /**
   * Whether the file may have grown between its description and its opening. A log does. Of a file that had been left alone,
   * and whose strong tag promises the very bytes, we rather take the new version.
   */
  get #mayGrow(): boolean {
    const { isSettled, stat } = this.#memo;
    return !isSettled || !stat.etag?.startsWith('"');
  }

  async #verify(descriptor: SharedDescriptor): Promise<void> {
    const opened = await descriptor.opened();
    const { version, stat } = this.#memo;
    if (stat.size === undefined || isSameVersion(version, opened)) return;
    if (!this.#mayGrow || !hasGrown(version, opened)) throw new FileChangedError();
  }

  async #reading<T>(read: (descriptor: SharedDescriptor) => T | Promise<T>): Promise<T> {
    if (this.#closing) throw closedEarly();
    const descriptor = (this.#descriptor ??= SharedDescriptor.borrow(this.#path, this.#root, this.#memo.version));
    this.#reads++;
    try {
      await (this.#verifying ??= this.#verify(descriptor));
      return await read(descriptor);
    } catch (error) {
      throw isDownloadError(error) ? error : fileSystemError(error);
    } finally {
      this.#reads--;
      if (this.#reads === 0) this.#idle?.();
    }
  }

  close(): Promise<void> {
    if (this.#closing) return this.#closing;
    this.#popular?.giveBack();
    return (this.#closing = this.#descriptor ? this.#close(this.#descriptor) : nothingToClose);
  }

  async #close(descriptor: SharedDescriptor): Promise<void> {
    // The number of a closed descriptor is given to the next file that is opened: a read under way would read that.
    if (this.#reads > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    await descriptor.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}
