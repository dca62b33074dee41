import { statusOf } from "../responses/delivery.ts";
import type { Fleet } from "./fleet.ts";
import type { KeptFolder } from "./folder.ts";
import type { Housekeeping } from "./housekeeping.ts";
import type { KeptIndex } from "./kept-index.ts";
import { defaultIdleTimeout } from "./kept-options.ts";
import type { HashedKey } from "./key.ts";
import { takeLease } from "./lease.ts";
import { Making, type Made } from "./making.ts";
import type { MakingHost } from "./making-host.ts";
import { SharedFileError } from "./open-shared-file.ts";
import type { RecentOutcomes } from "./recent-outcomes.ts";
import type { Counters } from "./statistics.ts";
import type { Visit } from "./visit.ts";

/** A making that a client takes part in. */
export interface JoinedMaking {
  readonly kind: "making";
  readonly making: Making;
  /** Whether this client started it. */
  readonly isStarter: boolean;
  readonly leave: () => void;
}

/** The making of a key, or why there is none in this process. */
export type Joined =
  | JoinedMaking
  /** Another process of this machine makes it. */
  | { readonly kind: "foreign"; readonly nonce: string }
  | { readonly kind: "refused" }
  /** It has been kept since it was looked for. */
  | { readonly kind: "kept" };

/** What a {@link SingleFlight} works on. */
export interface FlightHost {
  readonly folder: KeptFolder;
  readonly index: KeptIndex;
  readonly outcomes: RecentOutcomes;
  readonly counters: Counters;
  readonly housekeeping: Housekeeping;
  readonly making: MakingHost;
  readonly fleet: Fleet | undefined;
  /** Milliseconds of a lease. */
  readonly lease: number;
  delete(hash: string): Promise<boolean>;
}

/** Runs one making of a key at a time: in this process by a map, among those that share the folder by a lease. */
export class SingleFlight {
  readonly #host: FlightHost;
  readonly #joining = new Map<string, Promise<Joined>>();

  constructor(host: FlightHost) {
    this.#host = host;
  }

  isUnderWay({ hash }: HashedKey): boolean {
    return this.#joining.has(hash);
  }

  /** From now on a request starts a making of its own. */
  forget(hash: string): void {
    this.#joining.delete(hash);
  }

  forgetAll(): void {
    this.#joining.clear();
  }

  /** Joins the making of a key that is under way, or starts one. */
  join(visit: Visit): Promise<Joined> {
    const { hash } = visit.key;
    const known = this.#joining.get(hash);
    if (known) return known.then(asFollower);
    const joining = this.#start(visit);
    this.#joining.set(hash, joining);
    const forget = (): void => {
      if (this.#joining.get(hash) === joining) this.#joining.delete(hash);
    };
    joining.then((joined) => {
      if (joined.kind !== "making") forget();
      else joined.making.made.then(forget, forget);
    }, forget);
    return joining;
  }

  async #start(visit: Visit): Promise<Joined> {
    const { housekeeping, outcomes } = this.#host;
    try {
      return await this.#lead(visit);
    } catch (error) {
      housekeeping.onDiskError(error);
      outcomes.refused(visit.key.hash);
      return { kind: "refused" };
    }
  }

  async #lead(visit: Visit): Promise<Joined> {
    const { key, original, options } = visit;
    const { folder, index } = this.#host;
    const before = index.last(key);
    // What another process has kept meanwhile. At the same time as the lease is taken: the first byte waits for both.
    const reading = folder.read(key);
    reading.catch(() => undefined);
    const taken = await takeLease(folder, key.hash, this.#host.lease);
    if (taken.kind === "held") return { kind: "foreign", nonce: taken.nonce };
    const { lease } = taken;
    const previous = await reading.catch(async (error: unknown) => {
      await lease.release();
      throw error;
    });
    if (previous && previous.nonce !== before?.nonce) {
      await lease.release();
      index.forget(key);
      return { kind: "kept" };
    }
    const { finishAnyway = false, idleTimeout = defaultIdleTimeout } = options;
    const fleet = this.#host.fleet?.join(visit);
    const task = { key, lease, source: fleet ?? original, fleet, previous, finishAnyway, idleTimeout };
    const making = new Making(this.#host.making, task, () => this.forget(key.hash));
    this.#follow(key, making);
    return { kind: "making", making, isStarter: true, leave: making.attached() };
  }

  #follow(key: HashedKey, making: Making): void {
    making.outcome.then(
      (made) => this.#made(key, made),
      (error: unknown) => {
        if (!making.isAbandoned) this.#failed(key, error);
      },
    );
  }

  #made(key: HashedKey, made: Made): void {
    const { outcomes, index, counters, housekeeping } = this.#host;
    if (made.kind === "refused") outcomes.refused(key.hash);
    if (made.kind !== "kept") return;
    index.forget(key);
    counters.count("made", key);
    housekeeping.added(made.record.size);
  }

  #failed(key: HashedKey, error: unknown): void {
    // The next attempt makes it.
    if (error instanceof SharedFileError) return;
    const { outcomes, counters, housekeeping } = this.#host;
    counters.count("failed", key);
    // The original is gone: what was made of it is not served any longer, also within staleWhileRevalidate.
    if (statusOf(error) < 500) {
      void this.#host.delete(key.hash).catch((failure: unknown) => housekeeping.onDiskError(failure));
    }
    outcomes.failed(key.hash, error);
  }
}

function asFollower(joined: Joined): Joined {
  return joined.kind === "making" ? { ...joined, isStarter: false, leave: joined.making.attach() } : joined;
}
