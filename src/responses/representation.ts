import { type FileStat, checkedStat } from "../files/download-file.ts";
import { contentDisposition, shortenFilename } from "../http/content-disposition.ts";
import { formatHTTPDate, parseHTTPDate } from "../http/date.ts";
import { decide, modifiedSince, type Decision } from "../http/decide.ts";
import { isRefusedDigest, reprDigest, wantedDigest } from "../http/digest.ts";
import { isContentEncoding } from "../http/encoding.ts";
import { sendableEntityTag } from "../http/etag.ts";
import { responseHead, treatmentFields, type DescribedRepresentation, type ResponseHead } from "../http/head.ts";
import { HeaderFields } from "../http/header-fields.ts";
import { contentType, isActiveContent, isMediaType, mediaType } from "../http/media-type.ts";
import {
  contentRange,
  multipartBoundary,
  multipartByteRanges,
  rangeLength,
  type ByteRange,
  type MultipartByteRanges,
} from "../http/range.ts";
import type { DownloadResponse } from "./download-response.ts";
import type { DownloadRequest } from "./handler.ts";
import { haveSameHead, headSettings, type HeadSettings } from "./presentation.ts";
import { decidesItself, wasModifiedSince } from "./was-modified-since.ts";

/** Everything that responses to requests for one file have in common: what the file is, and how to treat it. */
interface DescribedResponse {
  readonly representation: DescribedRepresentation;
  /** The fields that say how to treat the file. */
  readonly fields: HeaderFields;
  /** Those of them that are only defaults. */
  readonly yields: readonly string[] | undefined;
  /** The head of a 200, once it was needed. */
  whole?: ResponseHead;
  /** What the heads of all 206 with one part have in common, once it was needed. */
  partial?: ResponseHead;
  /** The head of a 304, once it was needed. */
  notModified?: ResponseHead;
}

/** What a head depends on, beside the description of the file. */
interface HeadKey {
  readonly name: string;
  readonly settings: HeadSettings;
}

/**
 * The heads that were derived last, one for each description. A description is the first part of the key by its identity:
 * a file that returns the very same one (`LocalFile`, until the file changes) freezes it. {@link HeadKey} is the second part.
 */
const heads = new WeakMap<FileStat, { readonly key: HeadKey; readonly described: DescribedResponse }>();

/** Joins what the file says of itself and what the response says of it. The response wins. */
function describe(response: DownloadResponse, stat: FileStat, request: DownloadRequest): DescribedResponse {
  // Such a request decides which of the digests it gets, and may refuse the only one.
  const asksForDigest = stat.digests !== undefined && request.headers.get("Want-Repr-Digest") !== null;
  const known = asksForDigest ? undefined : heads.get(stat);
  if (known && known.key.name === response.file.name && haveSameHead(response, known.key.settings)) {
    return known.described;
  }
  const described = derive(response, stat, request);
  if (!asksForDigest && isReusable(stat, described)) {
    heads.set(stat, { key: { name: response.file.name, settings: headSettings(response) }, described });
  }
  return described;
}

/** Whether a head is right for other requests as well, as long as the file returns the same description. */
function isReusable(stat: FileStat, { representation }: DescribedResponse): boolean {
  // Without a validator, a response that decides itself what changed has the time of the request.
  if (!Object.isFrozen(stat) || !(representation.etag || representation.lastModified)) return false;
  // A date in the future is sent as the time of the response.
  return stat.lastModified?.getTime() === representation.lastModified?.getTime();
}

/** What a request gets, as far as the description of the file tells. */
export interface Answer {
  readonly decision: Decision;
  readonly representation: DescribedRepresentation;
  readonly head: ResponseHead;
  readonly multipart?: MultipartByteRanges;
}

