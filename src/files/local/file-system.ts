import fs, { type BigIntStats } from "node:fs";
import { debug } from "../../diagnostics.ts";
import {
  FileNotFoundError,
  InvalidPathError,
  isDownloadError,
  UpstreamError,
  type DownloadError,
} from "../../errors.ts";

/**
 * The few system calls that serving a file takes, how identical ones are shared, what their errors mean to a client, and what
 * their stats tell. The calls are promises over the callback API: a `FileHandle` of `fs.promises` costs half as much again. They
 * reject with Node's own errors.
 */

type Callback<T> = (error: NodeJS.ErrnoException | null, value: T) => void;

function call<T>(operation: (callback: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    operation((error, value) => (error ? reject(error) : resolve(value)));
  });
}

const asBigInts = { bigint: true } as const;

/** Follows symlinks, as `open` does. */
export function statPath(path: string): Promise<BigIntStats> {
  return call((callback) => fs.stat(path, asBigInts, callback));
}

/** Of a symlink, describes the link itself. */
export function linkStat(path: string): Promise<BigIntStats> {
  // Written out: this is the one call that every request makes.
  return new Promise((resolve, reject) => {
    fs.lstat(path, asBigInts, (error, stats) => (error ? reject(error) : resolve(stats)));
  });
}

export function statDescriptor(descriptor: number): Promise<BigIntStats> {
  return call((callback) => fs.fstat(descriptor, asBigInts, callback));
}

// Without O_NONBLOCK, opening a FIFO blocks a thread until a process writes to it. Windows has neither.
export const readOnly: number = fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0);

/** The same, but a symlink is not followed: opening it fails. */
export const readOnlyUnlinked: number = readOnly | (fs.constants.O_NOFOLLOW ?? 0);

export function openForReading(path: string): Promise<number> {
  return call((callback) => fs.open(path, readOnly, callback));
}

/** Opens a folder. Rejects for anything else. */
export function openFolder(path: string): Promise<number> {
  return call((callback) => fs.open(path, readOnly | (fs.constants.O_DIRECTORY ?? 0), callback));
}

/** Returns how many bytes were read: fewer than `target` has room for only at the end of the file. */
export function readDescriptor(descriptor: number, target: Uint8Array, position: number): Promise<number> {
  return call((callback) => fs.read(descriptor, target, 0, target.byteLength, position, callback));
}

export function closeDescriptor(descriptor: number): Promise<void> {
  return call((callback) => fs.close(descriptor, (error) => callback(error, undefined)));
}

/** What one look into a file has found. */
export interface ReadOnce {
  /** How many bytes were read: fewer than there was room for only at the end of the file. */
  readonly count: number;
  /** The file as it was after they were read. */
  readonly stats: BigIntStats;
}

/**
 * Opens a file, reads the bytes from `position` on that `target` has room for, stats it, and closes it: one promise for the
 * four calls, since an archive makes them for thousands of files. When it settles, the file is closed, and nothing writes to
 * `target` any more.
 *
 * @param flags - `readOnly` or `readOnlyUnlinked`
 * @param check - called before the file is closed. If it rejects, so does this
 */
export function readOnce(
  path: string,
  flags: number,
  target: Uint8Array,
  position: number,
  check?: (descriptor: number) => Promise<void>,
): Promise<ReadOnce> {
  return new Promise((resolve, reject) => {
    fs.open(path, flags, (openError, descriptor) => {
      if (openError) return reject(openError);
      const fail = (error: unknown): void => fs.close(descriptor, () => reject(error));
      fs.read(descriptor, target, 0, target.byteLength, position, (readError, count) => {
        if (readError) return fail(readError);
        fs.fstat(descriptor, asBigInts, (statError, stats) => {
          if (statError) return fail(statError);
          const succeed = (): void => fs.close(descriptor, () => resolve({ count, stats }));
          if (check) check(descriptor).then(succeed, fail);
          else succeed();
        });
      });
    });
  });
}

export function realPath(path: string): Promise<string> {
  return call((callback) => fs.realpath.native(path, callback));
}

/** Returns the path of an open file as Linux knows it. Rejects on other systems. */
export function descriptorPath(descriptor: number): Promise<string> {
  return call((callback) => fs.readlink(`/proc/self/fd/${descriptor}`, callback));
}

/**
 * Identical lookups that are requested during one turn of the event loop share one look at the disk. It starts when the
 * turn ends, after the last of them was requested: no caller gets an answer that is older than its question.
 *
 * @param lookUp looks up one key. The real folders that it puts into the map are shared by all lookups of the turn
 */
export function oncePerTurn<T>(
  lookUp: (key: string, realFolders: Map<string, Promise<string>>) => Promise<T>,
): (key: string) => Promise<T> {
  let asked = new Map<string, Question<T>>();
  const answerAll = (): void => {
    const questions = asked;
    asked = new Map();
    const realFolders = new Map<string, Promise<string>>();
    for (const [key, { resolve, reject }] of questions) lookUp(key, realFolders).then(resolve, reject);
  };
  return (key) => {
    const known = asked.get(key);
    if (known) return known.answer;
    if (asked.size === 0) setImmediate(answerAll);
    let resolve!: Question<T>["resolve"];
    let reject!: Question<T>["reject"];
    const answer = new Promise<T>((onAnswer, onError) => {
      resolve = onAnswer;
      reject = onError;
    });
    asked.set(key, { answer, resolve, reject });
    return answer;
  };
}

