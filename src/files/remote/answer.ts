import { FileChangedError, FileNotFoundError, UpstreamError, type DownloadError } from "../../errors.ts";
import { parseContentDisposition } from "../../http/content-disposition.ts";
import { parseReprDigest } from "../../http/digest.ts";
import { formatHTTPDate, parseHTTPDate } from "../../http/date.ts";
import { normalizeEntityTag, opaqueTag, strongMatch } from "../../http/etag.ts";
import type { ByteRange, RangeSpec } from "../../http/range.ts";
import type { FileStat } from "../download-file.ts";
import { knownSize } from "../known.ts";
import type { OpenEndedRange, RemoteAnswer } from "./open-remote-file.ts";
import { fromUtf8, type RemoteResponse } from "./redirects.ts";

/** A successful answer to a GET. */
export interface UpstreamAnswer extends RemoteAnswer {
  readonly body: ReadableStream<Uint8Array> | null;
}

/** What a GET's 200 or 206 says; undefined if it is an answer to a range that cannot be used, such as a 416. */
export function readAnswer({ body, headers, status }: RemoteResponse): UpstreamAnswer | undefined {
  if (isWhole(status)) {
    const acceptsRanges = headers.get("accept-ranges")?.toLowerCase() === "bytes";
    return { stat: describeAnswer(headers), fields: headers, body, start: 0, acceptsRanges };
  }
  const range = parseContentRange(headers.get("content-range") ?? "");
  // A part of a coded stream is of no use: fetch would try to decode it from its middle.
  if (status !== 206 || range === undefined || isDecodedByFetch(headers)) return undefined;
  const { start, end, size } = range;
  return { stat: describeRepresentation(headers, size), fields: headers, body, start, end, acceptsRanges: true };
}

/** What a 304 says: the file still has the one tag that was sent (RFC 9110 §15.4.5). */
export function notModifiedAnswer({ body, headers }: RemoteResponse, etag: string): UpstreamAnswer {
  const stat = { ...describeRepresentation(headers, undefined), etag };
  return { stat, fields: headers, body, start: 0, acceptsRanges: true, notModified: true };
}

/** The file name in the Content-Disposition of an answer, without folders. Undefined if it has none. */
export function announcedName(headers: Headers): string | undefined {
  const { filename = "" } = parseContentDisposition(fromUtf8(headers.get("content-disposition") ?? ""));
  return filename.split(/[/\\]/).at(-1)?.trim() || undefined;
}

/** 203 is a 200 that a proxy has changed (RFC 9110 §15.3.4). */
export function isWhole(status: number): boolean {
  return status === 200 || status === 203;
}

/** What a 200 says of the file, also one to a HEAD. */
export function describeAnswer(headers: Headers): FileStat {
  const decoded = isDecodedByFetch(headers);
  return describeRepresentation(headers, decoded ? undefined : parseLength(headers.get("content-length")));
}

// Where fetch takes a coding off, a strong validator is not that of the bytes that it gives, nor is the length theirs.
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

/** The coding that a `Content-Encoding` field says the bytes are in. */
export function contentCoding(field: string | null | undefined): string | undefined {
  const coding = field?.trim().toLowerCase();
  // What S3 clients leave behind on objects that they uploaded in signed chunks: no coding of the content.
  return coding && coding !== "identity" && coding !== "aws-chunked" ? coding : undefined;
}

const knownCodings = new Set(["gzip", "x-gzip", "deflate", "br"]);

/** The codings that fetch takes off, in the order in which they were put on. All or none of them. */
export function decodedCodings(headers: Headers): readonly string[] {
  const codings =
    contentCoding(headers.get("content-encoding"))
      ?.split(",")
      .map((coding) => coding.trim()) ?? [];
  return codings.every((coding) => knownCodings.has(coding)) ? codings : [];
}

function isDecodedByFetch(headers: Headers): boolean {
  return decodedCodings(headers).length > 0;
}

function parseEntityTag(value: string | null, decoded: boolean): string | undefined {
  const etag = normalizeEntityTag(value);
  return etag !== undefined && decoded ? `W/${opaqueTag(etag)}` : etag;
}

/** How long an answer says that the file is, or that its body is, where it does not say that of the file. */
export function announcedSize({ status, headers }: RemoteResponse): number | undefined {
  const range = status === 206 ? parseContentRange(headers.get("content-range") ?? "") : undefined;
  return range?.size ?? parseLength(headers.get("content-length"));
}

/** Where in the file the body of an answer begins. */
export function partStart({ status, headers }: RemoteResponse): number {
  return status === 206 ? (parseContentRange(headers.get("content-range") ?? "")?.start ?? 0) : 0;
}

function parseLength(value: string | null): number | undefined {
  return value === null ? undefined : knownSize(value);
}

/** Reads `bytes 0-99/1000` or `bytes 0-99/*` (RFC 9110 §14.4). */
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

/** Conditions on which an upstream that honours them answers 412 once the file is another one (RFC 9110 §13.1). */
export function sameVersionFields({ etag, lastModified }: FileStat): Record<string, string> {
  if (etag !== undefined && isProvable({ etag })) return { "If-Match": etag };
  return lastModified === undefined ? {} : { "If-Unmodified-Since": formatHTTPDate(lastModified) };
}

/**
 * Whether `stat` has a validator that proves two answers to be of one version of the file: a strong entity tag. Parts of a
 * file may be joined on no other ground (RFC 9110 §15.3.7.3).
 */
export function isProvable({ etag }: FileStat): boolean {
  return etag !== undefined && strongMatch(etag, etag);
}

/**
 * Checks that `answer` is of the version that was promised to the client.
 *
 * @param joined whether bytes of another answer have been sent before: then only the same strong entity tag is proof
 * @throws {FileChangedError} if it is of another version, or if there is no proof where one is needed
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

/** What an answer that is no success is to the client. Where the URL is of use, in `cause`, no client sees it. */
export function upstreamFailure({ status, headers }: RemoteResponse, url: string): DownloadError {
  const cause = new Error(`${url} answered ${status}`);
  if (status === 412) return new FileChangedError(undefined, { cause });
  // 401 and 403 too: our credentials are not the client's business, and S3 says 403 for a missing key.
  if ([401, 403, 404, 410].includes(status)) return new FileNotFoundError(undefined, { cause });
  if (status !== 429 && status !== 503) return new UpstreamError(502, undefined, { cause });
  const retryAfter = headers.get("retry-after");
  return new UpstreamError(503, undefined, {
    cause,
    ...(retryAfter ? { headers: { "Retry-After": retryAfter } } : {}),
  });
}
