/** A part of a file: bytes from `start` up to, not including, `end`. */
export interface Part {
  readonly start: number;
  readonly end: number;
}

/** Adds a part to parts that neither overlap nor touch, in ascending order. Returns such parts again. */
export function withPart(parts: readonly Part[], { start, end }: Part): readonly Part[] {
  if (end <= start) return parts;
  const apart = parts.filter((part) => part.end < start || part.start > end);
  const joined = parts.filter((part) => part.end >= start && part.start <= end);
  const whole = {
    start: Math.min(start, ...joined.map((part) => part.start)),
    end: Math.max(end, ...joined.map((part) => part.end)),
  };
  return [...apart, whole].toSorted((one, other) => one.start - other.start);
}

/** Tells whether the parts are all of a file of `size` bytes. */
export function coversAll(parts: readonly Part[], size: number): boolean {
  const [first] = parts;
  return size === 0 || (first !== undefined && first.start === 0 && first.end >= size);
}
