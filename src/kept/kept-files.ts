import { channel } from "node:diagnostics_channel";
import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { debug, reasonOf, warnOnce } from "../diagnostics.ts";
import { DownloadError, FileNotFoundError, ImproperlyConfiguredError } from "../errors.ts";
import { untilAborted } from "../files/bytes-abort.ts";
import type { DownloadFile, OpenFile, OpenOptions } from "../files/download-file.ts";
import { releaseFile } from "../files/release-file.ts";
import { statusOf } from "../responses/delivery.ts";
import { refuseJSON } from "../serialization.ts";
import { DerivedFile, type DeriveOptions } from "./derived-file.ts";
import { KeptFolder, remove } from "./folder.ts";
import { freshness, type Freshness, type FreshnessOptions } from "./freshness.ts";
import { ForeignReader, OpenGrowingFile, type ForeignState } from "./growing-file.ts";
import { hashKey, type HashedKey, type KeptKey } from "./key.ts";
import { KeptFile } from "./kept-file.ts";
import { liveHolder, takeLease } from "./lease.ts";
import { Making, type MakingHost } from "./making.ts";
import { growingStat, parsePartInfo, type PartInfo } from "./part-info.ts";
import { parseRecord, type KeptRecord } from "./record.ts";
import { sweepFolder, touch, type SweepLimits, type SweepResult } from "./sweep.ts";

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
  /** A file that was not asked for within so many seconds is dropped. Default: only for want of room. */
  readonly maxAge?: number | undefined;
  /** For how many milliseconds a failure is remembered: requests meanwhile fail without a new attempt. Default 1000. */
  readonly failureMemory?: number | undefined;
  /**
   * The mode of the files, less the umask. Folders get the right to pass through for each that may read. Default `0o640`: a server
   * in front reads them as a member of the application's group.
   */
  readonly mode?: number | undefined;
  /**
   * For how many milliseconds other processes wait for one that makes a file and gives no sign of life, before one of them
   * makes it in its place. Default 10 000.
   */
  readonly lease?: number | undefined;
}

/** How one file is kept. */
export interface KeepOptions extends FreshnessOptions {
  /** Goes on with the making if every client leaves. Default false. */
  readonly finishAnyway?: boolean | undefined;
}

/** The same, for one request. */
export interface Keeping extends KeepOptions {
  /** Told what the request came to, before it is answered. */
  readonly report?: ((event: KeptEvent) => void) | undefined;
  /** Whether the caller of `obtain()` takes an original that was opened, and can be read only once. */
  readonly takesOpened?: boolean | undefined;
}

/** What {@link KeptFiles.obtain} came to. */
export type Obtained =
  | { readonly kind: "kept"; readonly file: KeptFile }
  /** It must not, or cannot, be kept. `opened` is there if the original was opened for it and cannot be opened again. */
  | { readonly kind: "original"; readonly opened?: OpenFile | undefined }
  /** It is still being made, which goes on. */
  | { readonly kind: "late" };

/** Whether the original of a request was taken by a making, or for the answer. One that was not may hold a connection. */
interface Use {
  isTaken: boolean;
}

/** What {@link KeptFiles.statistics} counts since the object was made, in this process. */
export interface KeptStatistics {
  /** Requests that were answered from a kept file. Those of a stale one count in {@link stale} as well. */
  readonly hits: number;
  readonly stale: number;
  /** Requests that found nothing to serve. */
  readonly misses: number;
  /** Those of them that read along with, or waited for, a making that another request had started. */
  readonly collapsed: number;
  /** Files that were made and kept. */
  readonly made: number;
  /** Makings that failed. */
  readonly failed: number;
  /** Requests that got the original itself, as it must not, or could not, be kept. */
  readonly passed: number;
  /** Files that were dropped by age or for want of room. */
  readonly evicted: number;
  /** Bytes that are kept, as the last sweep found and this process has added since. */
  readonly bytes: number;
}

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

