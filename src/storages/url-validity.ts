import { ImproperlyConfiguredError } from "../errors.ts";

/** When a signed URL begins and ceases to work. */
export interface UrlValidity {
  readonly from: Date;
  readonly until: Date;
}

/** Seconds. */
const defaultExpiresIn = 3600;

/**
 * The validity of a URL that is signed at `now`: it begins with the current window, of half `expiresIn` seconds. All URLs
 * that are signed within one window are the same, so that a browser finds what it has cached; each works for half of
 * `expiresIn` at least, and never longer than that.
 *
 * @throws {ImproperlyConfiguredError} unless `expiresIn` is at least two seconds
 */
export function urlValidity(expiresIn: number = defaultExpiresIn, now: number = Date.now()): UrlValidity {
  if (!(expiresIn >= 2 && Number.isFinite(expiresIn))) {
    throw new ImproperlyConfiguredError("expiresIn is the life of a URL in seconds, two at least");
  }
  // Whole seconds: that is what signatures count in.
  const window = Math.floor(expiresIn / 2) * 1000;
  const from = Math.floor(now / window) * window;
  return { from: new Date(from), until: new Date(from + Math.floor(expiresIn) * 1000) };
}
