import { setTimeout as sleep } from "node:timers/promises";
import { debug, reasonOf, warnOnce } from "../diagnostics.ts";
import type { DownloadFile, OpenFile, OpenOptions } from "../files/download-file.ts";
import { releaseFile } from "../files/download-file.ts";
import { newNonce } from "./folder.ts";
import { freshness } from "./freshness.ts";
import type { KeptLeases } from "./kept-leases.ts";
import type { HashedKey } from "./key.ts";
import type { OpenSharedFile } from "./open-shared-file.ts";
import type { KeptRecord } from "./record.ts";
import type { SharedTier } from "./shared-tier.ts";
import type { Visit } from "./visit.ts";

const minWait = 25;
const maxWait = 500;

/** What machines with one shared storage do together: one makes a file, the others fetch it. */
export class Fleet {
  readonly tier: SharedTier;
  readonly #leases: KeptLeases | undefined;
  readonly #life: number;

  /** @param life milliseconds of a lease that is not renewed */
  constructor(tier: SharedTier, leases: KeptLeases | undefined, life: number) {
    this.tier = tier;
    this.#leases = leases;
    this.#life = life;
  }

  /** Where this machine gets a file from. */
  join(visit: Visit): FleetFile {
    return new FleetFile(this, visit);
  }

  /** Takes the lease of a key. Returns undefined if another machine has it. Without leases, or if they fail, each makes its own. */
  async take({ hash }: HashedKey): Promise<FleetLease | undefined> {
    const holder = newNonce();
    try {
      if (this.#leases && !(await this.#leases.take(hash, holder, this.#life))) return undefined;
      return new FleetLease(this.#leases, hash, holder, this.#life);
    } catch (error) {
      leasesFail(error);
      return new FleetLease(undefined, hash, holder, this.#life);
    }
  }

  /** Drops the file of a key. First the lease: a maker looks at its lease after it has saved the file. */
  async delete(hash: string): Promise<void> {
    await this.#leases?.revoke(hash).catch(leasesFail);
    await this.tier.delete(hash);
  }
}

function leasesFail(error: unknown): void {
  warnOnce("DOWNLOADVIEW_KEPT_LEASES", `The leases of kept files fail: ${reasonOf(error)}. Each machine makes its own`);
  debug(() => `The leases of kept files fail: ${reasonOf(error)}`);
}

/** The right to make a file, among the machines of a fleet. It is renewed until it is released. */
export class FleetLease {
  readonly #leases: KeptLeases | undefined;
  readonly #hash: string;
  readonly #holder: string;
  readonly #life: number;
  readonly #timer: ReturnType<typeof setInterval> | undefined;

  constructor(leases: KeptLeases | undefined, hash: string, holder: string, life: number) {
    this.#leases = leases;
    this.#hash = hash;
    this.#holder = holder;
    this.#life = life;
    this.#timer = leases && setInterval(() => void this.isHeld(), life / 3).unref();
  }

  /** Renews it. Returns false if it was revoked. */
  async isHeld(): Promise<boolean> {
    try {
      return (await this.#leases?.renew(this.#hash, this.#holder, this.#life)) ?? true;
    } catch (error) {
      leasesFail(error);
      return true;
    }
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    await this.#leases?.release(this.#hash, this.#holder).catch(leasesFail);
  }
}

/** The file of a visit: fetched from the shared storage, or, on one machine of the fleet at a time, made. */
export class FleetFile implements DownloadFile {
  readonly #fleet: Fleet;
  readonly #visit: Visit;
  #lease: FleetLease | undefined;
  #fetched: OpenSharedFile | undefined;

  constructor(fleet: Fleet, visit: Visit) {
    this.#fleet = fleet;
    this.#visit = visit;
  }

  get name(): string {
    return this.#visit.original.name;
  }

  stat: DownloadFile["stat"] = (options) => this.#visit.original.stat(options);

  async open(options: OpenOptions): Promise<OpenFile> {
    const { key, original, patience } = this.#visit;
    const deadline = Date.now() + patience;
    for (let wait = minWait; ; wait = Math.min(wait * 2, maxWait)) {
      const shared = await this.#shared(options);
      if (shared) return shared;
      this.#lease ??= await this.#fleet.take(key);
      if (this.#lease) break;
      // The other machine takes longer than the clients wait: they are sent what this one makes.
      if (Date.now() >= deadline) return original.open(options);
      await sleep(wait, undefined, options.signal ? { signal: options.signal } : {});
    }
    // Another machine may have saved it just before it released its lease.
    return (await this.#shared(options)) ?? original.open(options);
  }

  async #shared(options: OpenOptions): Promise<OpenFile | undefined> {
    const { key, options: keeping } = this.#visit;
    const record = await this.#fleet.tier.find(key, options.signal);
    if (!record || freshness(record, keeping, Date.now()) !== "fresh") return undefined;
    this.#fetched = await this.#fleet.tier.open(key, record, options);
    return this.#fetched;
  }

  /** Saves what was made for the others. Not if it was deleted meanwhile. */
  async share(record: KeptRecord, path: string, isKept: () => Promise<boolean>): Promise<void> {
    const { key } = this.#visit;
    if (!(await this.#isWanted(isKept)) || !(await this.#fleet.tier.save(key, record, path))) return;
    if (!(await this.#isWanted(isKept))) await this.#fleet.tier.delete(key.hash).catch(() => undefined);
  }

  async #isWanted(isKept: () => Promise<boolean>): Promise<boolean> {
    return (await isKept()) && (this.#lease === undefined || (await this.#lease.isHeld()));
  }

  /** This machine no longer makes it. */
  async end(): Promise<void> {
    await this.#lease?.release();
    this.#lease = undefined;
    if (this.#fetched?.isUsable) releaseFile(this.#visit.original);
  }

  async release(): Promise<void> {
    await this.#visit.original.release?.();
  }
}
