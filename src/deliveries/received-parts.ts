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

/** What a client has received of one version of a file. */
export interface Received {
  readonly parts: readonly Part[];
  /** More than the size of the parts where ranges overlap. */
  readonly bytesSent: number;
  readonly startedAt: number;
}

/** Parts of a file that are remembered of a client. With more, the file is not known to be whole. */
const maxParts = 1000;
const maxRemembered = 100_000;

/** Joins the ranges of one download. Times are in milliseconds. */
export class ReceivedParts {
  readonly #life: number;
  readonly #byKey = new Map<string, Received & { readonly until: number }>();

  constructor(life: number) {
    this.#life = life;
  }

  /**
   * Adds what one response sent of a file of `size` bytes. The whole file is forgotten: the next part begins another download.
   *
   * @param key identifies client, version and URL. Undefined: the part stands for itself
   */
  add(key: string | undefined, part: Part, size: number, { bytesSent, startedAt }: Sent, now: number): Received {
    const before = key === undefined ? undefined : this.#byKey.get(key);
    const joined = withPart(before?.parts ?? [], part);
    const received = {
      parts: joined.length > maxParts ? (before?.parts ?? []) : joined,
      bytesSent: (before?.bytesSent ?? 0) + bytesSent,
      startedAt: before?.startedAt ?? startedAt,
    };
    if (key === undefined) return received;
    this.#byKey.delete(key);
    if (!coversAll(received.parts, size)) this.#remember(key, received, now);
    return received;
  }

  #remember(key: string, received: Received, now: number): void {
    this.#byKey.set(key, { ...received, until: now + this.#life });
    // The oldest come first.
    for (const [oldest, { until }] of this.#byKey) {
      if (until > now && this.#byKey.size <= maxRemembered) return;
      this.#byKey.delete(oldest);
    }
  }
}

type Sent = Pick<Received, "bytesSent" | "startedAt">;
