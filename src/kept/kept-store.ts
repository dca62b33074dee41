import { debug, reasonOf } from "../diagnostics.ts";
import { FileNotFoundError } from "../errors.ts";
import type { DownloadFile, OpenFile, OpenOptions } from "../files/download-file.ts";
import { releaseFile } from "../files/download-file.ts";
import { statusOf } from "../responses/delivery.ts";
import type { CacheOutcome } from "./cache-status.ts";
import type { Fleet } from "./fleet.ts";
import { remove, type KeptFolder } from "./folder.ts";
import { ForeignMaking } from "./foreign-making.ts";
import { freshness, remainingLife, type Freshness } from "./freshness.ts";
import { Housekeeping } from "./housekeeping.ts";
import { KeptFile } from "./kept-file.ts";
import { KeptIndex } from "./kept-index.ts";
import type { HashedKey } from "./key.ts";
import { RecentOutcomes } from "./recent-outcomes.ts";
import type { KeptRecord } from "./record.ts";
import { SingleFlight } from "./single-flight.ts";
import { Counters, type KeptEvent } from "./statistics.ts";
import type { SweepLimits } from "./sweep.ts";
import { visitOf, type Visit } from "./visit.ts";

/** What a request found. */
export interface Found {
  readonly file: KeptFile;
  readonly freshness: Freshness;
}

/** What is known of how a request was answered, beyond its event. */
type Circumstances = Pick<CacheOutcome, "isAfterFailure" | "isRevalidated">;

/** The parts of {@link KeptFiles} that answer requests, and the steps that every kind of request takes. */
export class KeptStore {
  readonly folder: KeptFolder;
  readonly index: KeptIndex;
  readonly outcomes: RecentOutcomes;
  readonly counters: Counters = new Counters();
  readonly housekeeping: Housekeeping;
  readonly flight: SingleFlight;
  readonly fleet: Fleet | undefined;
  readonly #lease: number;

  constructor(folder: KeptFolder, limits: SweepLimits, failureMemory: number, fleet?: Fleet) {
    this.folder = folder;
    this.fleet = fleet;
    this.#lease = limits.lease;
    this.housekeeping = new Housekeeping(folder, limits, (files) => this.#evicted(files));
    const onDiskError = (error: unknown): void => this.housekeeping.onDiskError(error);
    this.index = new KeptIndex(folder, onDiskError);
    this.outcomes = new RecentOutcomes(failureMemory);
    const makeRoom = (bytes: number): Promise<boolean> => this.housekeeping.makeRoom(bytes);
    const making = { folder, maxBytes: limits.maxBytes, lease: limits.lease, makeRoom, onDiskError };
    const { index, outcomes, counters, housekeeping } = this;
    const own = { folder, index, outcomes, counters, housekeeping, making, fleet, lease: limits.lease };
    this.flight = new SingleFlight({ ...own, delete: (hash) => this.delete(hash) });
  }

  #evicted(files: number): void {
    this.counters.evicted(files);
    this.index.forgetAll();
  }

  /** What is kept of a key, if it was looked for within the last second. No I/O. */
  recent(visit: Visit): Found | undefined {
    const record = this.index.recent(visit.key);
    return record && this.#found(record, visit);
  }

  /** What is kept of a key. Its bytes may be gone by now. */
  async find(visit: Visit): Promise<Found | undefined> {
    const record = await this.index.find(visit.key);
    visit.ttl = undefined;
    return record && this.#found(record, visit);
  }

