import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { ImproperlyConfiguredError } from "../errors.ts";
import { unwrap } from "../files/described-file.ts";
import type { DownloadFile, SignedUrlOptions } from "../files/download-file.ts";
import { refuseJSON } from "../serialization.ts";
import { DerivedFile, type DeriveOptions } from "./derived-file.ts";
import { Fleet } from "./fleet.ts";
import { KeptFolder } from "./folder.ts";
import { graveLife } from "./housekeeping.ts";
import { deleteSlices } from "./in-slices.ts";
import { KeepingFile } from "./keeping-file.ts";
import { KeptFile, recordOf } from "./kept-file.ts";
import { assertLimits, type KeepOptions, type KeptFilesOptions } from "./kept-options.ts";
import { KeptStore } from "./kept-store.ts";
import { hashKey, type KeptKey } from "./key.ts";
import { obtainWhole } from "./obtain-whole.ts";
import { parseRecord } from "./record.ts";
import { SharedTier } from "./shared-tier.ts";
import type { KeptStatistics } from "./statistics.ts";
import { setStore } from "./store-of.ts";
import type { SweepResult } from "./sweep.ts";
import { visitOf } from "./visit.ts";

/** A file in the folder. */
export interface KeptEntry {
  readonly key: KeptKey;
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  readonly madeAt: Date;
  /** When it was last asked for, to a minute. */
  readonly usedAt: Date;
}

/**
 * Files that are made once and then served like files on a disk: with a length, a strong entity tag, ranges, digests and a
 * path, so that a server in front can send them.
 *
 * It holds no connection and no watching: only while a file is made, or a dropped one is still in its grave, there is a timer,
 * which does not keep the process alive.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { mkdtemp, rm } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { VirtualFile } from "downloadview";
 * import { KeptFiles } from "downloadview/keep";
 *
 * const kept = new KeptFiles({ folder: await mkdtemp(join(tmpdir(), "kept-")), maxBytes: 20 * 2 ** 30 });
 * let made = 0;
 * const report = new VirtualFile(() => `report ${(made += 1)}`, { name: "report.txt" });
 *
 * const file = await kept.make(["report", 7, "revision 3"], report);
 * assert.equal((await file?.stat())?.size, 8);
 * await kept.make(["report", 7, "revision 3"], report);
 * assert.equal(made, 1);
 *
 * await kept.delete(["report", 7, "revision 3"]);
 * assert.equal(await kept.get(["report", 7, "revision 3"]), undefined);
 * await rm(kept.folder, { recursive: true });
 * ```
 */
export class KeptFiles {
  /** The absolute path of the folder. */
  readonly folder: string;
  readonly #store: KeptStore;

