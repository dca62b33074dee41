import { rm } from "node:fs/promises";
import { ImproperlyConfiguredError } from "../errors.ts";
import type { DownloadFile } from "../files/download-file.ts";
import type { DownloadOutcome } from "../responses/delivery.ts";
import type { DownloadResponse } from "../responses/download-response.ts";
import type { ProxiedDownloadResponse } from "../responses/proxied-download-response.ts";
import type { Transfer } from "../responses/transfer.ts";

export interface DeleteAfterSendOptions {
  /** Seconds after which the file is deleted in any case, from the first response on. At most 20 days. */
  readonly atLatest: number;
  /** Deletes the file. Default: `delete()` of a file of a storage, or removes the file at its `path`. */
  readonly remove?: (file: DownloadFile) => Promise<unknown>;
}

/** A file that is to be deleted. */
interface Doomed {
  /** Transfers of it that run. */
  running: number;
  isSent: boolean;
  readonly remove: () => Promise<unknown>;
  readonly timer: ReturnType<typeof setTimeout>;
}

const doomed = new Map<unknown, Doomed>();

const maxSeconds = 20 * 86_400;

/**
 * Deletes the file of a response once a client has it whole, and no other transfer of it runs; at the latest after `atLatest`
 * seconds.
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
  const entry = doomed.get(key) ?? doom(key, removal, atLatest);
  const { beforeSend, onFinish } = response;
  let transfer: Transfer | undefined;
  response.beforeSend = async (its) => {
    await beforeSend?.(its);
    transfer = its;
    entry.running += 1;
  };
  response.onFinish = (outcome) => {
    if (transfer) entry.running -= 1;
    entry.isSent ||= hasWhole(outcome, transfer);
    transfer = undefined;
    if (entry.isSent && entry.running === 0) end(key, entry);
    return onFinish?.(outcome);
  };
  return response;
}

function doom(key: unknown, remove: () => Promise<unknown>, atLatest: number): Doomed {
  const timer = setTimeout(() => end(key, entry), atLatest * 1000);
  timer.unref?.();
  const entry: Doomed = { running: 0, isSent: false, remove, timer };
  doomed.set(key, entry);
  return entry;
}

function end(key: unknown, entry: Doomed): void {
  if (doomed.get(key) !== entry) return;
  doomed.delete(key);
  clearTimeout(entry.timer);
  entry.remove().catch((error: unknown) => {
    console.error("downloadview: a file that was sent could not be deleted:", error);
  });
}

function hasWhole(outcome: DownloadOutcome, transfer: Transfer | undefined): boolean {
  if (outcome.hasWhole !== undefined) return outcome.hasWhole;
  const { bytes, size } = transfer ?? {};
  // Of a file of unknown size, all is what its response had.
  return transfer !== undefined && outcome.completed && outcome.status === 200 && bytes === size;
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
