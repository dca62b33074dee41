import { parseHTTPDate } from "./date.ts";
import { parseEntityTags, strongMatch, weakMatch } from "./etag.ts";

/** What the rules look at in a request. A fetch `Request` is one. */
export interface RequestHead {
  readonly method: string;
  readonly headers: { get(name: string): string | null };
}

/** What tells one version of a representation from another (RFC 9110 §8.8). */
export interface Validators {
  /** In header form: `"x"` or `W/"x"`. */
  readonly etag?: string | undefined;
  readonly lastModified?: Date | undefined;
}

/** Whether to go on, or to answer 304 or 412. */
export type PreconditionOutcome = "proceed" | "notModified" | "preconditionFailed";

export interface PreconditionOptions {
  /** What is already known of If-Modified-Since, in place of comparing dates. See {@link modifiedSince}. */
  readonly modified?: boolean | undefined;
  /** Default: the time of the call. */
  readonly now?: Date | undefined;
}

/**
 * Evaluates a request's preconditions against a representation that exists, in the order of RFC 9110 §13.2.2:
 * If-Match, else If-Unmodified-Since; then If-None-Match, else If-Modified-Since. `If-Range` is {@link ifRangeHolds}.
 *
 * @example
 * ```ts
 * import { evaluatePreconditions } from "downloadview/http";
 *
 * const request = new Request("http://localhost/", { headers: { "If-None-Match": '"v1"' } });
 * console.assert(evaluatePreconditions(request, { etag: '"v1"' }) === "notModified");
 * console.assert(evaluatePreconditions(request, { etag: '"v2"' }) === "proceed");
 * ```
 */
export function evaluatePreconditions(
  request: RequestHead,
  validators: Validators,
  options?: PreconditionOptions,
): PreconditionOutcome {
  if (!ifMatchHolds(request, validators)) return "preconditionFailed";
  const ifNoneMatch = request.headers.get("if-none-match");
  if (ifNoneMatch !== null) {
    if (ifNoneMatchHolds(ifNoneMatch, validators)) return "proceed";
    return isRetrieval(request) ? "notModified" : "preconditionFailed";
  }
  return unmodifiedSince(request, validators, options?.modified) ? "notModified" : "proceed";
}

/** If-Match and If-Unmodified-Since: does the client still mean the version that we have? */
function ifMatchHolds({ headers }: RequestHead, validators: Validators): boolean {
  const ifMatch = headers.get("if-match");
  if (ifMatch !== null) return matchesAny(ifMatch, validators.etag, strongMatch);
  const ifUnmodifiedSince = headers.get("if-unmodified-since");
  if (ifUnmodifiedSince === null) return true;
  // Not a date, or no date to compare it with: ignored (RFC 9110 §13.1.4).
  return !isAfter(modificationTime(validators), parseSeconds(ifUnmodifiedSince));
}

function ifNoneMatchHolds(ifNoneMatch: string, { etag }: Validators): boolean {
  return !matchesAny(ifNoneMatch, etag, weakMatch);
}

function matchesAny(field: string, etag: string | undefined, matches: (a: string, b: string) => boolean): boolean {
  const condition = parseEntityTags(field);
  if (condition === "*") return true;
  return etag !== undefined && condition !== undefined && condition.some((tag) => matches(tag, etag));
}

function unmodifiedSince(request: RequestHead, validators: Validators, modified: boolean | undefined): boolean {
  const since = modifiedSince(request);
  if (since === undefined) return false;
  if (modified !== undefined) return !modified;
  const time = modificationTime(validators);
  return time !== undefined && !isAfter(time, toSeconds(since));
}

/**
 * The date to ask a `wasModifiedSince` hook with, if If-Modified-Since counts at all: on GET and HEAD only, and not
 * beside If-None-Match, which is more exact (RFC 9110 §13.1.3).
 */
export function modifiedSince(request: RequestHead): Date | undefined {
  const value = request.headers.get("if-modified-since");
  if (value === null || !isRetrieval(request) || request.headers.get("if-none-match") !== null) return undefined;
  return parseHTTPDate(value);
}

/**
 * Whether a Range may be answered with a part: there is no If-Range, or it names the very version that we have, by a
 * strong entity tag or by the exact date of a second that is over (RFC 9110 §13.1.5). In a second that is not over the
 * file may change once more, and both versions have that date: it is a weak validator then (§8.8.2.2).
 */
export function ifRangeHolds(request: RequestHead, validators: Validators, now?: Date): boolean {
  const ifRange = request.headers.get("if-range");
  if (ifRange === null) return true;
  if (validators.etag !== undefined && strongMatch(ifRange, validators.etag)) return true;
  const seconds = parseSeconds(ifRange);
  return seconds !== undefined && seconds === modificationTime(validators) && isOver(seconds, now);
}

/** Milliseconds by which a file system's clock may lag behind ours. */
const clockLag = 20;

function isOver(second: number, now: Date = new Date()): boolean {
  return now.getTime() >= (second + 1) * 1000 + clockLag;
}

/** What an HTTP date can name: its years have four digits. In seconds since the epoch. */
const firstSecond = -62_167_219_200;
const lastSecond = 253_402_300_799;

/**
 * When the representation was last modified, in whole seconds since the epoch, as precise as HTTP's dates are. The
 * epoch itself is what sources say that don't know (archives, containers, object stores): undefined, like no date and
 * one that HTTP cannot write.
 */
export function modificationTime({ lastModified }: Validators): number | undefined {
  if (lastModified === undefined) return undefined;
  const seconds = toSeconds(lastModified);
  return seconds !== 0 && seconds >= firstSecond && seconds <= lastSecond ? seconds : undefined;
}

function isAfter(time: number | undefined, other: number | undefined): boolean {
  return time !== undefined && other !== undefined && time > other;
}

function parseSeconds(value: string): number | undefined {
  const date = parseHTTPDate(value);
  return date && toSeconds(date);
}

function toSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

function isRetrieval({ method }: RequestHead): boolean {
  return method === "GET" || method === "HEAD";
}
