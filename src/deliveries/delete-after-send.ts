import { rm, stat } from "node:fs/promises";
import { FileNotFoundError, ImproperlyConfiguredError } from "../errors.ts";
import type { DownloadFile } from "../files/download-file.ts";
import type { DownloadOutcome } from "../responses/delivery.ts";
import type { DownloadResponse } from "../responses/download-response.ts";
import type { ProxiedDownloadResponse } from "../responses/proxied-download-response.ts";
import { announcedTransfer, type Transfer } from "../responses/transfer.ts";

export interface DeleteAfterSendOptions {
  /** Seconds after which the file is deleted in any case, from the first response on. At most 20 days. */
  readonly atLatest: number;
  /** Deletes the file. Default: `delete()` of a file of a storage, or removes the file at its `path`. */
  readonly remove?: (file: DownloadFile) => Promise<unknown>;
}

/** What is known at one path, or of one file of a storage, that is to be deleted. */
interface Doomed {
  /** Transfers of it that run. */
  readonly running: Set<Transfer>;
  /** The versions of it that responses were made of, and those of them that a client has whole. */
  readonly seen: Set<string>;
  readonly sent: Set<string>;
  readonly remove: () => Promise<unknown>;
  /** Returns the version that is there now. */
  readonly versionNow: () => Promise<string>;
  readonly timer: ReturnType<typeof setTimeout>;
}

const doomed = new Map<unknown, Doomed>();

const maxSeconds = 20 * 86_400;

/**
 * Deletes the file of a response once a client has it whole, and no other transfer of it runs; at the latest after `atLatest`
 * seconds. A file that has taken its place meanwhile is not deleted, unless it has a response of its own.
 *
 * If another server sends the file, its end is known only with `deliveries()` around the handler, which also joins the ranges
 * of one client. Without that, the file is deleted after `atLatest` seconds. A process that ends first deletes nothing: sweep
 * the folder at the start.
 *
 * @returns the response
 * @throws {ImproperlyConfiguredError} if `atLatest` is not a number of seconds, or nothing says how to delete the file
 *
 * @example
 * ```ts
 * import { download, MemoryStorage, StorageFile } from "downloadview";
 * import { deleteAfterSend } from "downloadview/deliveries";
 * import { toFetchHandler } from "downloadview/fetch";
 *
 * const storage = new MemoryStorage();
 * await storage.save("export.csv", "a,b\n");
 * const handler = toFetchHandler(async () =>
 *   deleteAfterSend(download(new StorageFile(storage, "export.csv")), { atLatest: 3600 }),
 * );
 * const response = await handler(new Request("http://localhost/export"));
 * console.assert((await response.text()) === "a,b\n");
 * console.assert(!(await storage.exists("export.csv")));
 * ```
 */
export function deleteAfterSend<R extends DownloadResponse | ProxiedDownloadResponse>(
  response: R,
  { atLatest, remove }: DeleteAfterSendOptions,
): R {
  const { file } = response;
  if (!(typeof atLatest === "number" && atLatest > 0 && atLatest <= maxSeconds)) {
    throw new ImproperlyConfiguredError(
      `deleteAfterSend(response, { atLatest }): atLatest must be a number of seconds, up to ${maxSeconds}, got ${atLatest}`,
    );
  }
  const removal = file && removalOf(file, remove);
  if (!removal) {
    throw new ImproperlyConfiguredError(
      "deleteAfterSend(response, { remove }) needs a function that deletes the file: it has no path, and no storage",
    );
  }
  const key = identityOf(file);
  const versionNow = versionsOf(file, remove);
  const entry = (): Doomed => doomed.get(key) ?? doom(key, removal, versionNow, atLatest);
  // Before the file is opened: if it is the same when it is deleted, it is what was sent.
  const made = see(entry(), versionNow);
  const { beforeSend, onFinish } = response;
  const own = new Map<Transfer, Doomed>();
  response.beforeSend = async (transfer) => {
    await beforeSend?.(transfer);
    const doomed = entry();
    own.set(transfer, doomed);
    doomed.running.add(transfer);
    await see(doomed, versionNow);
  };
  response.onFinish = (outcome) => {
    const transfer = announcedTransfer(outcome);
    const doomed = transfer && own.get(transfer);
    if (transfer && doomed) {
      own.delete(transfer);
      doomed.running.delete(transfer);
      void ended(key, doomed, hasWhole(outcome, transfer) ? made : undefined);
    }
    return onFinish?.(outcome);
  };
  return response;
}

