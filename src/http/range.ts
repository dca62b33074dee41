import { isMediaType } from "./media-type.ts";

/** A requested range: from `start` to `end` inclusive, or the last `suffix` bytes (RFC 9110 §14.1.2). */
export type RangeSpec = { readonly start: number; readonly end?: number } | { readonly suffix: number };

/** A range of a representation of known size, from `start` to `end` inclusive, in bytes. */
export type ByteRange = { readonly start: number; readonly end: number };

/** The result of a Range field for a representation of known size. */
export type RangeSelection =
  | { readonly kind: "full" }
  | { readonly kind: "partial"; readonly range: ByteRange }
  | { readonly kind: "multipart"; readonly ranges: readonly ByteRange[] }
  | { readonly kind: "unsatisfiable" };

const full: RangeSelection = { kind: "full" };
const unsatisfiable: RangeSelection = { kind: "unsatisfiable" };

/** More ranges are an attack or a mistake, and cost more than the whole file (RFC 9110 §17.15). */
export const maxRanges = 100;

/**
 * Parses a Range field.
 *
 * @returns undefined if the unit is not `bytes` or a member is malformed: the field is then ignored (RFC 9110 §14.2)
 *
 * @example
 * ```ts
 * import { parseRange } from "downloadview/http";
 *
 * console.assert(JSON.stringify(parseRange("bytes=0-1, -500")) === '[{"start":0,"end":1},{"suffix":500}]');
 * console.assert(parseRange("pages=1-2") === undefined);
 * ```
 */
export function parseRange(value: string): readonly RangeSpec[] | undefined {
  if (!/^bytes=/i.test(value)) return undefined;
  const specs: RangeSpec[] = [];
  for (const member of value.slice("bytes=".length).split(",")) {
    // A list may have empty members (RFC 9110 §5.6.1.2).
    if (/^[ \t]*$/.test(member)) continue;
    const spec = parseRangeSpec(member);
    if (spec === undefined) return undefined;
    specs.push(spec);
  }
  return specs.length > 0 ? specs : undefined;
}

/** `5-`, `5-9` or `-9`. */
function parseRangeSpec(member: string): RangeSpec | undefined {
  const [, first = "", last = ""] = /^[ \t]*(\d*)-(\d*)[ \t]*$/.exec(member) ?? [];
  const end = Math.min(Number(last), Number.MAX_SAFE_INTEGER);
  if (first === "") return last === "" ? undefined : { suffix: end };
  const start = Math.min(Number(first), Number.MAX_SAFE_INTEGER);
  if (last === "") return { start };
  return start <= end ? { start, end } : undefined;
}

/**
 * Selects the bytes to send for a Range field. An empty representation is always sent in full: no range of it can be
 * satisfied, and a 416 would fail downloads that only resume. More than 100 ranges, or ranges that together have more
 * bytes than the representation, select the full representation.
 *
 * @param value the Range field
 * @param size of the representation, in bytes
 *
 * @example
 * ```ts
 * import { selectRanges } from "downloadview/http";
 *
 * const selection = selectRanges("bytes=-100", 1000);
 * console.assert(selection.kind === "partial" && selection.range.start === 900);
 * ```
 */
export function selectRanges(value: string, size: number): RangeSelection {
  const specs = size > 0 ? parseRange(value) : undefined;
  if (specs === undefined || specs.length > maxRanges) return full;
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const range = resolve(spec, size);
    if (range !== undefined) ranges.push(range);
  }
  const [first] = ranges;
  if (first === undefined) return unsatisfiable;
  if (ranges.length === 1) return { kind: "partial", range: first };
  return totalLength(ranges) > size ? full : joined(coalesce(ranges));
}

function joined(ranges: readonly ByteRange[]): RangeSelection {
  const [first, second] = ranges;
  return first !== undefined && second === undefined
    ? { kind: "partial", range: first }
    : { kind: "multipart", ranges };
}

function resolve(spec: RangeSpec, size: number): ByteRange | undefined {
  if ("suffix" in spec) {
    return spec.suffix > 0 ? { start: Math.max(size - spec.suffix, 0), end: size - 1 } : undefined;
  }
  const { start, end = size - 1 } = spec;
  return start < size ? { start, end: Math.min(end, size - 1) } : undefined;
}

