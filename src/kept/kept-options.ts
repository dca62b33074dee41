import { ImproperlyConfiguredError } from "../errors.ts";
import type { Storage } from "../storages/storage.ts";
import type { FreshnessOptions } from "./freshness.ts";
import type { KeptLeases } from "./kept-leases.ts";

export interface KeptFilesOptions {
  /**
   * Where the files are kept: a folder of this application's alone, on a local disk. It is made if it is missing. Several
   * processes may share it. No web server may serve it to clients by itself.
   */
  readonly folder: string;
  /** At most this many bytes are kept. A longer file is served and not kept. Default 1 GiB. */
  readonly maxBytes?: number | undefined;
  /** What the file system must have free, in bytes. Below it files are dropped, and then none is kept. Default 0. */
  readonly minFreeBytes?: number | undefined;
  /** A file that was not requested within so many seconds is dropped. Default: only if room is needed. */
  readonly maxAge?: number | undefined;
  /** For how many milliseconds a failure is remembered: requests meanwhile fail without a new attempt. Default 1000. */
  readonly failureMemory?: number | undefined;
  /**
   * The mode of the files, less the umask. Folders get the right to pass through for each that may read. Default `0o640`: a server
   * in front reads them as a member of the application's group.
   */
  readonly mode?: number | undefined;
  /**
   * For how many milliseconds other processes wait for one that makes a file and shows no sign of life, before one of them
   * makes it in its place. Default 10 000.
   */
  readonly lease?: number | undefined;
  /**
   * A storage that several machines use, such as an `S3Storage`. What one machine makes is saved there below `kept/`. The others
   * fetch it into their folder, and check its length and SHA-256. While the storage fails, each machine makes its own.
   * Default: none.
   */
  readonly shared?: Storage | undefined;
  /**
   * Which machine makes a file: `new RedisKeptLeases(redis)` of `downloadview/redis`. Needs {@link shared}. Default: each machine
   * that finds nothing in the storage makes the file.
   */
  readonly leases?: KeptLeases | undefined;
}

/** How one file is kept. */
export interface KeepOptions extends FreshnessOptions {
  /** Goes on with the making if every client leaves. Default false. */
  readonly finishAnyway?: boolean | undefined;
  /**
   * For how many milliseconds the original may send nothing, before its first byte and between two. Then it is aborted: clients that
   * wait get a 503 with Retry-After, and those that read along a broken connection. Default 120 000. Infinity: no limit.
   */
  readonly idleTimeout?: number | undefined;
}

/** In milliseconds. Longer than servers in front wait by themselves (nginx, Apache: 60 s). */
export const defaultIdleTimeout = 120_000;

/** @throws {ImproperlyConfiguredError} for anything but a number of 0 or more */
export function assertLimits(limits: Readonly<Record<string, number>>): void {
  for (const [name, limit] of Object.entries(limits)) {
    if (typeof limit === "number" && limit >= 0) continue;
    throw new ImproperlyConfiguredError(`KeptFiles: ${name} must be a number from 0, got ${String(limit)}`);
  }
}
