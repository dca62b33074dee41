/**
 * The part of a deployment to fix. `between`: a CDN, a cache or a load balancer between the clients and the server in front
 * of the application.
 */
export type Side = "app" | "proxy" | "storage" | "between";

/**
 * `note`: nothing to fix, but a limit of this server, or a surprise. `skipped`: not examined because an earlier check
 * failed, or failed for the same reason as another check, which `follows` names.
 */
export type Outcome = "pass" | "fail" | "note" | "skipped";

/** The result of one check. */
export interface CheckResult {
  /** A short name that does not change between versions, such as `proxy-range`. */
  readonly check: string;
  /** A sentence that is true if the check passes. */
  readonly title: string;
  readonly outcome: Outcome;
  readonly side?: Side;
  readonly expected?: string;
  readonly actual?: string;
  /** What to change, and where. */
  readonly remedy?: string;
  /** The check that failed for the same reason. The outcome of this one is then `skipped`. */
  readonly follows?: string;
}

export interface Finding {
  readonly side: Side;
  readonly expected: string;
  readonly actual: string;
  readonly remedy: string;
}

/** A check. It returns undefined if nothing is wrong. */
export interface Check<Context> {
  readonly check: string;
  readonly title: string;
  /** Whether it must not share the time with other checks. Default false. */
  readonly alone?: boolean;
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