interface Question<T> {
  readonly answer: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

/** The errors of a path that has no file. EACCES too: a client that may not have a file must not learn that it exists. */
const missing = new Set(["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP", "EACCES", "EPERM", "EISDIR", "ENXIO", "ENODEV"]);

/** Maps a file system error to a response: 404 if there is no such file, 503 if retrying may help (EMFILE, EIO). */
export function fileSystemError(cause: unknown): DownloadError {
  if (isDownloadError(cause)) return cause;
  const code = (cause as NodeJS.ErrnoException | null)?.code ?? "";
  if (missing.has(code)) return new FileNotFoundError(undefined, { cause });
  // Node refuses a path with NUL in it.
  if (code === "ERR_INVALID_ARG_VALUE") return new InvalidPathError(undefined, { cause });
  return new UpstreamError(503, "The file system failed", { cause });
}

/** {@link fileSystemError}, with its reason in the log of the operator. */
export function reported(path: string, error: unknown): DownloadError {
  const failure = fileSystemError(error);
  debug(() => `${failure.status} for ${path}: ${reasonOf(failure)}`);
  return failure;
}

function reasonOf({ cause, message }: DownloadError): string {
  return cause instanceof Error ? cause.message : message;
}

/** Runs calls of the file system. @throws {DownloadError} see {@link fileSystemError} */
export async function onFileSystem<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw fileSystemError(error);
  }
}

/**
 * What tells one version of a file from another. A stat of Node's is seven times as large: too much for an archive that
 * pins thousands of files.
 */
export type FileVersion = Pick<BigIntStats, "dev" | "ino" | "size" | "blocks" | "mtimeNs" | "ctimeNs">;

export function versionOf({ dev, ino, size, blocks, mtimeNs, ctimeNs }: BigIntStats): FileVersion {
  return { dev, ino, size, blocks, mtimeNs, ctimeNs };
}

/** Whether two stats are of one file in one state. */
export function isSameVersion(one: FileVersion, other: FileVersion): boolean {
  return (
    one.ino === other.ino &&
    one.dev === other.dev &&
    one.size === other.size &&
    one.mtimeNs === other.mtimeNs &&
    one.ctimeNs === other.ctimeNs
  );
}

/** Whether two stats are of one file, whatever was written to it between them. */
export function isSameFile(one: FileVersion, other: FileVersion): boolean {
  return one.ino === other.ino && one.dev === other.dev;
}

/** Whether `now` is the file that was `described`, with more bytes, as a log has after each line. */
export function hasGrown(described: FileVersion, now: FileVersion): boolean {
  return isSameFile(described, now) && now.size > described.size;
}

/** Whether no bytes were written to one file between two stats of it. It may have been renamed or removed: ctime. */
export function isUnwritten(described: FileVersion, now: FileVersion): boolean {
  return described.size === now.size && described.mtimeNs === now.mtimeNs;
}

/** In nanoseconds. Two changes within this time may have the same times: the kernel's clock ticks, some disks' by seconds. */
const settling = 2_000_000_000n;

/** Whether the last change is so old that the next one has other times. "Racily clean" is git's name for the opposite. */
export function isSettled(version: BigIntStats): boolean {
  const now = BigInt(Date.now()) * 1_000_000n;
  return now - version.mtimeNs > settling && now - version.ctimeNs > settling;
}

/**
 * Linux file systems whose files are made when they are read, by their magic numbers (statfs(2), linux/magic.h): proc, sysfs,
 * debugfs, tracefs, securityfs, configfs, cgroup, cgroup2, pstore, bpf.
 */
const pseudoTypes: ReadonlySet<number> = new Set([
  0x9fa0, 0x62656572, 0x64626720, 0x74726163, 0x73636673, 0x62656570, 0x27e0eb, 0x63677270, 0x6165676c, 0xcafe4a11,
]);

const pseudoDevices = new Map<bigint, Promise<boolean>>();

/**
 * Whether a file has bytes that its stat does not count: `/proc` reports each file as empty, `/sys` as 4096 bytes long. The
 * file system is asked once a device, and only for a file that has no blocks and one of these sizes.
 */
export function isPseudoFile(path: string, { blocks, size, dev }: BigIntStats): Promise<boolean> | false {
  if (blocks !== 0n || (size !== 0n && size !== 4096n)) return false;
  let isPseudo = pseudoDevices.get(dev);
  if (!isPseudo) {
    isPseudo = call<fs.StatsFs>((callback) => fs.statfs(path, callback)).then(
      ({ type }) => pseudoTypes.has(type),
      // The file is gone, or the runtime does not know: the next file asks again.
      () => !pseudoDevices.delete(dev),
    );
    pseudoDevices.set(dev, isPseudo);
  }
  return isPseudo;
}
