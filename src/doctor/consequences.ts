import { skipped, type CheckResult } from "./check-result.ts";

const asksByQuery = [
  "proxy-query",
  "proxy-refused",
  "proxy-missing",
  "proxy-guard",
  "proxy-host",
  "proxy-scheme",
  "proxy-private",
  "proxy-streams",
  "proxy-broken-streams",
  "proxy-slow-clients",
] as const;

/** For a check that tells the cause, the checks that fail as well. */
const consequences: Readonly<Record<string, readonly string[]>> = {
  "proxy-names": asksByQuery,
  "proxy-query": asksByQuery.slice(1),
  "proxy-private": [
    "proxy-fresh",
    "proxy-not-modified",
    "proxy-range",
    "proxy-if-range",
    "proxy-head",
    "proxy-validators",
    "proxy-fields",
    "proxy-host",
    "proxy-scheme",
    "proxy-slow-clients",
  ],
  "proxy-uncompressed": [
    "proxy-validators",
    "proxy-range",
    "proxy-if-range",
    "proxy-head",
    "proxy-fields",
    "proxy-not-modified",
  ],
  "proxy-validators": ["proxy-if-range", "proxy-not-modified"],
  // nginx with a cache takes both Range and If-None-Match from the request.
  "proxy-range": ["proxy-if-range", "proxy-not-modified"],
  "proxy-internal": ["proxy-guard"],
  "proxy-refused": ["proxy-missing"],
  "proxy-streams": ["proxy-broken-streams", "proxy-slow-clients"],
};

/** One failure per cause: a check that fails for the same reason as another is skipped, and names it. */
export function folded(results: readonly CheckResult[]): CheckResult[] {
  const failed = new Set(results.filter(({ outcome }) => outcome === "fail").map(({ check }) => check));
  const causeOf = (check: string): string | undefined =>
    Object.keys(consequences).find((cause) => failed.has(cause) && consequences[cause]?.includes(check));
  return results.map((result) => {
    const follows = result.outcome === "fail" ? causeOf(result.check) : undefined;
    return follows === undefined ? result : { ...skipped(result), follows };
  });
}
