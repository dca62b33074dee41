import { untilAborted } from "../files/abort.ts";
import type { OpenFile, OpenOptions } from "../files/download-file.ts";
import { OpenGrowingFile } from "./growing-file.ts";
import { defaultIdleTimeout } from "./kept-options.ts";
import { isUsable, maxAttempts, type KeptStore } from "./kept-store.ts";
import type { Making, Started } from "./making.ts";
import { growingStat } from "./part-info.ts";
import { SharedFileError } from "./open-shared-file.ts";
import type { JoinedMaking } from "./single-flight.ts";
import { releasing, type Visit } from "./visit.ts";

/** Opens the file of a key for a client: the kept file, one that is being made, or the original. */
export function openForClient(store: KeptStore, visit: Visit, opening: OpenOptions): Promise<OpenFile> {
  return releasing(visit, () => new Opening(store, visit, opening).run());
}

class Opening {
  readonly #store: KeptStore;
  readonly #visit: Visit;
  readonly #opening: OpenOptions;

  constructor(store: KeptStore, visit: Visit, opening: OpenOptions) {
    this.#store = store;
    this.#visit = visit;
    this.#opening = opening;
  }

  async run(): Promise<OpenFile> {
    const { key, signal } = this.#visit;
    for (let attempt = 0; ; attempt += 1) {
      signal?.throwIfAborted();
      const usable = attempt === 0 && this.#visit.wasLookedFor ? undefined : await this.#usable();
      if (usable) return usable;
      const recent = this.#store.outcomes.get(key.hash);
      if (recent?.kind === "failed") return this.#stale(recent.error, false);
      if (recent?.kind === "refused" || attempt === maxAttempts) return this.#original();
      const opened = await this.#join();
      if (opened) return opened;
    }
  }

  async #usable(): Promise<OpenFile | undefined> {
    const found = await this.#store.find(this.#visit);
    if (!isUsable(found)) return undefined;
    const opened = await this.#store.openKept(this.#visit.key, found.file, this.#opening);
    if (!opened) return undefined;
    if (found.freshness === "revalidating") this.#store.refresh(this.#visit);
    this.#store.hit(this.#visit, found);
    return opened;
  }

  /** Undefined if what was joined has come to something else by now: look again. */
  async #join(): Promise<OpenFile | undefined> {
    const joined = await this.#store.flight.join(this.#visit);
    switch (joined.kind) {
      case "refused":
        return this.#original();
      case "kept":
        return undefined;
      case "foreign":
        return this.#foreign(joined.nonce);
      case "making":
        this.#visit.isTaken ||= joined.isStarter;
        return this.#making(joined);
    }
  }

  async #foreign(nonce: string): Promise<OpenFile | undefined> {
    const { key, options, signal } = this.#visit;
    const { idleTimeout = defaultIdleTimeout } = options;
    try {
      const reader = await this.#store.foreign(key, nonce).read(idleTimeout, signal);
      if (reader) this.#store.count("collapsed", this.#visit);
      else this.#store.index.forget(key);
      return reader;
    } catch (error) {
      signal?.throwIfAborted();
      return this.#stale(error);
    }
  }

  async #making(joined: JoinedMaking): Promise<OpenFile | undefined> {
    const { making, leave } = joined;
    const { signal } = this.#visit;
    try {
      const started = await (signal ? untilAborted(making.started, signal, () => undefined) : making.started);
      return await this.#started(started, joined);
    } catch (error) {
      leave();
      signal?.throwIfAborted();
      // It was let go just when this client came.
      if (making.isAbandoned || error instanceof SharedFileError) return undefined;
      return this.#stale(error);
    }
  }

  async #started(started: Started, { making, isStarter, leave }: JoinedMaking): Promise<OpenFile | undefined> {
    if (started.kind === "refused") {
      const opened = isStarter ? making.takeRefused() : undefined;
      leave();
      if (!opened) return this.#original();
      this.#store.count("passed", this.#visit);
      return opened;
    }
    if (started.kind === "kept") {
      // Also if it is stale at once: the upstream has just said that it holds.
      const file = this.#store.fileOf(started.record, this.#visit.original);
      const opened = await this.#store.openKept(this.#visit.key, file, this.#opening);
      leave();
      if (opened) this.#store.count(isStarter ? "miss" : "collapsed", this.#visit, { isRevalidated: true });
      return opened;
    }
    if (!started.part.isJoinable) {
      leave();
      return this.#ended(making);
    }
    this.#store.count(isStarter ? "miss" : "collapsed", this.#visit);
    return new OpenGrowingFile(growingStat(started.info), started.part.join(leave));
  }

  /** It is whole and kept, or the disk is full. */
  async #ended(making: Making): Promise<OpenFile> {
    const { key, original } = this.#visit;
    const made = await making.outcome.catch(() => undefined);
    const file = made?.kind === "kept" ? this.#store.fileOf(made.record, original) : undefined;
    const opened = file && (await this.#store.openKept(key, file, this.#opening));
    return opened ?? this.#original();
  }

  /** @throws `error` if no stale file may be served in its place */
  async #stale(error: unknown, wasAsked = true): Promise<OpenFile> {
    const found = await this.#store.find(this.#visit);
    const file = this.#store.staleOr(this.#visit, found, error, wasAsked);
    const opened = await this.#store.openKept(this.#visit.key, file, this.#opening);
    if (!opened) throw error;
    return opened;
  }

  #original(): Promise<OpenFile> {
    this.#visit.isTaken = true;
    this.#store.count("passed", this.#visit);
    return this.#visit.original.open(this.#opening);
  }
}
