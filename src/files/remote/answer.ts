import { FileChangedError, FileNotFoundError, UpstreamError, type DownloadError } from "../../errors.ts";
import { parseContentDisposition } from "../../http/content-disposition.ts";
import { parseReprDigest } from "../../http/digest.ts";
import { contentCoding, decodedCodings } from "../../http/encoding.ts";
import { formatHTTPDate, parseHTTPDate } from "../../http/date.ts";
import { normalizeEntityTag, opaqueTag, strongMatch } from "../../http/etag.ts";
import type { ByteRange, RangeSpec } from "../../http/range.ts";
import type { FileStat, OpenOptions } from "../download-file.ts";
import { knownSize } from "../known.ts";
import type { OpenEndedRange, RemoteAnswer } from "./open-remote-file.ts";
import { fromUtf8, type RemoteResponse } from "./redirects.ts";

/** A successful response to a GET. */
export interface UpstreamAnswer extends RemoteAnswer {
  readonly body: ReadableStream<Uint8Array> | null;
}

/** Reads a 200 or 206. Returns undefined for a response that cannot be used, such as a 416 or a 206 without Content-Range. */
export function readAnswer({ body, headers, status }: RemoteResponse): UpstreamAnswer | undefined {
  if (isWhole(status)) {
    const acceptsRanges = headers.get("accept-ranges")?.toLowerCase() === "bytes";
    return { stat: describeAnswer(headers), fields: headers, body, start: 0, acceptsRanges };
  }
  const range = parseContentRange(headers.get("content-range") ?? "");
  // A part of an encoded body is useless: fetch would try to decode it from its middle.
  if (status !== 206 || range === undefined || isDecodedByFetch(headers)) return undefined;
  const { start, end, size } = range;
  return { stat: describeRepresentation(headers, size), fields: headers, body, start, end, acceptsRanges: true };
}

/** The version of a file that the caller has. */
export type KnownVersion = Pick<OpenOptions, "ifNoneMatch" | "ifModifiedSince">;

/** Returns preconditions that a 304 answers if the file is the known version (RFC 9110 §13.1.2, §13.1.3). */
export function knownFields({ ifNoneMatch, ifModifiedSince }: KnownVersion): Record<string, string> {
  if (ifNoneMatch !== undefined) return { "If-None-Match": ifNoneMatch };
  return ifModifiedSince === undefined ? {} : { "If-Modified-Since": formatHTTPDate(ifModifiedSince) };
}

/** Reads a 304: the file is still the known version (RFC 9110 §15.4.5). */
export function notModifiedAnswer(
  { body, headers }: RemoteResponse,
  { ifNoneMatch, ifModifiedSince }: KnownVersion,
): UpstreamAnswer {
  const validator =
    ifNoneMatch === undefined ? ifModifiedSince && { lastModified: ifModifiedSince } : { etag: ifNoneMatch };
  const stat = { ...describeRepresentation(headers, undefined), ...validator };
  return { stat, fields: headers, body, start: 0, acceptsRanges: true, notModified: true };
}

/** Returns the file name in Content-Disposition, without folders, or undefined. */
export function announcedName(headers: Headers): string | undefined {
  const { filename = "" } = parseContentDisposition(fromUtf8(headers.get("content-disposition") ?? ""));
  return filename.split(/[/\\]/).at(-1)?.trim() || undefined;
}

/** 203 is a 200 that a proxy has changed (RFC 9110 §15.3.4). */
export function isWhole(status: number): boolean {
  return status === 200 || status === 203;
}

/** Reads the metadata of the file from the header section of a 200, to a GET or a HEAD. */
export function describeAnswer(headers: Headers): FileStat {
  const decoded = isDecodedByFetch(headers);
  return describeRepresentation(headers, decoded ? undefined : parseLength(headers.get("content-length")));
}

// If `fetch` decodes the body, the upstream's strong ETag and Content-Length no longer describe the bytes we send.
function describeRepresentation(headers: Headers, size: number | undefined): FileStat {
  const decoded = isDecodedByFetch(headers);
  const etag = parseEntityTag(headers.get("etag"), decoded);
  const lastModified = parseHTTPDate(headers.get("last-modified") ?? "");
  const contentType = headers.get("content-type");
  const contentEncoding = decoded ? undefined : contentCoding(headers.get("content-encoding"));
  const digests = decoded ? undefined : parseReprDigest(headers.get("repr-digest"));
  return {
    ...(size === undefined ? {} : { size }),
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { lastModified }),
    ...(contentType ? { contentType } : {}),
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
    ...(digests === undefined ? {} : { digests }),
  };
}

