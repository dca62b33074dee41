import { modificationTime, type Decision, type Representation } from "./decide.ts";
import { formatHTTPDate } from "./date.ts";
import { HeaderFields } from "./header-fields.ts";
import { contentRange, rangeLength, unsatisfiedRange, type MultipartByteRanges } from "./range.ts";

/** A representation and its metadata in the header section (RFC 9110 §8). */
export interface DescribedRepresentation extends Representation {
  readonly contentType: string;
  readonly contentEncoding?: string | undefined;
  /** A `Repr-Digest` value (RFC 9530 §3). */
  readonly reprDigest?: string;
}

/** The status and header section of a response. */
export interface ResponseHead {
  readonly status: number;
  readonly fields: HeaderFields;
  /** Names of fields that are defaults: a field that middleware has set stays. */
  readonly yields?: readonly string[] | undefined;
}

/**
 * Turns a decision into status and header fields.
 *
 * @param extra the application's fields. They replace the generated fields, except those that frame the message. A response
 *   without a representation (304, 412, 416) does not send the fields that describe it
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
 * Adds `no-transform` (RFC 9111 §5.2.2.6), the one directive that all compressors respect, if the response can be resumed
 * or has a strong entity tag. Otherwise middleware or a proxy compresses the body, and a client that resumes appends a
 * range of the plain file to a part of the compressed one.
 */
function asItIs(status: number, fields: HeaderFields, representation: DescribedRepresentation): HeaderFields {
  const { contentEncoding, etag } = representation;
  const promises = isSeekable(representation) || etag?.startsWith('"') === true;
  if (!promises || contentEncoding !== undefined) return fields;
  const directives = fields.get("Cache-Control");
  if (/\bno-transform\b/i.test(directives ?? "")) return fields;
  // A client that may not store the file has nothing to resume. A partial response must still not be changed.
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

// Sent only if preconditions use it too: a 304 must not depend on a date that was never sent to a client.
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

/** Joins the generated fields and `extra`. `extra` wins, except for fields that frame the message. */
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
 * Selects the fields that tell a client how to treat its copy of the file. A 304 may update them (RFC 9111 §3.2): a renamed
 * file is then saved under its new name, and a file that is now shown inline gets its Content-Security-Policy.
 */
export function treatmentFields(fields: HeaderFields): HeaderFields {
  return without(fields, (name) => !treatment.has(name));
}

const cacheFields = new Set(["etag", "cache-control", "expires", "vary", "content-location"]);

// A 412 or 416 is about the request, not about the file: it has no validators, and no field that lets a cache store it.
function describesAnything(name: string): boolean {
  return describesContent(name) || cacheFields.has(name);
}