/** Decides a request by the description of the file: an answer, or the response that the view's `notModifiedResponse` made. */
export async function answerTo(
  response: DownloadResponse,
  request: DownloadRequest,
  stat: FileStat,
): Promise<Answer | Response> {
  const described = describe(response, stat, request);
  const { representation, fields, yields } = described;
  // RFC 9110 §13.2.1: preconditions and ranges are ignored where the answer without them would not be a success.
  const isConditional = response.status === 200;
  const since = isConditional ? modifiedSince(request) : undefined;
  const options = since && { modified: await isModified(response, since, representation) };
  const decision: Decision = isConditional ? decide(request, representation, options) : { kind: "full" };
  switch (decision.kind) {
    case "full": {
      const head = (described.whole ??= { ...responseHead(decision, representation, fields), yields });
      const { status } = response;
      return { decision, representation, head: status === head.status ? head : { ...head, status } };
    }
    case "partial":
      return { decision, representation, head: partialHead(described, decision) };
    case "notModified": {
      const { status, fields: memo } = (described.notModified ??= notModifiedHead(described, decision));
      // A copy: the view may change the fields, which are derived only once.
      const own = new HeaderFields(memo);
      const custom = await response.hooks.notModifiedResponse?.(own);
      return custom ?? { decision, representation, head: { status, fields: own, yields } };
    }
    case "multipart": {
      const { size = 0, contentType } = representation;
      const boundary = multipartBoundary();
      const multipart = multipartByteRanges(decision.ranges, { size, contentType, boundary });
      const head = { ...responseHead(decision, representation, fields, multipart), yields };
      return { decision, representation, head, multipart };
    }
    default:
      return { decision, representation, head: { ...responseHead(decision, representation, fields), yields } };
  }
}

function isModified(
  { hooks, file }: DownloadResponse,
  since: Date,
  representation: DescribedRepresentation,
): boolean | Promise<boolean> {
  if (hooks.wasModifiedSince) return hooks.wasModifiedSince(file, since, representation);
  return wasModifiedSince(file, since, representation);
}

function notModifiedHead({ representation, fields }: DescribedResponse, decision: Decision): ResponseHead {
  const head = responseHead(decision, representation, fields);
  for (const [name, value] of treatmentFields(fields)) head.fields.set(name, value);
  return head;
}

/** A part's own fields are added to those that all parts of a file have in common. */
function partialHead(described: DescribedResponse, { range }: Extract<Decision, { kind: "partial" }>): ResponseHead {
  const { representation, yields } = described;
  described.partial ??= commonToParts(described, range);
  const { status, fields } = described.partial;
  const own = new HeaderFields(fields)
    .append("Content-Length", String(rangeLength(range)))
    .append("Content-Range", contentRange(range, representation.size ?? 0));
  return { status, fields: own, yields };
}

function commonToParts({ representation, fields }: DescribedResponse, range: ByteRange): ResponseHead {
  const head = responseHead({ kind: "partial", range }, representation, fields);
  head.fields.delete("Content-Length");
  head.fields.delete("Content-Range");
  return head;
}

/**
 * Prepares what files and applications say of a representation to be sent. Invalid numbers and dates are an error. A text that
 * cannot be sent (an invalid media type, a coding that is not a token, an entity tag with a space in it) is ignored: it came
 * from an upload, a column or another server, and the file can be sent without it.
 */
function derive(response: DownloadResponse, given: FileStat, request: DownloadRequest): DescribedResponse {
  const stat = checkedStat(given, response.file);
  const representation: DescribedRepresentation = {
    ...stat,
    ...validatorsOf(response.headers, stat),
    contentType: typeOf(response, stat),
    contentEncoding: codingOf(response, stat),
    ...digestOf(stat, request),
  };
  const fields = presentationFields(response, representation.contentType);
  if (stat.vary !== undefined) fields.append("Vary", stat.vary);
  const isDated = decidesItself(response) && !representation.etag && !representation.lastModified;
  // Without a validator, a client could not revalidate its copy. A hook can compare with the time of this response. It is not
  // a time of the representation: preconditions and If-Range must not match it.
  if (isDated) fields.set("Last-Modified", formatHTTPDate(new Date()));
  return { representation, fields, yields: response.headers.defaults };
}

/** Fields that the application sets replace the validators of the file. Preconditions are evaluated on what is sent. */
function validatorsOf(headers: HeaderFields, stat: FileStat): { etag: string | undefined; lastModified?: Date } {
  const etag = headers.get("ETag") ?? stat.etag;
  const lastModified = parseHTTPDate(headers.get("Last-Modified") ?? "") ?? stat.lastModified;
  return {
    etag: typeof etag === "string" ? sendableEntityTag(etag) : undefined,
    ...(lastModified === undefined ? {} : { lastModified: notAfter(lastModified, new Date()) }),
  };
}

