/** A property of a response that differs from the expected one. */
export interface Mismatch {
  readonly property: string;
  readonly expected: unknown;
  readonly actual: unknown;
  /** The message to show in place of both values, if they are long. */
  readonly note?: string;
}

/**
 * What a failed assertion throws: the shape of an `AssertionError`, by which test runners know what to show beside each
 * other. Not Node's own class, and no `DownloadError`: it also runs where there is no Node, and is no answer to a client.
 */
export class DownloadAssertionError extends Error {
  override readonly name: string = "AssertionError";
  readonly code = "ERR_ASSERTION";
  /** The properties that differ, as they should be. */
  readonly expected: Readonly<Record<string, unknown>>;
  /** The same properties, as they are. */
  readonly actual: Readonly<Record<string, unknown>>;
  readonly operator: string;

  constructor(mismatches: readonly Mismatch[], options: ErrorOptions & { operator: string }) {
    super(describeMismatches(mismatches), options.cause === undefined ? {} : { cause: options.cause });
    this.expected = valuesOf(mismatches, "expected");
    this.actual = valuesOf(mismatches, "actual");
    this.operator = options.operator;
  }
}

/** One line a property. */
export function describeMismatches(mismatches: readonly Mismatch[]): string {
  return ["Not the download that was expected", ...mismatches.map(describeMismatch)].join("\n  ");
}

function describeMismatch({ property, expected, actual, note }: Mismatch): string {
  return `${property}: ${note ?? `expected ${printed(expected)}, got ${printed(actual)}`}`;
}

function printed(value: unknown): string {
  if (value === undefined || value === false) return value === undefined ? "none" : "no";
  return value instanceof RegExp ? String(value) : JSON.stringify(value);
}

export function valuesOf(mismatches: readonly Mismatch[], side: "expected" | "actual"): Record<string, unknown> {
  return Object.fromEntries(mismatches.map((mismatch) => [mismatch.property, mismatch[side]]));
}