/** What a request came to, on the channel `downloadview:kept`. */
export type KeptEvent = "hit" | "stale" | "miss" | "collapsed" | "made" | "failed" | "passed" | "evicted";

/** What a request found. */
export type Found = { readonly file: KeptFile; readonly freshness: Freshness };

/** The making of a key, or why there is none in this process. */
type Joined =
  | { readonly kind: "making"; readonly making: Making; readonly isStarter: boolean; readonly leave: () => void }
  /** Another process makes it. */
  | { readonly kind: "foreign"; readonly nonce: string }
  | { readonly kind: "refused" }
  /** It has been kept since it was looked for. */
  | { readonly kind: "kept" };

/** A record in memory, with the milliseconds at which it was read, and its use was written down. */
interface CachedRecord {
  readonly record: KeptRecord;
  readonly checkedAt: number;
  touchedAt: number;
}

/** What is remembered of a key for a moment. */
type Memory =
  | { readonly kind: "failed"; readonly error: unknown; readonly until: number }
  | { readonly kind: "refused"; readonly until: number };

const maxRemembered = 10_000;
/** Milliseconds for which a record counts that was read from the disk: another process may have dropped or replaced it. */
const recordLife = 1000;
/** Milliseconds for which a file that must not be kept is not tried again: its clients would wait for one another. */
const refusalLife = 10_000;
const touchInterval = 60_000;
const graveLife = 60_000;

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
  readonly #folder: KeptFolder;
  readonly #limits: SweepLimits;
  readonly #failureMemory: number;
  readonly #records = new Map<string, CachedRecord>();
  readonly #paths = new WeakMap<KeptRecord, string>();
  readonly #joining = new Map<string, Promise<Joined>>();
  readonly #memories = new Map<string, Memory>();
  readonly #counts = { hits: 0, stale: 0, misses: 0, collapsed: 0, made: 0, failed: 0, passed: 0, evicted: 0 };
  /** How often records were replaced or dropped here: one that was read meanwhile may be the one before, and is not remembered. */
  #changes = 0;
  #bytes: number | undefined;
  #sweeping: Promise<SweepResult> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  /** @throws {ImproperlyConfiguredError} for a folder or a limit that cannot be used */
  constructor(options: KeptFilesOptions) {
    const { folder, maxBytes = 2 ** 30, minFreeBytes = 0, maxAge = Infinity, failureMemory = 1000 } = options;
    const { lease = 10_000, mode = 0o640 } = options;
    if (typeof folder !== "string" || folder === "") {
      throw new ImproperlyConfiguredError(`KeptFiles: folder must be a path, got ${JSON.stringify(folder)}`);
    }
    assertLimit({ maxBytes, minFreeBytes, maxAge, failureMemory, lease, mode });
    this.folder = resolve(folder);
    this.#folder = new KeptFolder(this.folder, mode);
    this.#limits = { maxBytes, minFreeBytes, maxAge, lease, grave: graveLife };
    this.#failureMemory = failureMemory;
  }

  /** The file of a key, however old. Undefined if none is kept. @throws {TypeError} for a key that is none */
  async get(key: KeptKey): Promise<KeptFile | undefined> {
    const hashed = hashKey(key);
    const record = await this.#record(hashed);
    return record && (await this.#isOnDisk(record)) ? new KeptFile(record, this.#folder.file(record.file)) : undefined;
  }

  /**
   * The file of a key, made from `original` unless it is kept and fresh. Waits until it is whole.
   *
   * @returns undefined if the original must not, or cannot, be kept: serve it as it is
   * @throws what the original fails with
   */
  async make(key: KeptKey, original: DownloadFile, options: KeepOptions = {}): Promise<KeptFile | undefined> {
    const found = await this.obtain(hashKey(key), original, options, undefined);
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

  /** Drops the file of a key. Returns false if there was none. A making under way is served, and not kept. */
  async delete(key: KeptKey): Promise<boolean> {
    return this.#drop(hashKey(key).hash);
  }

  /** Drops all files. */
  async clear(): Promise<void> {
    for await (const path of this.#folder.walk("locks")) await remove(path);
    this.#joining.clear();
    this.#memories.clear();
    for await (const path of this.#folder.walk("entries")) {
      const hash = /([0-9a-f]{64})\.json$/.exec(path)?.[1];
      if (hash) await this.#folder.bury(hash);
    }
    this.#changes += 1;
    this.#records.clear();
    this.#bytes = 0;
    this.#sweepLater();
  }

  /** The files that are kept, in no given order. */
  async *list(): AsyncGenerator<KeptEntry> {
    for await (const path of this.#folder.walk("entries")) {
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
    return this.#sweep(0);
  }

  /** Counters of this process. */
  get statistics(): KeptStatistics {
    return { ...this.#counts, bytes: this.#bytes ?? 0 };
  }

  /** Stops the timer of the next sweep. What is being made goes on. Serving goes on too, without sweeps. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#sweeping?.catch(() => undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "storage");
  }

  /**
   * What is kept of a key and whole on the disk.
   * @internal
   */
  async find(key: HashedKey, original: DownloadFile, options: FreshnessOptions): Promise<Found | undefined> {
    const record = await this.#record(key);
    if (!record) return undefined;
    return { file: this.#fileOf(record, original), freshness: freshness(record, options, Date.now()) };
  }

  /**
   * Counts a request that is answered from a kept file.
   * @internal
   */
  hit(key: HashedKey, { freshness: found }: Found, options: Keeping): void {
    this.#count(found === "fresh" ? "hit" : "stale", key, options);
  }

  /**
   * Drops a record whose bytes are gone.
   * @internal
   */
  async lost(key: HashedKey): Promise<void> {
    await this.#drop(key.hash);
  }

  /**
   * Opens the file of a key for a client: the kept file, one that is being made, or the original.
   * @internal
   */
  async open(key: HashedKey, original: DownloadFile, options: Keeping, opening: OpenOptions): Promise<OpenFile> {
    const use: Use = { isTaken: false };
    try {
      return await this.#open(key, original, options, opening, use);
    } finally {
      if (!use.isTaken) releaseFile(original);
    }
  }

  async #open(
    key: HashedKey,
    original: DownloadFile,
    options: Keeping,
    opening: OpenOptions,
    use: Use,
  ): Promise<OpenFile> {
    const { signal } = opening;
    for (let attempt = 0; ; attempt += 1) {
      signal?.throwIfAborted();
      const usable = await this.#openUsable(key, original, options, opening, use);
      if (usable) return usable;
      const memory = this.#remembered(key.hash);
      if (memory?.kind === "failed") return this.#openStale(key, original, options, opening, memory.error);
      if (memory?.kind === "refused" || attempt === maxAttempts)
        return this.#pass(key, original, options, opening, use);
      const joined = await this.#join(key, original, options);
      if (joined.kind === "refused") return this.#pass(key, original, options, opening, use);
      if (joined.kind === "kept") continue;
      if (joined.kind === "foreign") {
        const reader = await this.#joinForeign(key, joined.nonce, options, signal);
        if (reader) return reader;
        // It was given up or has ended: what it made is found, or this process makes it.
        continue;
      }
      use.isTaken ||= joined.isStarter;
      const opened = await this.#openMaking(key, joined, original, options, opening, use);
      if (opened) return opened;
    }
  }

  /**
   * The whole file of a key, for those that cannot read a part of it: HEAD, a range.
   *
   * @param patience milliseconds to wait for it. Undefined: as long as it takes
   * @internal
   */
  async obtain(
    key: HashedKey,
    original: DownloadFile,
    options: Keeping,
    patience: number | undefined,
    signal?: AbortSignal,
  ): Promise<Obtained> {
    const use: Use = { isTaken: false };
    let obtained: Obtained | undefined;
    try {
      obtained = await this.#obtain(key, original, options, patience, signal, use);
      return obtained;
    } finally {
      if (!use.isTaken && obtained?.kind !== "original") releaseFile(original);
    }
  }

  async #obtain(
    key: HashedKey,
    original: DownloadFile,
    options: Keeping,
    patience: number | undefined,
    signal: AbortSignal | undefined,
    use: Use,
  ): Promise<Obtained> {
    const begin = Date.now();
    const deadline = patience === undefined ? Infinity : begin + patience;
    for (let attempt = 0; ; attempt += 1) {
      signal?.throwIfAborted();
      const found = await this.find(key, original, options);
      if (found && isUsable(found.freshness) && (await this.#isThere(key, found.file))) {
        if (found.freshness === "revalidating") this.#refresh(key, original, options, use);
        this.#count(found.freshness === "fresh" ? "hit" : "stale", key, options);
        return { kind: "kept", file: found.file };
      }
      const memory = this.#remembered(key.hash);
      if (memory?.kind === "failed") return { kind: "kept", file: this.#staleOr(key, found, memory.error, options) };
      if (memory?.kind === "refused" || attempt === maxAttempts) return this.#passed(key, options);
      const joined = await this.#join(key, original, options);
      if (joined.kind === "refused") return this.#passed(key, options);
      if (joined.kind === "kept") continue;
      if (joined.kind === "foreign") {
        if (!(await this.#awaitForeign(key, joined.nonce, deadline, signal))) return { kind: "late" };
        const record = await this.#record(key);
        if (record && record.validatedAt >= begin) return { kind: "kept", file: this.#fileOf(record, original) };
        continue;
      }
      const { making, leave, isStarter } = joined;
      use.isTaken ||= isStarter;
      let opened: OpenFile | undefined;
      this.#count(isStarter ? "miss" : "collapsed", key, options);
      try {
        const made = await withDeadline(making.outcome, deadline, signal);
        if (made === "late") {
          // The client comes back for it: it must be there then.
          making.finishAnyway();
          return { kind: "late" };
        }
        if (made.kind === "kept") return { kind: "kept", file: this.#fileOf(made.record, original) };
        opened = isStarter ? await takeUnkept(making, leave, options) : undefined;
        return { ...this.#passed(key, options), opened };
      } catch (error) {
        signal?.throwIfAborted();
        if (making.isAbandoned) continue;
        return { kind: "kept", file: this.#staleOr(key, found, error, options) };
      } finally {
        if (!opened) leave();
      }
    }
  }

  /**
   * Makes a file anew in the background.
   * @internal
   */
  refresh(key: HashedKey, original: DownloadFile, options: KeepOptions): void {
    const use: Use = { isTaken: false };
    this.#refresh(key, original, options, use);
    if (!use.isTaken) releaseFile(original);
  }

  #refresh(key: HashedKey, original: DownloadFile, options: KeepOptions, use: Use): void {
    if (this.#joining.has(key.hash) || this.#remembered(key.hash)) return;
    use.isTaken = true;
    this.#join(key, original, { ...options, finishAnyway: true }).then(
      (joined) => {
        if (joined.kind !== "making" || !joined.isStarter) releaseFile(original);
        if (joined.kind !== "making") return;
        const { making, leave } = joined;
        making.outcome.catch(() => undefined).finally(leave);
      },
      (error: unknown) => {
        releaseFile(original);
        debug(() => `A kept file could not be made anew: ${reasonOf(error)}`);
      },
    );
  }

  async #openUsable(
    key: HashedKey,
    original: DownloadFile,
    options: Keeping,
    opening: OpenOptions,
    use: Use,
  ): Promise<OpenFile | undefined> {
    const found = await this.find(key, original, options);
    if (!found || !isUsable(found.freshness)) return undefined;
    const opened = await this.#openKept(key, found.file, opening);
    if (!opened) return undefined;
    if (found.freshness === "revalidating") this.#refresh(key, original, options, use);
    this.#count(found.freshness === "fresh" ? "hit" : "stale", key, options);
    return opened;
  }

  /** Undefined if the bytes are gone: something else removed or changed them. */
  async #openKept(key: HashedKey, file: KeptFile, opening: OpenOptions): Promise<OpenFile | undefined> {
    try {
      return await file.open(opening);
    } catch (error) {
      if (!(error instanceof FileNotFoundError)) throw error;
      await this.#drop(key.hash);
      return undefined;
    }
  }

  async #isThere(key: HashedKey, file: KeptFile): Promise<boolean> {
    try {
      await file.stat();
      return true;
    } catch (error) {
      if (!(error instanceof FileNotFoundError)) throw error;
      await this.#drop(key.hash);
      return false;
    }
  }

  async #openStale(
    key: HashedKey,
    original: DownloadFile,
    options: Keeping,
    opening: OpenOptions,
    error: unknown,
  ): Promise<OpenFile> {
    const found = await this.find(key, original, options);
    const opened = found && (await this.#openKept(key, this.#staleOr(key, found, error, options), opening));
    if (!opened) throw error;
    return opened;
  }

  #staleOr(key: HashedKey, found: Found | undefined, error: unknown, options: Keeping): KeptFile {
    // A 404 or 403 is an answer: the file was removed, or may no longer be had (RFC 5861 §4).
    if (!found || found.freshness === "expired" || statusOf(error) < 500) throw error;
    this.#count("stale", key, options);
    return found.file;
  }

  async #openMaking(
    key: HashedKey,
    { making, isStarter, leave }: Extract<Joined, { kind: "making" }>,
    original: DownloadFile,
    options: Keeping,
    opening: OpenOptions,
    use: Use,
  ): Promise<OpenFile | undefined> {
    const { signal } = opening;
    try {
      const started = await (signal ? untilAborted(making.started, signal, () => undefined) : making.started);
      if (started.kind === "refused") {
        const opened = isStarter ? making.takeRefused() : undefined;
        leave();
        if (!opened) return await this.#pass(key, original, options, opening, use);
        this.#count("passed", key, options);
        return opened;
      }
      if (started.kind === "kept") {
        // Also if it is stale at once: the upstream has just said that it holds.
        const opened = await this.#openKept(key, this.#fileOf(started.record, original), opening);
        leave();
        if (opened) this.#count(isStarter ? "miss" : "collapsed", key, options);
        return opened;
      }
      const { info, part } = started;
      if (!part.isJoinable) {
        // It is whole and kept, or the disk is full.
        leave();
        const made = await making.outcome.catch(() => undefined);
        const opened =
          made?.kind === "kept" && (await this.#openKept(key, this.#fileOf(made.record, original), opening));
        return opened || (await this.#pass(key, original, options, opening, use));
      }
      this.#count(isStarter ? "miss" : "collapsed", key, options);
      return new OpenGrowingFile(growingStat(info), part.join(leave));
    } catch (error) {
      leave();
      signal?.throwIfAborted();
      // It was let go just when this client came.
      if (making.isAbandoned) return undefined;
      return this.#openStale(key, original, options, opening, error);
    }
  }

  async #pass(
    key: HashedKey,
    original: DownloadFile,
    options: Keeping,
    opening: OpenOptions,
    use: Use,
  ): Promise<OpenFile> {
    use.isTaken = true;
    this.#count("passed", key, options);
    return original.open(opening);
  }

  #passed(key: HashedKey, options: Keeping): { kind: "original" } {
    this.#count("passed", key, options);
    return { kind: "original" };
  }

  /** The making of a key that is under way, or a new one. */
  #join(key: HashedKey, source: DownloadFile, options: KeepOptions): Promise<Joined> {
    const known = this.#joining.get(key.hash);
    if (known) return known.then(asFollower);
    const joining = this.#start(key, source, options);
    this.#joining.set(key.hash, joining);
    const forget = (): void => {
      if (this.#joining.get(key.hash) === joining) this.#joining.delete(key.hash);
    };
    joining.then((joined) => {
      if (joined.kind !== "making") forget();
      else joined.making.made.then(forget, forget);
    }, forget);
    return joining;
  }

  async #start(key: HashedKey, source: DownloadFile, { finishAnyway = false }: KeepOptions): Promise<Joined> {
    // Before the lease: what another process has kept meanwhile.
    const before = this.#records.get(key.hash)?.record;
    try {
      const taken = await takeLease(this.#folder, key.hash, this.#limits.lease);
      if (taken.kind === "held") return { kind: "foreign", nonce: taken.nonce };
      const { lease } = taken;
      const previous = await this.#folder.read(key);
      if (previous && previous.nonce !== before?.nonce) {
        await lease.release();
        this.#records.delete(key.hash);
        return { kind: "kept" };
      }
      const making = new Making(this.#host, { key, lease, source, previous, finishAnyway }, () =>
        this.#joining.delete(key.hash),
      );
      this.#followMaking(key, making);
      return { kind: "making", making, isStarter: true, leave: making.attached() };
    } catch (error) {
      this.#onDiskError(error);
      this.#remember(key.hash, { kind: "refused", until: Date.now() + refusalLife });
      return { kind: "refused" };
    }
  }

  #followMaking(key: HashedKey, making: Making): void {
    making.outcome.then(
      (made) => {
        if (made.kind === "refused") this.#remember(key.hash, { kind: "refused", until: Date.now() + refusalLife });
        if (made.kind !== "kept") return;
        this.#forgetRecord(key.hash);
        this.#count("made", key);
        this.#added(made.record.size);
      },
      (error: unknown) => {
        if (making.isAbandoned) return;
        this.#count("failed", key);
        // The original is gone: what was made of it is not served any longer, also within staleWhileRevalidate.
        if (statusOf(error) < 500) void this.#drop(key.hash).catch((failure: unknown) => this.#onDiskError(failure));
        this.#remember(key.hash, { kind: "failed", error, until: Date.now() + this.#failureMemory });
      },
    );
  }

  get #host(): MakingHost {
    return {
      folder: this.#folder,
      maxBytes: this.#limits.maxBytes,
      makeRoom: (bytes) => this.#makeRoom(bytes),
      onDiskError: (error) => this.#onDiskError(error),
    };
  }

  #onDiskError(error: unknown): void {
    warnOnce(
      "DOWNLOADVIEW_KEPT_DISK",
      `Files cannot be kept in ${this.folder} (${(error as NodeJS.ErrnoException).code ?? reasonOf(error)}). They are ` +
        "served without being kept. Make room, or give the process the right to write there",
    );
    debug(() => `A file is served without being kept: ${reasonOf(error)}`);
  }

  async #makeRoom(bytes: number): Promise<boolean> {
    const { maxBytes, minFreeBytes } = this.#limits;
    if (bytes > maxBytes) return false;
    const isRoom = this.#bytes !== undefined && this.#bytes + bytes <= maxBytes;
    if (isRoom && (await this.#folder.freeBytes()) >= minFreeBytes + bytes) return true;
    await this.#sweep(bytes);
    return (await this.#folder.freeBytes()) >= minFreeBytes + bytes;
  }

  #added(bytes: number): void {
    this.#bytes = (this.#bytes ?? 0) + bytes;
    if (this.#bytes > this.#limits.maxBytes) void this.#sweep(0).catch((error: unknown) => this.#onDiskError(error));
    // A file that replaced another one has put it into a grave.
    else this.#sweepLater();
  }

  #sweep(incoming: number): Promise<SweepResult> {
    return (this.#sweeping ??= sweepFolder(this.#folder, this.#limits, incoming)
      .then((result) => {
        this.#bytes = result.bytes;
        this.#counts.evicted += result.evicted;
        if (result.evicted === 0) return result;
        this.#changes += 1;
        this.#records.clear();
        this.#sweepLater();
        return result;
      })
      .finally(() => (this.#sweeping = undefined)));
  }

  /** When the minute of the last grave is over. */
  #sweepLater(): void {
    if (this.#isClosed || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#sweep(0).catch((error: unknown) => this.#onDiskError(error));
    }, graveLife + 1000);
    this.#timer.unref();
  }

  async #drop(hash: string): Promise<boolean> {
    this.#memories.delete(hash);
    this.#joining.delete(hash);
    // First the lease, then the record: a maker looks at its lease after it has written the record.
    await remove(this.#folder.lock(hash));
    const wasThere = await this.#folder.bury(hash);
    this.#forgetRecord(hash);
    if (wasThere) this.#sweepLater();
    return wasThere;
  }

  async #record(key: HashedKey): Promise<KeptRecord | undefined> {
    const now = Date.now();
    const known = this.#records.get(key.hash);
    if (known && now - known.checkedAt < recordLife && now >= known.checkedAt) return this.#used(key.hash, known, now);
    const changes = this.#changes;
    const record = await this.#readRecord(key, known?.record);
    if (changes !== this.#changes) return record;
    if (!record) {
      this.#records.delete(key.hash);
      return undefined;
    }
    // The same object as before, where it is the same record: what was derived of it stays.
    const entry = { record, checkedAt: now, touchedAt: known?.touchedAt ?? 0 };
    this.#records.delete(key.hash);
    this.#records.set(key.hash, entry);
    if (this.#records.size > maxRemembered) forgetOldest(this.#records);
    return this.#used(key.hash, entry, now);
  }

  async #readRecord(key: HashedKey, known: KeptRecord | undefined): Promise<KeptRecord | undefined> {
    try {
      const found = await this.#folder.read(key);
      return found && known && found.nonce === known.nonce ? known : found;
    } catch (error) {
      this.#onDiskError(error);
      return undefined;
    }
  }

  #used(hash: string, entry: CachedRecord, now: number): KeptRecord {
    if (now - entry.touchedAt > touchInterval) {
      entry.touchedAt = now;
      touch(this.#folder, hash).catch(() => undefined);
    }
    return entry.record;
  }

  #fileOf(record: KeptRecord, original: DownloadFile): KeptFile {
    return new KeptFile(record, this.#pathOf(record), original);
  }

  #pathOf(record: KeptRecord): string {
    const known = this.#paths.get(record);
    if (known !== undefined) return known;
    const path = this.#folder.file(record.file);
    this.#paths.set(record, path);
    return path;
  }

  async #isOnDisk(record: KeptRecord): Promise<boolean> {
    const found = await stat(this.#folder.file(record.file)).catch(() => undefined);
    return found?.size === record.size;
  }

  #remembered(hash: string): Memory | undefined {
    const memory = this.#memories.get(hash);
    if (memory && memory.until > Date.now()) return memory;
    this.#memories.delete(hash);
    return undefined;
  }

  #remember(hash: string, memory: Memory): void {
    this.#memories.delete(hash);
    this.#memories.set(hash, memory);
    if (this.#memories.size > maxRemembered) forgetOldest(this.#memories);
  }

  #count(event: KeptEvent, { key }: HashedKey, options?: Keeping): void {
    options?.report?.(event);
    if (event === "hit" || event === "stale") this.#counts.hits += 1;
    if (event === "miss" || event === "collapsed") this.#counts.misses += 1;
    if (event !== "hit" && event !== "miss") this.#counts[event] += 1;
    if (keptChannel.hasSubscribers) keptChannel.publish({ event, key });
  }

  /** What a making of another process has come to. */
  async #foreignState(key: HashedKey, nonce: string): Promise<ForeignState> {
    const found = await this.#folder.read(key);
    if (found?.nonce === nonce) return { kind: "whole", size: found.size };
    const holder = await liveHolder(this.#folder.lock(key.hash), this.#limits.lease);
    if (holder === nonce) return { kind: "making" };
    // It may have ended between the two looks.
    const again = await this.#folder.read(key);
    return again?.nonce === nonce ? { kind: "whole", size: again.size } : { kind: "gone" };
  }

  /** Reads along with another process, once its first byte is there. Undefined if it ended or gave up. */
  async #joinForeign(
    key: HashedKey,
    nonce: string,
    options: Keeping,
    signal: AbortSignal | undefined,
  ): Promise<OpenFile | undefined> {
    const state = (): Promise<ForeignState> => this.#foreignState(key, nonce);
    for (let wait = shortestWait; ; wait = Math.min(wait * 2, longestWait)) {
      const info = await this.#foreignInfo(nonce);
      const reader = info && (await ForeignReader.open(this.#folder.part(nonce), state));
      if (info && reader) {
        this.#count("collapsed", key, options);
        return new OpenGrowingFile(growingStat(info), reader);
      }
      if ((await state()).kind !== "making") return this.#forgetRecord(key.hash);
      await sleep(wait, undefined, signal ? { signal } : {});
    }
  }

  #forgetRecord(hash: string): undefined {
    this.#changes += 1;
    this.#records.delete(hash);
    return undefined;
  }

  async #foreignInfo(nonce: string): Promise<PartInfo | undefined> {
    const text = nonce === "" ? "" : await readFile(this.#folder.partInfo(nonce), "utf8").catch(() => "");
    return text === "" ? undefined : parsePartInfo(text);
  }

  /** Waits for another process. False if it is still making at the deadline. */
  async #awaitForeign(
    key: HashedKey,
    nonce: string,
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    for (let wait = shortestWait; ; wait = Math.min(wait * 2, longestWait)) {
      if ((await this.#foreignState(key, nonce)).kind !== "making") break;
      if (Date.now() >= deadline) return false;
      await sleep(Math.min(wait, Math.max(1, deadline - Date.now())), undefined, signal ? { signal } : {});
    }
    this.#forgetRecord(key.hash);
    return true;
  }
}

const keptChannel = channel("downloadview:kept");

/** Makings that may fail under a client, in this process or another one, before it gets the original itself. */
const maxAttempts = 20;
const shortestWait = 10;
const longestWait = 250;

function isUsable(freshness: Freshness): boolean {
  return freshness === "fresh" || freshness === "revalidating";
}

function asFollower(joined: Joined): Joined {
  return joined.kind === "making" ? { ...joined, isStarter: false, leave: joined.making.attach() } : joined;
}

function forgetOldest(map: Map<string, unknown>): void {
  for (const key of map.keys()) return void map.delete(key);
}

/** What was opened for a making that keeps nothing, if it cannot be opened again. */
async function takeUnkept(
  making: Making,
  leave: () => void,
  { takesOpened = false }: Keeping,
): Promise<OpenFile | undefined> {
  const opened = await making.takeUnkept(leave);
  if (takesOpened && opened?.stat.seekable === false) return opened;
  await opened?.close();
  return undefined;
}

/** `late` if the deadline comes first. */
async function withDeadline<T>(
  pending: Promise<T>,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<T | "late"> {
  const abort = new AbortController();
  const milliseconds = Math.min(Math.max(0, deadline - Date.now()), 2 ** 31 - 1);
  const late = sleep(milliseconds, "late" as const, { signal: abort.signal, ref: deadline !== Infinity });
  late.catch(() => undefined);
  try {
    const waiting = signal ? untilAborted(pending, signal, () => undefined) : pending;
    return await (deadline === Infinity ? waiting : Promise.race([waiting, late]));
  } finally {
    abort.abort();
  }
}

function assertLimit(limits: Readonly<Record<string, number>>): void {
  for (const [name, limit] of Object.entries(limits)) {
    if (typeof limit === "number" && limit >= 0) continue;
    throw new ImproperlyConfiguredError(`KeptFiles: ${name} must be a number from 0, got ${String(limit)}`);
  }
}

/** What a client gets that would have to wait too long: it asks again. */
export function stillMaking(retryAfter: number): DownloadError {
  return new DownloadError(503, "The file is being made", { headers: { "Retry-After": String(retryAfter) } });
}
