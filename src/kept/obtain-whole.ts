import { setTimeout as sleep } from "node:timers/promises";
import { untilAborted } from "../files/abort.ts";
import type { OpenFile } from "../files/download-file.ts";
import type { KeptFile } from "./kept-file.ts";
import { isUsable, maxAttempts, type Found, type KeptStore } from "./kept-store.ts";
import type { Making } from "./making.ts";
import { SharedFileError } from "./open-shared-file.ts";
import type { JoinedMaking } from "./single-flight.ts";
import { releasing, type Visit } from "./visit.ts";

/** What {@link obtainWhole} came to. */
export type Obtained =
  | { readonly kind: "kept"; readonly file: KeptFile }
  /** It must not, or cannot, be kept. `opened` is there if the original was opened for it and cannot be opened again. */
  | { readonly kind: "original"; readonly opened?: OpenFile | undefined }
  /** It is still being made, which goes on. */
  | { readonly kind: "late" };

/**
 * The whole file of a key, for those that cannot read a part of it: HEAD, a range.
 *
 * @param patience milliseconds to wait for it. Undefined: as long as it takes
 */
export function obtainWhole(store: KeptStore, visit: Visit, patience: number | undefined): Promise<Obtained> {
  return releasing(visit, async () => {
    const obtained = await new Obtaining(store, visit, patience).run();
    // The caller serves it.
    if (obtained.kind === "original") visit.isTaken = true;
    return obtained;
  });
}

class Obtaining {
  readonly #store: KeptStore;
  readonly #visit: Visit;
  readonly #begin = Date.now();
  readonly #deadline: number;

  constructor(store: KeptStore, visit: Visit, patience: number | undefined) {
    this.#store = store;
    this.#visit = visit;
    this.#deadline = patience === undefined ? Infinity : this.#begin + patience;
  }

  async run(): Promise<Obtained> {
    const { key, signal } = this.#visit;
    for (let attempt = 0; ; attempt += 1) {
      signal?.throwIfAborted();
      const found = await this.#store.find(this.#visit);
      if (isUsable(found) && (await this.#store.isThere(key, found.file))) return this.#hit(found);
      const recent = this.#store.outcomes.get(key.hash);
      if (recent?.kind === "failed") return this.#stale(found, recent.error, false);
      if (recent?.kind === "refused" || attempt === maxAttempts) return this.#original();
      const obtained = await this.#join(found);
      if (obtained) return obtained;
    }
  }

  #hit(found: Found): Obtained {
    if (found.freshness === "revalidating") this.#store.refresh(this.#visit);
    this.#store.hit(this.#visit, found);
    return { kind: "kept", file: found.file };
  }

  /** @throws `error` if no stale file may be served in its place */
  #stale(found: Found | undefined, error: unknown, wasAsked = true): Obtained {
    return { kind: "kept", file: this.#store.staleOr(this.#visit, found, error, wasAsked) };
  }

  #original(): Obtained {
    this.#store.count("passed", this.#visit);
    return { kind: "original" };
  }

  /** Undefined if what was joined has come to something else by now: look again. */
  async #join(found: Found | undefined): Promise<Obtained | undefined> {
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
        return this.#making(joined, found);
    }
  }

  async #foreign(nonce: string): Promise<Obtained | undefined> {
    const { key, original, signal } = this.#visit;
    const hasEnded = await this.#store.foreign(key, nonce).end(this.#deadline, signal);
    if (!hasEnded) return { kind: "late" };
    this.#store.index.forget(key);
    const record = await this.#store.index.find(key);
    const isOurs = record !== undefined && record.validatedAt >= this.#begin;
    if (!isOurs) return undefined;
    this.#store.count("collapsed", this.#visit);
    return { kind: "kept", file: this.#store.fileOf(record, original) };
  }

  async #making(joined: JoinedMaking, found: Found | undefined): Promise<Obtained | undefined> {
    const { making, leave, isStarter } = joined;
    this.#store.count(isStarter ? "miss" : "collapsed", this.#visit);
    let obtained: Obtained | undefined;
    try {
      obtained = await this.#outcome(joined);
      return obtained;
    } catch (error) {
      this.#visit.signal?.throwIfAborted();
      return making.isAbandoned || error instanceof SharedFileError ? undefined : this.#stale(found, error);
    } finally {
      // An original that was opened leaves when it is closed.
      if (obtained?.kind !== "original" || !obtained.opened) leave();
    }
  }

  async #outcome({ making, isStarter, leave }: JoinedMaking): Promise<Obtained> {
    const { original, takesOpened, signal } = this.#visit;
    const made = await withDeadline(making.outcome, this.#deadline, signal);
    if (made === "late") {
      // The client comes back for it: it must be there then.
      making.finishAnyway();
      return { kind: "late" };
    }
    if (made.kind === "kept" && made.isRevalidated) {
      this.#store.report(isStarter ? "miss" : "collapsed", this.#visit, { isRevalidated: true });
    }
    if (made.kind === "kept") return { kind: "kept", file: this.#store.fileOf(made.record, original) };
    const opened = isStarter ? await takeUnkept(making, leave, takesOpened) : undefined;
    return { ...this.#original(), opened } as Obtained;
  }
}

/** What was opened for a making that keeps nothing, if it cannot be opened again. */
async function takeUnkept(making: Making, leave: () => void, takesOpened: boolean): Promise<OpenFile | undefined> {
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