  /** @throws {ImproperlyConfiguredError} for a folder or a limit that cannot be used */
  constructor(options: KeptFilesOptions) {
    const { folder, maxBytes = 2 ** 30, minFreeBytes = 0, maxAge = Infinity, failureMemory = 1000 } = options;
    const { lease = 10_000, mode = 0o640 } = options;
    if (typeof folder !== "string" || folder === "") {
      throw new ImproperlyConfiguredError(`KeptFiles: folder must be a path, got ${JSON.stringify(folder)}`);
    }
    assertLimits({ maxBytes, minFreeBytes, maxAge, failureMemory, lease, mode });
    this.folder = resolve(folder);
    const limits = { maxBytes, minFreeBytes, maxAge, lease, grave: graveLife };
    this.#store = new KeptStore(new KeptFolder(this.folder, mode), limits, failureMemory, fleetOf(options, lease));
    setStore(this, this.#store);
  }

  /** The file of a key, however old. Undefined if none is kept. @throws {TypeError} for an invalid key */
  async get(key: KeptKey): Promise<KeptFile | undefined> {
    const { index, folder } = this.#store;
    const record = await index.find(hashKey(key));
    return record && (await folder.hasBytes(record)) ? this.#store.fileOf(record) : undefined;
  }

  /**
   * The file of a key, made from `original` unless it is kept and fresh. Waits until it is whole.
   *
   * @returns undefined if the original must not, or cannot, be kept: serve it as it is
   * @throws what the original fails with
   */
  async make(key: KeptKey, original: DownloadFile, options: KeepOptions = {}): Promise<KeptFile | undefined> {
    const found = await obtainWhole(this.#store, visitOf(hashKey(key), original, options), undefined);
    return found.kind === "kept" ? found.file : undefined;
  }

  /**
   * A file that is made of another one, once for each version of it: a thumbnail, a PDF of a document, a compressed form.
   *
   * @throws {ImproperlyConfiguredError} without a way to make it, or a key that tells the version of the original
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { mkdtemp, rm } from "node:fs/promises";
   * import { tmpdir } from "node:os";
   * import { join } from "node:path";
   * import { VirtualFile } from "downloadview";
   * import { KeptFiles } from "downloadview/keep";
   *
   * const kept = new KeptFiles({ folder: await mkdtemp(join(tmpdir(), "kept-")) });
   * const table = new VirtualFile("a,b\n".repeat(1000), { name: "table.csv" });
   * const compressed = kept.derive(table, { recipe: "br", key: ["table", 7, "revision 3"] });
   * const { size = 0, contentEncoding } = await compressed.stat();
   * assert.ok(size < 100 && contentEncoding === "br");
   * await rm(kept.folder, { recursive: true });
   * ```
   */
  derive(original: DownloadFile, options: DeriveOptions): DerivedFile {
    return new DerivedFile(this, original, options);
  }

  /**
   * A presigned URL of a kept file in the shared storage: the `url` of `redirectToStorage()`, which sends clients there.
   *
   * @param file the file of a response behind `keepFiles()`, or one that {@link get} or {@link make} returned
   * @returns undefined if the application is to send the file: it is not kept, the storage has not got it yet or makes no URLs, or
   * its bytes are compressed
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { mkdtemp, rm } from "node:fs/promises";
   * import { tmpdir } from "node:os";
   * import { join } from "node:path";
   * import { download, MemoryStorage, VirtualFile, withMiddleware } from "downloadview";
   * import { toFetchHandler } from "downloadview/fetch";
   * import { keepFiles, KeptFiles } from "downloadview/keep";
   * import { redirectToStorage } from "downloadview/redirect";
   *
   * // In place of `new S3Storage(client, { bucket: "files" })`.
   * class Bucket extends MemoryStorage {
   *   url(name: string): string {
   *     return `https://bucket.example/${name}?signature`;
   *   }
   * }
   * const kept = new KeptFiles({ folder: await mkdtemp(join(tmpdir(), "kept-")), shared: new Bucket() });
   * const report = withMiddleware(
   *   async () => download(new VirtualFile("report 7", { name: "report.txt" })),
   *   keepFiles(kept, { key: () => ["report", 7] }),
   *   redirectToStorage({ expiresIn: 600, url: (file, options) => kept.sharedUrl(file, options) }),
   * );
   * const file = await kept.make(["report", 7], new VirtualFile("report 7"));
   * // It is saved there a moment later. Until then the application sends it.
   * while ((await kept.sharedUrl(file!, {})) === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
   * const response = await toFetchHandler(report)(new Request("http://localhost/"));
   * assert.equal(response.status, 302);
   * assert.match(response.headers.get("Location") ?? "", /^https:\/\/bucket\.example\/kept\/files\//);
   * await rm(kept.folder, { recursive: true });
   * ```
   */
  async sharedUrl(file: DownloadFile, options: SignedUrlOptions): Promise<string | undefined> {
    const whole = unwrap(file);
    const found = whole instanceof KeepingFile ? whole.kept : whole;
    if (!(found instanceof KeptFile)) return undefined;
    return this.#store.fleet?.tier.url(hashKey(found.key), recordOf(found), options);
  }

  /**
   * Drops the file of a key, also in the shared storage. A making under way is served, and not kept. Other machines serve a copy that
   * they have until it is no longer fresh.
   *
   * @returns false if this machine had none
   * @throws what the shared storage fails with
   */
  async delete(key: KeptKey): Promise<boolean> {
    const hashed = hashKey(key);
    const wasWhole = await this.#store.delete(hashed.hash);
    const wasInSlices = await deleteSlices(this.#store, hashed);
    return wasWhole || wasInSlices;
  }

  /** Drops all files, also in the shared storage. @throws what the shared storage fails with */
  clear(): Promise<void> {
    return this.#store.clear();
  }

  /** The files that are kept, in no given order. */
  async *list(): AsyncGenerator<KeptEntry> {
    for await (const path of this.#store.folder.walk("entries")) {
      const record = parseRecord(await readFile(path, "utf8").catch(() => ""));
      const times = await stat(path).catch(() => undefined);
      if (!record || !times) continue;
      const { key, name, size, madeAt } = record;
      yield { key, name, size, madeAt: new Date(madeAt), usedAt: times.mtime };
    }
  }

  /**
   * Drops what is too old or too much, and removes what crashes have left. It also happens by itself: when the first file is made,
   * when `maxBytes` is passed, and a minute after a file was dropped.
   */
  sweep(): Promise<SweepResult> {
    return this.#store.housekeeping.sweep(0);
  }

  /** Counters of this process. */
  get statistics(): KeptStatistics {
    const { counters, housekeeping } = this.#store;
    return { ...counters.counts, bytes: housekeeping.bytes };
  }

  /** Stops the timer of the next sweep. What is being made goes on. Serving goes on too, without sweeps. */
  close(): Promise<void> {
    return this.#store.housekeeping.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "storage");
  }
}

/** @throws {ImproperlyConfiguredError} for leases without a storage */
function fleetOf({ shared, leases }: KeptFilesOptions, life: number): Fleet | undefined {
  if (shared) return new Fleet(new SharedTier(shared), leases, life);
  if (!leases) return undefined;
  throw new ImproperlyConfiguredError(
    "KeptFiles: leases need a shared storage. Without one, machines cannot get what another one has made",
  );
}