// A server must not send a date that is later than that of the response (RFC 9110 §8.8.2.1).
function notAfter(date: Date, now: Date): Date {
  return date > now ? now : date;
}

/** Returns the content coding. Undefined for `identity`, and for a text that is not a coding. */
export function codingOf(response: DownloadResponse, stat: FileStat): string | undefined {
  const coding = [response.contentEncoding, stat.contentEncoding].find(
    (known) => known !== undefined && isContentEncoding(known),
  );
  return coding === "identity" ? undefined : coding;
}

/** Selects the known digest that the client prefers, or all that it does not refuse (RFC 9530 §4). */
function digestOf({ digests }: FileStat, request: DownloadRequest): { reprDigest?: string } {
  if (!digests || Object.keys(digests).length === 0) return {};
  const preferences = request.headers.get("Want-Repr-Digest");
  const wanted = wantedDigest(preferences, Object.keys(digests));
  const sent = Object.entries(digests).filter(([algorithm]) =>
    wanted === undefined ? !isRefusedDigest(preferences, algorithm) : algorithm === wanted,
  );
  return sent.length > 0 ? { reprDigest: reprDigest(Object.fromEntries(sent)) } : {};
}

/** Returns `Content-Type`, with its parameters. */
export function typeOf(response: DownloadResponse, stat: FileStat): string {
  const set = response.headers.get("Content-Type");
  if (set !== null && isMediaType(set)) return set;
  const { contentType: declared, charset } = response;
  if (declared !== undefined && isMediaType(declared)) return contentType(declared, charset);
  if (stat.contentType !== undefined && isMediaType(stat.contentType)) {
    return contentType(stat.contentType, charset ?? false);
  }
  return contentType(guessedType(response), charset);
}

const unknownType = "application/octet-stream";

function guessedType(response: DownloadResponse): string {
  const byClientName = mediaType(response.getFilename());
  return byClientName === unknownType ? mediaType(response.file.name) : byClientName;
}

/** Fields that an application may set, and that are sent as part of the representation. */
const representationFields = ["Content-Type", "ETag", "Last-Modified"];

/** The fields that say how to treat the file: those that the application has set, and the defaults of all others. */
function presentationFields(response: DownloadResponse, type: string): HeaderFields {
  const fields = new HeaderFields(response.headers);
  for (const name of representationFields) fields.delete(name);
  const setDefault = (name: string, value: string): void => void (fields.has(name) || fields.set(name, value));
  const disposition = dispositionOf(response, type);
  setDefault("Content-Disposition", disposition);
  setDefault("X-Content-Type-Options", "nosniff");
  // Decided by the field that is sent: the application may have set it.
  const isShown = !/^\s*attachment\b/i.test(disposition);
  if (isShown && isActiveContent(type) && response.activeContent !== "allow") {
    setDefault("Content-Security-Policy", sandbox);
  }
  return fields;
}

/** `Content-Disposition` for a file of this type. */
export function dispositionOf(response: DownloadResponse, type: string): string {
  const set = response.headers.get("Content-Disposition");
  if (set !== null) return set;
  const disposition = isInline(response, type) ? "inline" : "attachment";
  return contentDisposition(disposition, shortenFilename(response.getFilename()));
}

// JavaScript may set any value: only `false` shows a file, and only "allow" lets it run.
function isInline({ attachment, inlineTypes, activeContent }: DownloadResponse, type: string): boolean {
  const mayShow: unknown = attachment;
  if (mayShow !== false || !mayBeInline(type, inlineTypes)) return false;
  return activeContent !== "attachment" || !isActiveContent(type);
}

/** Whether a file of this type may be shown. Parameters of the type don't count. */
function mayBeInline(type: string, inlineTypes: readonly string[] | undefined): boolean {
  if (inlineTypes === undefined) return true;
  const essence = type.split(";", 1).join("").trim().toLowerCase();
  const [family] = essence.split("/", 1);
  return inlineTypes.some((pattern) => {
    const allowed = pattern.toLowerCase();
    return allowed === essence || allowed === `${family}/*` || allowed === "*/*";
  });
}

// The document loads nothing and runs no script. It has an opaque origin, so it cannot read the site's cookies.
const sandbox = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
