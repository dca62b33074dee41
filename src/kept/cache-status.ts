import type { KeptEvent } from "./statistics.ts";

/** What a request came to, as `Cache-Status` says it. */
export interface CacheOutcome {
  readonly event: KeptEvent;
  /** For how many seconds more what was found is fresh: negative if it is stale. Undefined if nothing was found. */
  readonly ttl: number | undefined;
  /** The original was asked because what was found is stale, and it failed: the stale file is served after all. */
  readonly isAfterFailure?: boolean | undefined;
  /** The upstream answered 304: what is kept still holds. */
  readonly isRevalidated?: boolean | undefined;
}

/**
 * The parameters of `Cache-Status` (RFC 9211 §2), without the name of the cache. Undefined for an event that is not about a request.
 * `stored` is said with the first byte: if the disk then takes no more, it is not kept.
 */
export function cacheStatus({ event, ttl, isAfterFailure, isRevalidated }: CacheOutcome): string | undefined {
  const forwarded = ttl === undefined ? "fwd=miss" : "fwd=stale";
  switch (event) {
    case "hit":
    case "stale":
      // §2.1: a request that was forwarded is no hit.
      return isAfterFailure ? "fwd=stale; detail=stale-if-error" : `hit${written(ttl)}`;
    case "miss":
      return isRevalidated ? `${forwarded}; fwd-status=304; stored` : `${forwarded}; stored`;
    case "collapsed":
      return isRevalidated ? `${forwarded}; fwd-status=304; collapsed` : `${forwarded}; collapsed`;
    case "passed":
      return `${forwarded}; detail=not-kept`;
    default:
      return undefined;
  }
}

/** §2.5: whole seconds. What is fresh for ever has none. Rounded down: what is stale must not have 0. */
function written(ttl: number | undefined): string {
  return ttl === undefined || !Number.isFinite(ttl)
    ? ""
    : `; ttl=${Math.min(Math.max(Math.floor(ttl), -maxInteger), maxInteger)}`;
}

/** The largest integer of a structured field (RFC 8941 §3.3.1). */
const maxInteger = 999_999_999_999_999;
