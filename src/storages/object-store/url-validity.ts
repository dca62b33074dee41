import { ImproperlyConfiguredError, UpstreamError } from "../../errors.ts";

/** The period in which a signed URL works. */
export interface URLValidity {
  readonly from: Date;
  readonly until: Date;
}

/** Seconds. */
const defaultExpiresIn = 3600;

/** Shortens a validity to end at `end` or earlier. @throws {UpstreamError} if `end` has passed */
export function endingBy(validity: URLValidity, end: Date | undefined, now: number = Date.now()): URLValidity {
  if (end === undefined || !(end.getTime() < validity.until.getTime())) return validity;
  // Signatures count whole seconds.
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
  // Signatures count whole seconds.
  const window = Math.floor(expiresIn / 2) * 1000;
  const from = Math.floor(now / window) * window;
  return { from: new Date(from), until: new Date(from + Math.floor(expiresIn) * 1000) };
}

/** In seconds. Signatures of AWS and Google last at most a week. */
const week = 7 * 24 * 3600;

/** Shortens a validity to at most `longest` seconds. Default: a week. */
export function lasting(validity: URLValidity, longest: number = week, now: number = Date.now()): URLValidity {
  const asked = (validity.until.getTime() - validity.from.getTime()) / 1000;
  return asked > longest ? urlValidity(longest, now) : validity;
}

/**
 * Returns the end of a signed URL as the URL states it: of S3 and Google (`X-Amz-Expires`, `X-Goog-Expires`, which count from `…-Date`), of
 * Azure (`se`), of CloudFront and of older signatures (`Expires`). Undefined if it has none of these.
 *
 * A store may sign for a shorter time: a URL stops working when the temporary credentials that signed it expire.
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
