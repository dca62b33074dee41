import { parseHTTPDate } from "./date.ts";
import { parseEntityTags, strongMatch, weakMatch } from "./etag.ts";
import { selectRanges, type ByteRange } from "./range.ts";

/** The parts of a request that the rules read. A fetch `Request` has them. */
export interface RequestHead {
  readonly method: string;
  readonly headers: { get(name: string): string | null };
}

/** The validators of a representation: they tell its versions apart (RFC 9110 §8.8). */
export interface Validators {
  /** In header form: `"x"` or `W/"x"`. */
  readonly etag?: string | undefined;
  readonly lastModified?: Date | undefined;
}

/** The representation that a 200 would send, as far as it is known. */
export interface Representation extends Validators {
  /** In bytes; undefined if unknown. */
  readonly size?: number | undefined;
  /** False if the source can be read from its beginning only: ranges are then ignored. Default: true. */
  readonly seekable?: boolean | undefined;
}

/** The kind of response to a request for a representation that exists. */
export type Decision =
  | { readonly kind: "full" }
  | { readonly kind: "partial"; readonly range: ByteRange }
  | { readonly kind: "multipart"; readonly ranges: readonly ByteRange[] }
  | { readonly kind: "notModified" }
  | { readonly kind: "preconditionFailed" }
  | { readonly kind: "rangeNotSatisfiable" };

const full: Decision = { kind: "full" };
const notModified: Decision = { kind: "notModified" };
const preconditionFailed: Decision = { kind: "preconditionFailed" };
const rangeNotSatisfiable: Decision = { kind: "rangeNotSatisfiable" };

/**
 * Decides how to respond to a request: preconditions first, then ranges (RFC 9110 §13.2.2).
 *
 * @example
 * ```ts
 * import { decide } from "downloadview/http";
 *
 * const request = new Request("http://localhost/", { headers: { Range: "bytes=0-9" } });
 * const decision = decide(request, { size: 1000 });
 * console.assert(decision.kind === "partial" && decision.range.end === 9);
 * ```
 */
export function decide(request: RequestHead, representation: Representation, options?: PreconditionOptions): Decision {
  const outcome = evaluatePreconditions(request, representation, options);
  if (outcome === "notModified") return notModified;
  if (outcome === "preconditionFailed") return preconditionFailed;
  const { size, seekable } = representation;
  // Range is defined for GET only (RFC 9110 §14.2): a HEAD gets the head of a full response.
  if (request.method !== "GET" || size === undefined || seekable === false) return full;
  const range = request.headers.get("range");
  if (range === null || !ifRangeHolds(request, representation, options?.now)) return full;
  const selection = selectRanges(range, size);
  return selection.kind === "unsatisfiable" ? rangeNotSatisfiable : selection;
}

/** The result of the preconditions: go on, respond 304, or respond 412. */
export type PreconditionOutcome = "proceed" | "notModified" | "preconditionFailed";

export interface PreconditionOptions {
  /** The result for If-Modified-Since, if a hook has computed it. Default: the dates are compared. See {@link modifiedSince}. */
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
  const { headers } = request;
  const ifMatch = headers.get("if-match");
  if (ifMatch !== null) {
    if (!matchesAny(ifMatch, validators.etag, strongMatch)) return "preconditionFailed";
  } else {
    const ifUnmodifiedSince = headers.get("if-unmodified-since");
    // Not a date, or no date to compare it with: ignored (RFC 9110 §13.1.4).
    const limit = ifUnmodifiedSince === null ? undefined : parseSeconds(ifUnmodifiedSince);
    if (limit !== undefined && (modificationTime(validators) ?? -Infinity) > limit) return "preconditionFailed";
  }
  const ifNoneMatch = headers.get("if-none-match");
  if (ifNoneMatch !== null) {
    if (!matchesAny(ifNoneMatch, validators.etag, weakMatch)) return "proceed";
    return isRetrieval(request) ? "notModified" : "preconditionFailed";
  }
  const since = modifiedSince(request);
  if (since === undefined) return "proceed";
  return isModified(since, validators, options?.modified) ? "proceed" : "notModified";
}

function matchesAny(field: string, etag: string | undefined, matches: (a: string, b: string) => boolean): boolean {
  const condition = parseEntityTags(field);
  if (condition === "*") return true;
  if (etag === undefined || condition === undefined) return false;
  for (const tag of condition) if (matches(tag, etag)) return true;
  return false;
}

function isModified(since: Date, validators: Validators, modified: boolean | undefined): boolean {
  if (modified !== undefined) return modified;
  const time = modificationTime(validators);
  return time === undefined || time > toSeconds(since);
}

/**
 * Parses If-Modified-Since, for a `wasModifiedSince` hook.
 *
 * @returns undefined if the field is missing, malformed or must be ignored: the method is not GET or HEAD, or the request
 *   has If-None-Match, which is more precise (RFC 9110 §13.1.3)
 */
export function modifiedSince(request: RequestHead): Date | undefined {
  const value = request.headers.get("if-modified-since");
  if (value === null || !isRetrieval(request) || request.headers.get("if-none-match") !== null) return undefined;
  return parseHTTPDate(value);
}

/**
 * Tells whether If-Range allows a partial response: the field is missing, or it names the current version by a strong
 * entity tag or by its exact date (RFC 9110 §13.1.5). A date counts only when its second is over: until then the file
 * may change again and keep the same date, so the date is a weak validator (§8.8.2.2).
 *
 * @param now default: the time of the call
 */
export function ifRangeHolds(request: RequestHead, validators: Validators, now?: Date): boolean {
  const ifRange = request.headers.get("if-range");
  if (ifRange === null) return true;
  if (validators.etag !== undefined && strongMatch(ifRange, validators.etag)) return true;
  const seconds = parseSeconds(ifRange);
  return seconds !== undefined && seconds === modificationTime(validators) && isOver(seconds, now);
}

/** Milliseconds by which the file system's clock may lag behind the clock of this process. */
const clockLag = 20;

function isOver(second: number, now: Date = new Date()): boolean {
  return now.getTime() >= (second + 1) * 1000 + clockLag;
}

/** The range of HTTP dates, whose years have four digits, in seconds since the epoch. */
const firstSecond = -62_167_219_200;
const lastSecond = 253_402_300_799;

/**
 * Returns the modification time in whole seconds since the epoch, the precision of HTTP dates.
 *
 * @returns undefined if there is no date, if HTTP cannot write it, or if it is the epoch itself: archives, containers and
 *   object stores report the epoch when they do not know the time
 */
export function modificationTime({ lastModified }: Validators): number | undefined {
  if (lastModified === undefined) return undefined;
  const seconds = toSeconds(lastModified);
  return seconds !== 0 && seconds >= firstSecond && seconds <= lastSecond ? seconds : undefined;
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