function doom(
  key: unknown,
  remove: () => Promise<unknown>,
  versionNow: () => Promise<string>,
  atLatest: number,
): Doomed {
  const timer = setTimeout(() => void end(key, entry, entry.seen), atLatest * 1000);
  timer.unref?.();
  const entry: Doomed = { running: new Set(), seen: new Set(), sent: new Set(), remove, versionNow, timer };
  doomed.set(key, entry);
  return entry;
}

/** Remembers the version that is there now. Returns undefined if it can't be told. */
async function see(entry: Doomed, versionNow: () => Promise<string>): Promise<string | undefined> {
  const version = await versionNow().catch(() => undefined);
  if (version !== undefined) entry.seen.add(version);
  return version;
}

async function ended(key: unknown, entry: Doomed, whole: Promise<string | undefined> | undefined): Promise<void> {
  const version = await whole;
  if (version !== undefined) entry.sent.add(version);
  if (entry.sent.size > 0 && entry.running.size === 0) await end(key, entry, entry.sent);
}

/** Deletes what is there now if it is one of `versions`. If it is another one, only the latest time ends the wait for it. */
async function end(key: unknown, entry: Doomed, versions: ReadonlySet<string>): Promise<void> {
  const isLast = versions === entry.seen;
  try {
    const version = await entry.versionNow();
    const waits = !isLast && (entry.running.size > 0 || !versions.has(version));
    if (waits || doomed.get(key) !== entry) return;
    forget(key, entry);
    if (versions.has(version)) await entry.remove();
  } catch (error) {
    if (isLast || isMissing(error)) forget(key, entry);
    if (!isMissing(error)) console.error("downloadview: a file that was sent could not be deleted:", error);
  }
}

function forget(key: unknown, entry: Doomed): void {
  if (doomed.get(key) === entry) doomed.delete(key);
  clearTimeout(entry.timer);
}

function isMissing(error: unknown): boolean {
  return error instanceof FileNotFoundError || (error as { code?: unknown } | undefined)?.code === "ENOENT";
}

function hasWhole(outcome: DownloadOutcome, { bytes, size }: Transfer): boolean {
  if (outcome.hasWhole !== undefined) return outcome.hasWhole;
  // Of a file of unknown size, all is what its response had.
  return outcome.completed && outcome.status === 200 && bytes === size;
}

/**
 * Returns a function that tells the version of the file that is there now. On a disk, a file that was replaced or written anew
 * has another one, also if its size is the same.
 */
function versionsOf(file: DownloadFile, remove: DeleteAfterSendOptions["remove"]): () => Promise<string> {
  const { path } = file;
  if (path !== undefined) {
    return async () => {
      const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
      return [dev, ino, size, mtimeNs].join(" ");
    };
  }
  // What a function of the application deletes, it alone can tell apart.
  if (remove) return async () => "";
  return async () => {
    const { etag, size, lastModified } = await file.stat();
    return JSON.stringify([etag, size, lastModified?.getTime()]);
  };
}

interface Deletable {
  readonly location?: unknown;
  readonly storage?: unknown;
  delete?(): Promise<unknown>;
}

function removalOf(
  file: DownloadFile & Deletable,
  remove: DeleteAfterSendOptions["remove"],
): (() => Promise<unknown>) | undefined {
  if (remove) return async () => remove(file);
  if (typeof file.delete === "function") return async () => file.delete?.();
  const { path } = file;
  return path === undefined ? undefined : () => rm(path, { force: true });
}

/** The same for all responses with the file: they wait for each other. */
function identityOf(file: DownloadFile & Deletable): unknown {
  const known = file.path ?? file.location;
  if (known !== undefined || typeof file.storage !== "object" || file.storage === null) return known ?? file;
  const number = storages.get(file.storage) ?? (lastStorage += 1);
  storages.set(file.storage, number);
  return JSON.stringify([number, file.name]);
}

/** A number for each storage that does not tell where its files are, such as one in memory. */
const storages = new WeakMap<object, number>();
let lastStorage = 0;
