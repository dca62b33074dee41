import type { BigIntStats } from "node:fs";
import {
  FileNotFoundError,
  InvalidPathError,
  isDownloadError,
  UpstreamError,
  type DownloadError,
} from "../../errors.ts";

// What says "not here", in whatever words. EACCES too: a client that may not have a file learns nothing of it.
const missing = new Set(["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP", "EACCES", "EPERM", "EISDIR", "ENXIO", "ENODEV"]);

/** What a failure of the file system is to a client: no such file, or (no descriptors, a disk error) wait: 503. */
export function fileSystemError(cause: unknown): DownloadError {
  const code = (cause as NodeJS.ErrnoException | null)?.code ?? "";
  if (missing.has(code)) return new FileNotFoundError(undefined, { cause });
  // Node's own refusal of a path with NUL in it.
  if (code === "ERR_INVALID_ARG_VALUE") return new InvalidPathError(undefined, { cause });
  return new UpstreamError(503, "The file system failed", { cause });
}

/** Runs calls of the file system, and throws only errors of ours. */
export async function onFileSystem<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw isDownloadError(error) ? error : fileSystemError(error);
  }
}

/** Describes a file that can be served. @throws {FileNotFoundError} for a folder, a FIFO, a device */
export async function regularFile(stat: () => Promise<BigIntStats>): Promise<BigIntStats> {
  const stats = await onFileSystem(stat);
  if (!stats.isFile()) throw new FileNotFoundError();
  return stats;
}
