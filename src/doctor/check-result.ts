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

export function passed({ check, title }: Pick<CheckResult, "check" | "title">): CheckResult {
  return { check, title, outcome: "pass" };
}

export function failed({ check, title }: Pick<CheckResult, "check" | "title">, finding: Finding): CheckResult {
  return { check, title, outcome: "fail", ...finding };
}

export function skipped({ check, title }: Pick<CheckResult, "check" | "title">): CheckResult {
  return { check, title, outcome: "skipped" };
}
