import type { BigIntStats } from "node:fs";
import { basename, resolve } from "node:path";
import { FileChangedError, FileNotFoundError } from "../errors.ts";
import { nginxEntityTag, type EntityTagFormat } from "../http/etag.ts";
import type { ByteRange } from "../http/range.ts";
import { closedEarly } from "./bytes.ts";
import type { DownloadFile, FileStat, OpenFile } from "./download-file.ts";
import { onFileSystem } from "./local-file-errors.ts";
import { assertDescriptorInside, realPathInside } from "./local-file-root.ts";
import { closeDescriptor, openForReading, readDescriptor, statDescriptor, statPath } from "./local-file-system.ts";

export interface LocalFileOptions {
  /** What the client sees. Default: the last segment of the path. */
  name?: string;
  /** A folder that the file must be in, symlinks followed. Set it whenever a client has a say in the path. */
  root?: string;
  /** How the entity tag is made, or `false` for none. Default: nginx's own form, weak within a second of a change. */
  etag?: EntityTagFormat | false;
}

/**
 * A file on this machine's disk.
 *
 * `stat()` is one system call. `open()` is that too: the descriptor is opened when the first byte is asked for, and must
 * then be of the very file that was described. So a 304 opens nothing and a body that nobody reads leaks nothing.
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
  readonly #root: string | undefined;
  readonly #format: EntityTagFormat | false;

  /** A relative `path` is taken from `root`, or else from the working directory as it is now. */
  constructor(path: string, { name, root, etag = nginxEntityTag }: LocalFileOptions = {}) {
    this.#root = root === undefined ? undefined : resolve(root);
    this.path = resolve(this.#root ?? "", path);
    this.name = name ?? basename(this.path);
    this.#format = etag;
  }

  /**
   * @throws {FileNotFoundError} if it is missing, unreadable or no regular file
   * @throws {InvalidPathError} if it is outside the root
   */
  async stat(): Promise<FileStat> {
    return this.#describe(await this.#statPath());
  }

  /** The same errors as {@link stat}; those of `read()` and `prepare()` are also `FileChangedError`. */
  async open(): Promise<OpenFile> {
    const stats = await this.#statPath();
    return new OpenLocalFile(this.path, this.#root, stats, this.#describe(stats));
  }

  async #statPath(): Promise<BigIntStats> {
    return onFileSystem(async () => {
      const contained = this.#root === undefined ? undefined : realPathInside(this.#root, this.path);
      const [stats] = await Promise.all([statPath(this.path), contained]);
      if (!stats.isFile()) throw new FileNotFoundError();
      return stats;
    });
  }

  #describe(stats: BigIntStats): FileStat {
    const size = Number(stats.size);
    const etag = this.#format && this.#format({ size, mtimeNanoseconds: stats.mtimeNs }, new Date());
    return { size, lastModified: new Date(Number(stats.mtimeMs)), ...(etag ? { etag } : {}) };
  }
}

const smallestChunk = 64 * 1024;
const largestChunk = 256 * 1024;

class OpenLocalFile implements OpenFile {
  readonly stat: FileStat;
  readonly #path: string;
  readonly #root: string | undefined;
  readonly #expected: BigIntStats;
  #descriptor: Promise<number> | undefined;
  #closing: Promise<void> | undefined;
  #reads = 0;
  #idle: (() => void) | undefined;

  constructor(path: string, root: string | undefined, expected: BigIntStats, stat: FileStat) {
    this.#path = path;
    this.#root = root;
    this.#expected = expected;
    this.stat = stat;
  }

  async prepare(): Promise<void> {
    await this.#open();
  }

  async *read(range?: ByteRange): AsyncGenerator<Uint8Array> {
    const end = Math.min(range ? range.end + 1 : Infinity, Number(this.#expected.size));
    let position = range?.start ?? 0;
    for (let room = smallestChunk; position < end; room = Math.min(room * 2, largestChunk)) {
      // Not of Node's shared pool: a stream may transfer the buffer of a chunk, and with it what else is in the pool.
      const buffer = Buffer.allocUnsafeSlow(Math.min(room, end - position));
      const count = await this.readInto(buffer, position);
      if (count === 0) return;
      position += count;
      yield count === buffer.byteLength ? buffer : buffer.subarray(0, count);
    }
  }

  async readInto(target: Uint8Array, position: number): Promise<number> {
    this.#reads++;
    try {
      const descriptor = await this.#open();
      return await onFileSystem(() => readDescriptor(descriptor, target, position));
    } finally {
      this.#reads--;
      if (this.#reads === 0) this.#idle?.();
    }
  }

  #open(): Promise<number> {
    if (this.#closing) return Promise.reject(closedEarly());
    return (this.#descriptor ??= onFileSystem(() => openVerified(this.#path, this.#root, this.#expected)));
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    const descriptor = await this.#descriptor?.catch(() => undefined);
    if (descriptor === undefined) return;
    // The number of a closed descriptor is given to the next file that is opened: a read under way would read that.
    if (this.#reads > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    await closeDescriptor(descriptor);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function openVerified(path: string, root: string | undefined, expected: BigIntStats): Promise<number> {
  const descriptor = await openForReading(path);
  try {
    const opened = await statDescriptor(descriptor);
    if (!isSameVersion(opened, expected)) throw new FileChangedError();
    if (root !== undefined) await assertDescriptorInside(root, descriptor, opened, path);
    return descriptor;
  } catch (error) {
    await closeDescriptor(descriptor);
    throw error;
  }
}

function isSameVersion(one: BigIntStats, other: BigIntStats): boolean {
  return (
    one.dev === other.dev &&
    one.ino === other.ino &&
    one.size === other.size &&
    one.mtimeNs === other.mtimeNs &&
    one.ctimeNs === other.ctimeNs
  );
}
