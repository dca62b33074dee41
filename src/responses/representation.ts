import type { FileStat } from "../files/download-file.ts";
import { contentDisposition } from "../http/content-disposition.ts";
import { parseHttpDate } from "../http/date.ts";
import { reprDigest, wantedDigest } from "../http/digest.ts";
import type { DescribedRepresentation, ResponseHead } from "../http/head.ts";
import { HeaderFields } from "../http/header-fields.ts";
import { contentType, isActiveContent, mediaType } from "../http/media-type.ts";
import type { DownloadResponse } from "./download-response.ts";
import type { DownloadRequest } from "./handler.ts";

/** All that is said of a file on one page: what it is, and how to treat it. */
export interface DescribedResponse {
  readonly representation: DescribedRepresentation;
  /** The fields that say how to treat the file. */
  readonly fields: HeaderFields;
  /** The head of a 200, once somebody needed it. */
  whole?: ResponseHead;
  /** The head of a 206 with one part, of whichever part it was, likewise. */
  partial?: ResponseHead;
  /** The head of a 304, likewise. */
  notModified?: ResponseHead;
}

/**
 * What the file says of itself, with what the response says of it on top.
 *
 * A frozen stat is one that its file gives out again as long as nothing changes. What is derived from it and from
 * nothing but this response's own settings is derived once.
 */
export function describe(response: DownloadResponse, stat: FileStat, request: DownloadRequest): DescribedResponse {
  const known = derived.get(stat);
  if (known && hasSettings(response, known.settings)) return known.described;
  const described = derive(response, stat, request);
  // Which of several digests is sent depends on the request.
  if (Object.isFrozen(stat) && !stat.digests) derived.set(stat, { settings: settingsOf(response), described });
  return described;
}

interface Settings extends Pick<
  DownloadResponse,
  "attachment" | "basename" | "mimetype" | "charset" | "encoding" | "activeContent" | "headers"
> {
  readonly name: string;
}

const derived = new WeakMap<FileStat, { readonly settings: Settings; readonly described: DescribedResponse }>();

function settingsOf(response: DownloadResponse): Settings {
  const { attachment, basename, mimetype, charset, encoding, activeContent, file } = response;
  const headers = new HeaderFields(response.headers);
  return { attachment, basename, mimetype, charset, encoding, activeContent, headers, name: file.name };
}

function hasSettings(response: DownloadResponse, settings: Settings): boolean {
  return (
    response.attachment === settings.attachment &&
    response.basename === settings.basename &&
    response.mimetype === settings.mimetype &&
    response.charset === settings.charset &&
    response.encoding === settings.encoding &&
    response.activeContent === settings.activeContent &&
    response.file.name === settings.name &&
    response.headers.equals(settings.headers)
  );
}

function derive(response: DownloadResponse, stat: FileStat, request: DownloadRequest): DescribedResponse {
  const encoding = response.encoding ?? stat.contentEncoding;
  const representation = {
    ...stat,
    ...validatorsSet(response.headers),
    contentType: typeOf(response, stat),
    ...(encoding && encoding !== "identity" ? { contentEncoding: encoding } : {}),
    ...digestOf(stat, request),
  };
  return { representation, fields: presentationFields(response, representation.contentType) };
}

// An application that knows a better validator sets the header; preconditions then hold against what is sent.
function validatorsSet(headers: HeaderFields): { etag?: string; lastModified?: Date } {
  const etag = headers.get("ETag");
  const lastModified = parseHttpDate(headers.get("Last-Modified") ?? "");
  return { ...(etag === null ? {} : { etag }), ...(lastModified === undefined ? {} : { lastModified }) };
}

/** The digest that the client prefers of those that are known, or all of them (RFC 9530 §4). */
function digestOf({ digests }: FileStat, request: DownloadRequest): { reprDigest?: string } {
  if (!digests || Object.keys(digests).length === 0) return {};
  const wanted = wantedDigest(request.headers.get("Want-Repr-Digest"), Object.keys(digests));
  const chosen = wanted === undefined ? undefined : digests[wanted];
  return { reprDigest: reprDigest(wanted !== undefined && chosen ? { [wanted]: chosen } : digests) };
}

function typeOf(response: DownloadResponse, stat: FileStat): string {
  const set = response.headers.get("Content-Type");
  if (set !== null) return set;
  if (response.mimetype !== undefined) return contentType(response.mimetype, response.charset);
  if (stat.contentType !== undefined) return contentType(stat.contentType, response.charset ?? false);
  return contentType(guessedType(response), response.charset);
}

const unknownType = "application/octet-stream";

function guessedType(response: DownloadResponse): string {
  const byClientName = mediaType(response.getBasename());
  return byClientName === unknownType ? mediaType(response.file.name) : byClientName;
}

/** The fields that say how to treat the file: those that the application set, and ours where it set none. */
function presentationFields(response: DownloadResponse, type: string): HeaderFields {
  const fields = new HeaderFields(response.headers);
  const setDefault = (name: string, value: string): void => void (fields.has(name) || fields.set(name, value));
  const active = !response.attachment && isActiveContent(type);
  const attached = response.attachment || (active && response.activeContent === "attachment");
  setDefault("Content-Disposition", contentDisposition(attached ? "attachment" : "inline", response.getBasename()));
  setDefault("X-Content-Type-Options", "nosniff");
  if (active && response.activeContent === "sandbox") setDefault("Content-Security-Policy", sandbox);
  return fields;
}

// Nothing is fetched and no script runs, and the document has an origin of its own, so that it reads no cookie of ours.
const sandbox = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
