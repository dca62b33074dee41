/**
 * The size that a source says a file has, in bytes. Undefined unless it is a whole number that JavaScript can count to: an
 * unknown size must never be taken for 0, nor end up in a header as `NaN`.
 *
 * @param value what an SDK or a header says: a number, a bigint, digits, or nothing
 */
export function knownSize(value: unknown): number | undefined {
  const size = typeof value === "bigint" || isDigits(value) ? Number(value) : value;
  return typeof size === "number" && Number.isSafeInteger(size) && size >= 0 ? size : undefined;
}

function isDigits(value: unknown): boolean {
  return typeof value === "string" && /^\d{1,16}$/.test(value);
}

/** The time that a source says, if it is one that can be written into a header. */
export function knownDate(value: unknown): Date | undefined {
  const date = typeof value === "string" || typeof value === "number" ? new Date(value) : value;
  // By its tag: a date may come from another realm.
  const isDate = Object.prototype.toString.call(date) === "[object Date]";
  return isDate && !Number.isNaN((date as Date).getTime()) ? (date as Date) : undefined;
}