  #found(record: KeptRecord, visit: Visit): Found {
    const { original, options } = visit;
    const now = Date.now();
    visit.ttl = remainingLife(record, options, now);
    return { file: this.fileOf(record, original), freshness: freshness(record, options, now) };
  }

  fileOf(record: KeptRecord, original?: DownloadFile): KeptFile {
    return new KeptFile(record, this.index.pathOf(record), original);
  }

  /** Opens a kept file. Undefined if its bytes are gone: something else removed or changed them. */
  openKept({ hash }: HashedKey, file: KeptFile, opening: OpenOptions): Promise<OpenFile | undefined> {
    return this.#unlessLost(hash, () => file.open(opening));
  }

  async isThere({ hash }: HashedKey, file: KeptFile): Promise<boolean> {
    return (await this.#unlessLost(hash, () => file.stat())) !== undefined;
  }

  async #unlessLost<T>(hash: string, read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof FileNotFoundError)) throw error;
      await this.drop(hash);
      return undefined;
    }
  }

  /**
   * The stale file that is served after a failure.
   *
   * @param wasAsked whether the original failed for this request, and not for one a moment ago
   * @throws the failure, if none may be served
   */
  staleOr(visit: Visit, found: Found | undefined, error: unknown, wasAsked: boolean): KeptFile {
    // A 404 or 403 is an answer: the file was removed, or may no longer be had (RFC 5861 §4).
    if (!found || found.freshness === "expired" || statusOf(error) < 500) throw error;
    this.count("stale", visit, { isAfterFailure: wasAsked });
    return found.file;
  }

  /** Counts a request that is answered from a kept file. */
  hit(visit: Visit, found: Found): void {
    this.count(found.freshness === "fresh" ? "hit" : "stale", visit);
  }

  count(event: KeptEvent, visit: Visit, circumstances?: Circumstances): void {
    this.counters.count(event, visit.key);
    this.report(event, visit, circumstances);
  }

  /** Tells a request what it came to. The last report counts. */
  report(event: KeptEvent, { ttl, report }: Visit, circumstances: Circumstances = {}): void {
    report?.({ event, ttl, ...circumstances });
  }

  /** The making of another process of this machine. */
  foreign(key: HashedKey, nonce: string): ForeignMaking {
    return new ForeignMaking(this.folder, key, nonce, this.#lease);
  }

  /** Makes a file anew in the background. */
  refresh(visit: Visit): void {
    const { key, original } = visit;
    if (this.flight.isUnderWay(key) || this.outcomes.get(key.hash)) return;
    visit.isTaken = true;
    const options = { ...visit.options, finishAnyway: true };
    this.flight.join(visitOf(key, original, options)).then(
      (joined) => {
        if (joined.kind !== "making" || !joined.isStarter) releaseFile(original);
        if (joined.kind === "making") joined.making.outcome.catch(() => undefined).finally(joined.leave);
      },
      (error: unknown) => {
        releaseFile(original);
        debug(() => `A kept file could not be made anew: ${reasonOf(error)}`);
      },
    );
  }

  /** Drops the file of a key on all machines. Returns false if this one had none. */
  async delete(hash: string): Promise<boolean> {
    const wasThere = await this.drop(hash);
    await this.fleet?.delete(hash);
    return wasThere;
  }

  /** Drops the file of a key on this machine. Returns false if there was none. */
  async drop(hash: string): Promise<boolean> {
    this.outcomes.forget(hash);
    this.flight.forget(hash);
    // First the lease, then the record: a maker looks at its lease after it has written the record.
    await remove(this.folder.lock(hash));
    const wasThere = await this.folder.bury(hash);
    this.index.forget({ hash });
    if (wasThere) this.housekeeping.sweepLater();
    return wasThere;
  }

  /** Drops all files. */
  async clear(): Promise<void> {
    for await (const path of this.folder.walk("locks")) await remove(path);
    this.flight.forgetAll();
    this.outcomes.forgetAll();
    for await (const path of this.folder.walk("entries")) {
      const hash = /([0-9a-f]{64})\.json$/.exec(path)?.[1];
      if (hash) await this.folder.bury(hash);
    }
    this.index.forgetAll();
    this.housekeeping.cleared();
    await this.fleet?.tier.clear();
  }
}

export function isUsable(found: Found | undefined): found is Found {
  return found?.freshness === "fresh" || found?.freshness === "revalidating";
}

/** Makings that may fail under a client, in this process or another one, before it gets the original itself. */
export const maxAttempts = 20;
