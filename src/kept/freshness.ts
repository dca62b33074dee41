import type { KeptRecord } from "./record.ts";

/** How long a kept file is used, in seconds. */
export interface FreshnessOptions {
  /**
   * For how many seconds a file is served without a look at the original. Of a remote file the upstream's own
   * `Cache-Control` may shorten it. Default: for ever, and of a remote file as long as its upstream says, else 0.
   */
  readonly freshFor?: number | undefined;
  /** For how many seconds after that it is served while it is made anew in the background. Default 0. */
  readonly staleWhileRevalidate?: number | undefined;
  /** For how many seconds after {@link freshFor} it is served if making it anew fails, but for a 404, a 403 or another
   * answer below 500: then the original is gone. Default 0. */
  readonly staleIfError?: number | undefined;
}

/**
 * What a kept file is good for:
 *
 * - `fresh`: it is served.
 * - `revalidating`: it is served, and made anew in the background.
 * - `ifError`: it is made anew, and served only if that fails.
 * - `expired`: it is made anew.
 */
export type Freshness = "fresh" | "revalidating" | "ifError" | "expired";

/** @param now milliseconds since the epoch */
export function freshness(record: KeptRecord, options: FreshnessOptions, now: number): Freshness {
  const { staleWhileRevalidate = 0, staleIfError = 0 } = options;
  const staleFor = -remainingLife(record, options, now);
  // A clock that was set back must not make a file fresh for ever.
  if (staleFor < 0 && now >= record.validatedAt - clockSkew) return "fresh";
  if (record.upstream?.mustRevalidate) return "expired";
  if (staleFor < staleWhileRevalidate) return "revalidating";
  return staleFor < staleIfError ? "ifError" : "expired";
}

const clockSkew = 60_000;

/** For how many seconds more a file is fresh. Negative if it is stale, Infinity if it never is. */
export function remainingLife(record: KeptRecord, options: FreshnessOptions, now: number): number {
  return lifetime(record, options) - (now - record.validatedAt) / 1000;
}

/** For how many seconds after {@link KeptRecord.validatedAt} the file is fresh. */
function lifetime({ upstream }: KeptRecord, { freshFor }: FreshnessOptions): number {
  if (!upstream) return freshFor ?? Infinity;
  const said = upstream.freshFor === undefined ? undefined : upstream.freshFor - upstream.age;
  if (said === undefined) return freshFor ?? 0;
  return Math.min(said, freshFor ?? Infinity);
}
