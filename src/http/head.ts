import { modificationTime } from "./conditional.ts";
import type { Decision, Representation } from "./decide.ts";
import { formatHTTPDate } from "./date.ts";
import { HeaderFields } from "./header-fields.ts";
import { contentRange, rangeLength, unsatisfiedRange, type MultipartByteRanges } from "./range.ts";

/** A representation with what is said about it in the header section (RFC 9110 §8). */
export interface DescribedRepresentation extends Representation {
  readonly contentType: string;
  readonly contentEncoding?: string | undefined;
  /** A `Repr-Digest` value (RFC 9530 §3). */
  readonly reprDigest?: string;
}

/** A status line and header section: all of a response that stands before its body. */
export interface ResponseHead {
  readonly status: number;
  readonly fields: HeaderFields;
  /** Names of fields that are only defaults: what middleware has set under them stays. */
  readonly yields?: readonly string[] | undefined;
}

/**
 * Turns a decision into status and header fields. `extra` are the fields that the application sets: they win over
 * ours, but never decide on framing, and a response that carries no representation does not carry its fields.
 */
export function responseHead(
  decision: Decision,
  representation: DescribedRepresentation,
  extra: HeaderFields,
  multipart?: MultipartByteRanges,
): ResponseHead {
  switch (decision.kind) {
    case "full":
      return whole(200, representation, extra, [...lengthField(representation.size)]);
    case "partial":
      return whole(206, representation, extra, [
        ["Content-Length", String(rangeLength(decision.range))],
        ["Content-Range", contentRange(decision.range, representation.size ?? 0)],
      ]);
    case "multipart":
      return whole(206, { ...representation, contentType: multipart?.contentType ?? "" }, without(extra, isTypeField), [
        ...lengthField(multipart?.contentLength),
      ]);
    case "notModified":
      return {
        status: 304,
        fields: asItIs(
          304,
          merged(notModifiedFields(representation), without(extra, describesContent)),
          representation,
        ),
      };
    case "preconditionFailed":
      return { status: 412, fields: merged([["Content-Length", "0"]], without(extra, describesAnything)) };
    case "rangeNotSatisfiable":
      return {
        status: 416,
        fields: merged(
          [
            ["Content-Length", "0"],
            ["Content-Range", unsatisfiedRange(representation.size ?? 0)],
          ],
          without(extra, describesAnything),
        ),
      };
  }
}

type Field = readonly [name: string, value: string];

function whole(
  status: number,
  representation: DescribedRepresentation,
  extra: HeaderFields,
  framing: Field[],
): ResponseHead {
  const described: Field[] = [
    ["Content-Type", representation.contentType],
    ...framing,
    ...optional("Content-Encoding", representation.contentEncoding),
    ...validatorFields(representation),
    ...optional("Repr-Digest", representation.reprDigest),
  ];
  if (isSeekable(representation)) described.push(["Accept-Ranges", "bytes"]);
  return { status, fields: asItIs(status, merged(described, extra), representation) };
}

/**
 * Keeps everything on the way from compressing what can be resumed, or is told apart by a strong entity tag: a range of
 * the plain file ends up in the middle of a compressed one. `no-transform` (RFC 9111 §5.2.2.6) is the one sign that all
 * compressors know.
 */
function asItIs(status: number, fields: HeaderFields, representation: DescribedRepresentation): HeaderFields {
  const { contentEncoding, etag } = representation;
  const promises = isSeekable(representation) || etag?.startsWith('"') === true;
  if (!promises || contentEncoding !== undefined) return fields;
  const directives = fields.get("Cache-Control");
  if (/\bno-transform\b/i.test(directives ?? "")) return fields;
  // Whoever may not store the file has nothing to resume. A part of it must stay as it is all the same.
  if (status !== 206 && /\bno-store\b/i.test(directives ?? "")) return fields;
  return fields.set("Cache-Control", directives ? `${directives}, no-transform` : "no-transform");
}

function isSeekable({ size, seekable }: Representation): boolean {
  return size !== undefined && seekable !== false;
}

function validatorFields({ etag, lastModified }: Representation): Field[] {
  return [...optional("ETag", etag), ...lastModifiedField(lastModified)];
}

// RFC 9110 §15.4.5: a 304 repeats what a cache needs to update its entry; Last-Modified only where there is no ETag.
function notModifiedFields({ etag, lastModified }: Representation): Field[] {
  return etag === undefined ? lastModifiedField(lastModified) : [["ETag", etag]];
}

// Sent just where a precondition would count it: a 304 must not rest on a date that no client was ever told.
function lastModifiedField(date: Date | undefined): Field[] {
  const known = date !== undefined && modificationTime({ lastModified: date }) !== undefined;
  return known ? [["Last-Modified", formatHTTPDate(date)]] : [];
}

function lengthField(length: number | undefined): Field[] {
  return length === undefined ? [] : [["Content-Length", String(length)]];
}

function optional(name: string, value: string | undefined): Field[] {
  return value === undefined ? [] : [[name, value]];
}

/** Our fields, less those that `extra` sets itself, then `extra`, less those that frame the message. */
function merged(ours: readonly Field[], extra: HeaderFields): HeaderFields {
  const kept = without(extra, framesMessage);
  const fields = new HeaderFields(ours.filter(([name]) => framesMessage(name.toLowerCase()) || !kept.has(name)));
  for (const [name, value] of kept) fields.append(name, value);
  return fields;
}

function without(fields: HeaderFields, drops: (lowercaseName: string) => boolean): HeaderFields {
  return new HeaderFields([...fields].filter(([name]) => !drops(name.toLowerCase())));
}

const framingFields = new Set(["content-length", "content-range", "transfer-encoding"]);

function framesMessage(name: string): boolean {
  return framingFields.has(name);
}

function isTypeField(name: string): boolean {
  return name === "content-type";
}

const contentFields = new Set(["accept-ranges", "last-modified", "repr-digest", "x-content-type-options"]);

function describesContent(name: string): boolean {
  return contentFields.has(name) || (name.startsWith("content-") && name !== "content-location");
}

const treatment = new Set(["content-disposition", "content-security-policy", "x-content-type-options"]);

/**
 * The fields that say what a client does with the file that it has. A 304 may tell them anew (RFC 9111 §3.2): a file that
 * was renamed is then saved under its new name, and one that is shown from now on has the policy that keeps it from
 * running.
 */
export function treatmentFields(fields: HeaderFields): HeaderFields {
  return without(fields, (name) => !treatment.has(name));
}

const cacheFields = new Set(["etag", "cache-control", "expires", "vary", "content-location"]);

// An answer of 412 or 416 is about the request, not about the file: no validator, and nothing that lets a cache keep it.
function describesAnything(name: string): boolean {
  return describesContent(name) || cacheFields.has(name);
}
