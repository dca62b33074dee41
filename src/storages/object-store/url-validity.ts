import { ImproperlyConfiguredError, UpstreamError } from "../../errors.ts";

/** When a signed URL begins and ceases to work. */
export interface URLValidity {
  readonly from: Date;
  readonly until: Date;
}

/** Seconds. */
const defaultExpiresIn = 3600;

/** The same validity, which ends with `end` at the latest. @throws {UpstreamError} if that has passed */
export function endingBy(validity: URLValidity, end: Date | undefined, now: number = Date.now()): URLValidity {
  if (end === undefined || !(end.getTime() < validity.until.getTime())) return validity;
  // Whole seconds: that is what signatures count in.
  const until = new Date(Math.floor(end.getTime() / 1000) * 1000);
  if (until.getTime() > now) return { from: validity.from, until };
  throw new UpstreamError(502, undefined, { cause: new Error(`The credentials ended at ${end.toISOString()}`) });
}

/**
 * The validity of a URL that is signed at `now`: it begins with the current window, of half `expiresIn` seconds. All URLs
 * that are signed within one window are the same, so that a browser finds what it has cached; each works for half of
 * `expiresIn` at least, and never longer than that.
 *
 * @throws {ImproperlyConfiguredError} unless `expiresIn` is at least two seconds
 */
export function urlValidity(expiresIn: number = defaultExpiresIn, now: number = Date.now()): URLValidity {
  if (!(expiresIn >= 2 && Number.isFinite(expiresIn))) {
    throw new ImproperlyConfiguredError("expiresIn is the life of a URL in seconds, two at least");
  }
  // Whole seconds: that is what signatures count in.
  const window = Math.floor(expiresIn / 2) * 1000;
  const from = Math.floor(now / window) * window;
  return { from: new Date(from), until: new Date(from + Math.floor(expiresIn) * 1000) };
}

/** Seconds: signatures of AWS and Google last a week at most. */
const week = 7 * 24 * 3600;

/** The same validity if it is of no more than `longest` seconds, or one of that length. Default: a week. */
export function lasting(validity: URLValidity, longest: number = week, now: number = Date.now()): URLValidity {
  const asked = (validity.until.getTime() - validity.from.getTime()) / 1000;
  return asked > longest ? urlValidity(longest, now) : validity;
}

/**
 * When a signed URL says that it ends: of S3 and Google (`X-Amz-Expires`, `X-Goog-Expires`, which count from `…-Date`), of
 * Azure (`se`), of CloudFront and of older signatures (`Expires`). Undefined if it does not say so in one of these ways.
 *
 * A store may sign for less than it was asked for: a URL ends with the temporary credentials that signed it.
 */
export function signedUntil(url: string): Date | undefined {
  const { searchParams: query } = new URL(url);
  const ends = [
    countedFrom(query.get("X-Amz-Date"), query.get("X-Amz-Expires")),
    countedFrom(query.get("X-Goog-Date"), query.get("X-Goog-Expires")),
    query.has("sig") ? Date.parse(query.get("se") ?? "") : NaN,
    query.has("Signature") ? seconds(query.get("Expires")) * 1000 : NaN,
  ].filter((end) => !Number.isNaN(end));
  return ends.length === 0 ? undefined : new Date(Math.min(...ends));
}

/** Milliseconds since the epoch, from `20261125T123456Z` and a number of seconds. */
function countedFrom(date: string | null, expires: string | null): number {
  const iso = date?.replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)$/, "$1-$2-$3:$4:$5");
  return Date.parse(iso ?? "") + seconds(expires) * 1000;
}

function seconds(value: string | null): number {
  return /^\d{1,12}$/.test(value ?? "") ? Number(value) : NaN;
}
