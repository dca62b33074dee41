/** Names a file that gathers, for `npm test`, what was skipped: a line of JSON for each suite and reason. */
export const skippedFileVariable = "DOWNLOADVIEW_SKIPPED_FILE";

export interface Skipped {
  /** Relative to the project. */
  readonly suite: string;
  readonly reason: string;
}

/** The reasons in the order in which they were met, each with its suites. */
export function bySuites(lines: string): string[] {
  const suites = new Map<string, Set<string>>();
  for (const line of lines.split("\n").filter(Boolean)) {
    const { suite, reason } = JSON.parse(line) as Skipped;
    suites.set(reason, (suites.get(reason) ?? new Set()).add(suite));
  }
  return [...suites].map(([reason, all]) => `${reason}\n  in ${[...all].sort().join(", ")}`);
}