function totalLength(ranges: readonly ByteRange[]): number {
  return ranges.reduce((total, range) => total + rangeLength(range), 0);
}

/**
 * Joins a range with an earlier one in which it begins. The order of the request is kept (RFC 9110 §15.3.7.2): a client
 * that requests the end first wants the end first.
 */
function coalesce(ranges: readonly ByteRange[]): ByteRange[] {
  const coalesced: ByteRange[] = [];
  for (const range of ranges) {
    const at = coalesced.findIndex((known) => known.start <= range.start && range.start <= known.end);
    const known = coalesced[at];
    if (known === undefined) coalesced.push(range);
    else coalesced[at] = { start: known.start, end: Math.max(known.end, range.end) };
  }
  return coalesced;
}

/** Returns the length of a range in bytes. */
export function rangeLength(range: ByteRange): number {
  return range.end - range.start + 1;
}

/** Formats the Content-Range of a 206 with one range (RFC 9110 §14.4). */
export function contentRange(range: ByteRange, size: number): string {
  return `bytes ${range.start}-${range.end}/${size}`;
}

/** Formats the Content-Range of a 416 (RFC 9110 §14.4). */
export function unsatisfiedRange(size: number): string {
  return `bytes */${size}`;
}

/** A part of a `multipart/byteranges` body: its head, followed by the bytes of its range. */
export interface MultipartPart {
  readonly head: string;
  readonly range: ByteRange;
}

/** A `multipart/byteranges` body, ready to be sent: each part, then the tail. */
export interface MultipartByteRanges {
  /** The Content-Type of the whole response. It has no Content-Range. */
  readonly contentType: string;
  /** Of the whole body, in bytes. */
  readonly contentLength: number;
  readonly parts: readonly MultipartPart[];
  readonly tail: string;
}

export interface MultipartOptions {
  /** Of the whole representation, in bytes. */
  readonly size: number;
  /** The Content-Type of a 200. If it is not a media type, the parts have none. */
  readonly contentType?: string | undefined;
  /** A token of at most 70 characters (RFC 2046 §5.1.1). */
  readonly boundary: string;
}

/**
 * Lays out several ranges as one body (RFC 9110 §14.6).
 *
 * @throws {TypeError} if the boundary is not a token of 1 to 70 characters
 */
export function multipartByteRanges(ranges: readonly ByteRange[], options: MultipartOptions): MultipartByteRanges {
  const { boundary } = options;
  if (!boundarySyntax.test(boundary))
    throw new TypeError(
      `The boundary must be 1 to 70 letters, digits, "_", "." or "-" (got ${JSON.stringify(boundary)})`,
    );
  const type = typeLine(options.contentType);
  const parts = ranges.map((range) => ({ head: partHead(range, options, type), range }));
  const tail = `\r\n--${boundary}--\r\n`;
  const heads = parts.reduce((total, { head }) => total + byteLength(head), 0);
  return {
    contentType: `multipart/byteranges; boundary=${boundary}`,
    contentLength: heads + totalLength(ranges) + byteLength(tail),
    parts,
    tail,
  };
}

const boundarySyntax = /^[\w.-]{1,70}$/;

// To HTTP a part's head is body, so no server checks it. A line break in the type would begin another field or part.
function typeLine(contentType: string | undefined): string {
  return contentType !== undefined && isMediaType(contentType) ? `Content-Type: ${contentType}\r\n` : "";
}

const encoder = new TextEncoder();

/** Counts bytes: if Content-Length counted characters, the client would read the rest of the body as another response. */
function byteLength(text: string): number {
  return encoder.encode(text).byteLength;
}

function partHead(range: ByteRange, { size, boundary }: MultipartOptions, type: string): string {
  return `\r\n--${boundary}\r\n${type}Content-Range: ${contentRange(range, size)}\r\n\r\n`;
}

/** Returns a random boundary. An attacker cannot guess it, and so cannot put it into a file. */
export function multipartBoundary(): string {
  return globalThis.crypto.randomUUID();
}
