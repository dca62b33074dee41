import { channel } from "node:diagnostics_channel";
import type { HashedKey } from "./key.ts";

/** What a request came to, on the channel `downloadview:kept`. */
export type KeptEvent = "hit" | "stale" | "miss" | "collapsed" | "made" | "failed" | "passed" | "evicted";

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
  /** Files that were dropped because of their age, or to make room. */
  readonly evicted: number;
  /** Bytes that are kept, as the last sweep found and this process has added since. */
  readonly bytes: number;
}

const keptChannel = channel("downloadview:kept");

/** Counts what requests come to, and publishes it. */
export class Counters {
  readonly #counts = { hits: 0, stale: 0, misses: 0, collapsed: 0, made: 0, failed: 0, passed: 0, evicted: 0 };

  get counts(): Omit<KeptStatistics, "bytes"> {
    return { ...this.#counts };
  }

  count(event: KeptEvent, { key }: HashedKey): void {
    if (event === "hit" || event === "stale") this.#counts.hits += 1;
    if (event === "miss" || event === "collapsed") this.#counts.misses += 1;
    if (event !== "hit" && event !== "miss") this.#counts[event] += 1;
    if (keptChannel.hasSubscribers) keptChannel.publish({ event, key });
  }

  /** Files that a sweep dropped. */
  evicted(files: number): void {
    this.#counts.evicted += files;
    if (files > 0 && keptChannel.hasSubscribers) keptChannel.publish({ event: "evicted", files });
  }
}
