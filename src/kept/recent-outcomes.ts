import { forgetOldest, maxRemembered } from "./forget-oldest.ts";

/** What is remembered of a key for a moment. */
export type RecentOutcome =
  | { readonly kind: "failed"; readonly error: unknown; readonly until: number }
  | { readonly kind: "refused"; readonly until: number };

/** Milliseconds for which a file that must not be kept is not tried again: its clients would wait for one another. */
const refusalLife = 10_000;

/** How makings ended a moment ago, so that a thousand clients do not retry a generator that throws. */
export class RecentOutcomes {
  readonly #failureMemory: number;
  readonly #outcomes = new Map<string, RecentOutcome>();

  /** @param failureMemory milliseconds for which a failure is remembered */
  constructor(failureMemory: number) {
    this.#failureMemory = failureMemory;
  }

  get(hash: string): RecentOutcome | undefined {
    const outcome = this.#outcomes.get(hash);
    if (outcome && outcome.until > Date.now()) return outcome;
    this.#outcomes.delete(hash);
    return undefined;
  }

  failed(hash: string, error: unknown): void {
    this.#set(hash, { kind: "failed", error, until: Date.now() + this.#failureMemory });
  }

  refused(hash: string): void {
    this.#set(hash, { kind: "refused", until: Date.now() + refusalLife });
  }

  #set(hash: string, outcome: RecentOutcome): void {
    this.#outcomes.delete(hash);
    this.#outcomes.set(hash, outcome);
    if (this.#outcomes.size > maxRemembered) forgetOldest(this.#outcomes);
  }

  forget(hash: string): void {
    this.#outcomes.delete(hash);
  }

  forgetAll(): void {
    this.#outcomes.clear();
  }
}
