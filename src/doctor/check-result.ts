/** Which part of a deployment has to be mended. */
export type Side = "app" | "proxy" | "storage";

/**
 * `note`: nothing is wrong, but this server cannot do it, or it may surprise. `skipped`: could not be looked at, because
 * of what failed before.
 */
export type Outcome = "pass" | "fail" | "note" | "skipped";

/** What one check found. */
export interface CheckResult {
  /** A short name that stays the same, such as `proxy-range`. */
  readonly check: string;
  /** What it is about, as a sentence that is true when it passes. */
  readonly title: string;
  readonly outcome: Outcome;
  readonly side?: Side;
  readonly expected?: string;
  readonly actual?: string;
  /** How to mend it. */
  readonly remedy?: string;
  /** The check that failed first, where this one fails for the same reason. Its outcome is then `skipped`. */
  readonly follows?: string;
}

export interface Finding {
  readonly side: Side;
  readonly expected: string;
  readonly actual: string;
  readonly remedy: string;
}

/** A check: what is wrong, or undefined. */
export interface Check<Context> {
  readonly check: string;
  readonly title: string;
  examine(context: Context): Promise<Finding | undefined>;
}

/** Checks that fail as well if another one fails, by the name of the one that tells the cause. */
const consequences: Readonly<Record<string, readonly string[]>> = {
  "proxy-uncompressed": ["proxy-validators", "proxy-range", "proxy-if-range", "proxy-head"],
  "proxy-validators": ["proxy-if-range", "proxy-not-modified"],
  "proxy-range": ["proxy-if-range"],
};

/** One failure a cause: what only follows from another failure is skipped, and names it. */
export function folded(results: readonly CheckResult[]): CheckResult[] {
  const failed = new Set(results.filter(({ outcome }) => outcome === "fail").map(({ check }) => check));
  const causeOf = (check: string): string | undefined =>
    Object.keys(consequences).find((cause) => failed.has(cause) && consequences[cause]?.includes(check));
  return results.map((result) => {
    const follows = result.outcome === "fail" ? causeOf(result.check) : undefined;
    return follows === undefined ? result : { ...skipped(result), follows };
  });
}

export function passed({ check, title }: Pick<CheckResult, "check" | "title">): CheckResult {
  return { check, title, outcome: "pass" };
}

export function failed({ check, title }: Pick<CheckResult, "check" | "title">, finding: Finding): CheckResult {
  return { check, title, outcome: "fail", ...finding };
}

export function skipped({ check, title }: Pick<CheckResult, "check" | "title">): CheckResult {
  return { check, title, outcome: "skipped" };
}
