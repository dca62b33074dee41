/** What a server's log says of one download. */
export interface DeliveryReport {
  /** The id that the application sent to the server. */
  readonly id: string;
  readonly status: number;
  /** Bytes of the body that the connection took. */
  readonly bytes: number;
  /** Whether the server came to the end of the response. Undefined if its log does not tell. */
  readonly isComplete?: boolean;
  /** The `Content-Range` that was sent. Undefined if there was none, or the log does not tell. */
  readonly contentRange?: string;
}

/** A log of a server, to read from now on. */
export interface DeliveryLog {
  /** Skips what is in the log already. */
  open(): Promise<void>;
  /** Returns the lines that were written since, without those that are not complete yet. */
  read(): Promise<readonly string[]>;
  /** Returns what a line reports. Undefined for a line without our identifier. */
  parse(line: string): DeliveryReport | undefined;
  /** Closes the log. {@link open} opens it again. */
  close(): Promise<void>;
}

/** Returns the object in a line. Undefined if the line is no JSON object: cut, or not from the log of downloads. */
export function objectIn(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Returns a report of checked values. Undefined if one is missing or impossible. */
export function reportOf(
  id: unknown,
  status: unknown,
  bytes: unknown,
  rest: Pick<DeliveryReport, "isComplete" | "contentRange"> = {},
): DeliveryReport | undefined {
  const [code, count] = [natural(status), natural(bytes)];
  if (typeof id !== "string" || id === "" || code === undefined || count === undefined) return undefined;
  return code >= 100 && code <= 599 ? { id, status: code, bytes: count, ...rest } : undefined;
}

function natural(value: unknown): number | undefined {
  const isNumber = typeof value === "number" || (typeof value === "string" && /^\d{1,16}$/.test(value));
  const number = isNumber ? Number(value) : Number.NaN;
  return Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}