function isDecodedByFetch(headers: Headers): boolean {
  return decodedCodings(headers).length > 0;
}

function parseEntityTag(value: string | null, decoded: boolean): string | undefined {
  const etag = normalizeEntityTag(value);
  return etag !== undefined && decoded ? `W/${opaqueTag(etag)}` : etag;
}

/** Returns the announced size of the file in bytes, else that of the body, or undefined. */
export function announcedSize({ status, headers }: RemoteResponse): number | undefined {
  const range = status === 206 ? parseContentRange(headers.get("content-range") ?? "") : undefined;
  return range?.size ?? parseLength(headers.get("content-length"));
}

/** Returns the position in the file of the body's first byte. */
export function partStart({ status, headers }: RemoteResponse): number {
  return status === 206 ? (parseContentRange(headers.get("content-range") ?? "")?.start ?? 0) : 0;
}

function parseLength(value: string | null): number | undefined {
  return value === null ? undefined : knownSize(value);
}

/** Parses `bytes 0-99/1000` or `bytes 0-99/*` (RFC 9110 §14.4). Returns undefined for any other value. */
export function parseContentRange(value: string): (ByteRange & { size?: number }) | undefined {
  const [, start, end, size] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(value.trim()) ?? [];
  if (start === undefined || Number(end) < Number(start) || Number(end) >= Number(size === "*" ? Infinity : size)) {
    return undefined;
  }
  return { start: Number(start), end: Number(end), ...(size === "*" ? {} : { size: Number(size) }) };
}

export function rangeField(range: RangeSpec | OpenEndedRange): string {
  return "suffix" in range ? `bytes=-${range.suffix}` : `bytes=${range.start}-${range.end ?? ""}`;
}

/** Returns preconditions for a later request: the upstream responds 412 if the file has changed (RFC 9110 §13.1). */
export function sameVersionFields({ etag, lastModified }: FileStat): Record<string, string> {
  if (etag !== undefined && isProvable({ etag })) return { "If-Match": etag };
  return lastModified === undefined ? {} : { "If-Unmodified-Since": formatHTTPDate(lastModified) };
}

/**
 * Tells whether `stat` has a strong entity tag. Only that proves that two responses are of the same version, so that their
 * bytes may be joined (RFC 9110 §15.3.7.3).
 */
export function isProvable({ etag }: FileStat): boolean {
  return etag !== undefined && strongMatch(etag, etag);
}

/**
 * Checks that `answer` is of the version whose validators were sent to the client.
 *
 * @param joined whether bytes of an earlier response have been sent: then only an equal strong entity tag is a proof
 * @throws {FileChangedError} if the versions differ, or if the required proof is missing
 */
export function assertSameVersion(promised: FileStat, answer: FileStat, joined: boolean): void {
  if (differ(promised.size, answer.size)) throw new FileChangedError();
  if (joined || isProvable(promised)) {
    if (answer.etag === undefined || !strongMatch(promised.etag ?? "", answer.etag)) throw new FileChangedError();
    return;
  }
  const otherTag = differ(promised.etag && opaqueTag(promised.etag), answer.etag && opaqueTag(answer.etag));
  if (otherTag || differ(promised.lastModified?.getTime(), answer.lastModified?.getTime()))
    throw new FileChangedError();
}

function differ<T>(one: T | undefined, other: T | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other;
}

/** Maps an unsuccessful response to an error. The URL is in `cause` only, which no client sees. */
export function upstreamFailure({ status, headers }: RemoteResponse, url: string): DownloadError {
  const cause = new Error(`${url} answered ${status}`);
  if (status === 412) return new FileChangedError(undefined, { cause });
  // 401 and 403 are about the server's credentials, not the client's, and S3 responds 403 for a missing key.
  if ([401, 403, 404, 410].includes(status)) return new FileNotFoundError(undefined, { cause });
  if (status !== 429 && status !== 503) return new UpstreamError(502, undefined, { cause });
  const retryAfter = headers.get("retry-after");
  return new UpstreamError(503, undefined, {
    cause,
    ...(retryAfter ? { headers: { "Retry-After": retryAfter } } : {}),
  });
}
