import fs from "node:fs";

/**
 * The few system calls that serving a file takes, as promises over the callback API: a `FileHandle` of `fs.promises` costs half as
 * much again. Errors are Node's own.
 */

type Callback<T> = (error: NodeJS.ErrnoException | null, value: T) => void;

function call<T>(operation: (callback: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    operation((error, value) => (error ? reject(error) : resolve(value)));
  });
}

/** Follows symlinks, as `open` does. */
export function statPath(path: string): Promise<fs.BigIntStats> {
  return call((callback) => fs.stat(path, { bigint: true }, callback));
}

/** Of a symlink, describes the link itself. */
export function linkStat(path: string): Promise<fs.BigIntStats> {
  return call((callback) => fs.lstat(path, { bigint: true }, callback));
}

export function statDescriptor(descriptor: number): Promise<fs.BigIntStats> {
  return call((callback) => fs.fstat(descriptor, { bigint: true }, callback));
}

// Without O_NONBLOCK the open of a FIFO blocks a thread until somebody writes to it. Windows has neither.
const readOnly = fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0);

export function openForReading(path: string): Promise<number> {
  return call((callback) => fs.open(path, readOnly, callback));
}

/** Gives how many bytes were read: fewer than `target` has room for only at the end of the file. */
export function readDescriptor(descriptor: number, target: Uint8Array, position: number): Promise<number> {
  return call((callback) => fs.read(descriptor, target, 0, target.byteLength, position, callback));
}

export function closeDescriptor(descriptor: number): Promise<void> {
  return call((callback) => fs.close(descriptor, (error) => callback(error, undefined)));
}

export function realPath(path: string): Promise<string> {
  return call((callback) => fs.realpath.native(path, callback));
}

/** Where an open file is, by Linux's own account. Rejects elsewhere. */
export function descriptorPath(descriptor: number): Promise<string> {
  return call((callback) => fs.readlink(`/proc/self/fd/${descriptor}`, callback));
}

/** The type of the file system at a path, as Linux numbers them. Rejects where the runtime can't tell. */
export function fileSystemType(path: string): Promise<number> {
  return call<fs.StatsFs>((callback) => fs.statfs(path, callback)).then(({ type }) => type);
}
