import { isDownloadError } from "../errors.ts";
import { fieldsFromRaw, HeaderFields } from "../http/header-fields.ts";
import type { RenderedResponse } from "../responses/rendered-response.ts";

/** The fields that middleware or the framework set before the download. */
export interface PresentFields {
  /** In any spelling. */
  readonly names: Iterable<string>;
  get(name: string): string | null | undefined;
}

export interface MergedFields {
  /** The fields to set. Each replaces a present one of its name; `Set-Cookie` is added to the present ones. */
  readonly fields: HeaderFields;
  /** Names of present fields to remove, in the spelling they have there. */
  readonly dropped: readonly string[];
}

export interface MergeOptions {
  /** Whether compressing middleware is known to come after the download. */
  readonly compresses?: boolean;
}

/**
 * Decides which field is sent if middleware and a download both set it. The rule is the same in every framework:
 *
 * - A field that a download needs wins: its type, name, framing, coding, validators, and the policy that keeps an inline
 *   file from running. If the download has no such field, a present one does not describe it and is removed.
 * - Our defaults yield: a present `Cache-Control` stays unless the application chose one for this download.
 * - All others are added: `Set-Cookie` and `Vary` to the present values; any other field replaces a present one.
 *
 * A response without the file carries nothing that describes one (304), or that lets a cache store it (400 and above).
 */
export function mergeFields(
  { status, headers, yields = [] }: Pick<RenderedResponse, "status" | "headers" | "yields">,
  present: PresentFields,
  { compresses = false }: MergeOptions = {},
): MergedFields {
  const fields = fieldsFromRaw(headers);
  for (const name of yields) yieldTo(present.get(name), name, fields, status);
  if (compresses) forbidTransform(status, fields);
  const vary = present.get("Vary");
  if (vary) combineVary(fields, vary);
  const dropped: string[] = [];
  for (const name of present.names) {
    const key = name.toLowerCase();
    if (mustGo(key, status, present) && !fields.has(key)) dropped.push(name);
  }
  return { fields, dropped };
}

/** All the fields of a response in one list, for frameworks that take a whole response. */
export function mergedWhole({ fields, dropped }: MergedFields, present: Iterable<[string, string]>): HeaderFields {
  const whole = new HeaderFields(fields);
  for (const [name, value] of present) {
    const isCookie = name.toLowerCase() === "set-cookie";
    if (isCookie || !(fields.has(name) || dropped.includes(name))) whole.append(name, value);
  }
  return whole;
}

function yieldTo(value: string | null | undefined, name: string, fields: HeaderFields, status: number): void {
  if (!value || !fields.has(name)) return;
  // A cache must not keep a redirect, because its URL gives access to the file, nor an error, because errors end.
  const isCacheable = status < 300 || status === 304;
  if (!isCacheable && !noStore.test(value)) return;
  const isResumed = noTransform.test(fields.get(name) ?? "") && !noTransform.test(value) && !noStore.test(value);
  fields.set(name, isResumed ? `${value}, no-transform` : value);
  if (status === 206) forbidTransform(status, fields);
}

/**
 * Keeps middleware from compressing what can be resumed: a range of a compressed body under the ETag of the plain one
 * ends up in the middle of the wrong file. A response under `no-store` is not marked, since no client can resume it.
 */
function forbidTransform(status: number, fields: HeaderFields): void {
  if (!isResumable(status, fields) || fields.has("Content-Encoding")) return;
  const directives = fields.get("Cache-Control");
  if (noTransform.test(directives ?? "")) return;
  fields.set("Cache-Control", directives ? `${directives}, no-transform` : "no-transform");
}

const noTransform = /\bno-transform\b/i;
const noStore = /\bno-store\b/i;

/** Fields that only the download itself can know. */
const ofDownload = new Set([
  "accept-ranges",
  "content-digest",
  "content-disposition",
  "content-encoding",
  "content-length",
  "content-md5",
  "content-range",
  "content-type",
  "digest",
  "etag",
  "last-modified",
  "repr-digest",
  "transfer-encoding",
]);

const keepsInCache = new Set(["content-location", "expires", "surrogate-control", "cdn-cache-control"]);

/** Lower-case names of the present fields that a merge looks at, beside those of defaults: all others just stay. */
export const mergedNames: ReadonlySet<string> = new Set([
  ...ofDownload,
  ...keepsInCache,
  "cache-control",
  "content-language",
  "vary",
]);

function mustGo(name: string, status: number, present: PresentFields): boolean {
  if (ofDownload.has(name)) return true;
  const isRefusal = status >= 400;
  if (name === "content-language") return status === 304 || isRefusal;
  if (!isRefusal) return false;
  return keepsInCache.has(name) || (name === "cache-control" && !noStore.test(present.get(name) ?? ""));
}

/** The names of present fields that a response to an error must not carry: they describe a file, or let a cache store it. */
export function fieldsOfFile(present: PresentFields): string[] {
  return [...present.names].filter((name) => mustGo(name.toLowerCase(), 500, present));
}

/** A cache must vary on both. */
function combineVary(fields: HeaderFields, others: string): void {
  const names = `${others}, ${fields.get("Vary") ?? ""}`.split(",").map((name) => name.trim());
  const distinct = new Map(names.filter(Boolean).map((name) => [name.toLowerCase(), name]));
  fields.set("Vary", distinct.has("*") ? "*" : [...distinct.values()].join(", "));
}

/** Whether a client may request the rest of these bytes later and join them. */
export function isResumable(status: number, fields: HeaderFields): boolean {
  return status === 206 || fields.get("Accept-Ranges") === "bytes";
}

/** The fields that a web `Headers` has. */
export function presentIn(headers: Headers): PresentFields & { readonly names: readonly string[] } {
  return { names: [...headers.keys()], get: (name) => headers.get(name) };
}

/** A field's value as Node keeps it. */
export type NodeFieldValue = number | string | readonly string[] | undefined;

/** Where a framework on Node keeps the header fields of a response: Node's own response, or Fastify's reply. */
export interface HeadTarget {
  /** Node's name for it; Fastify's is `sent`. */
  readonly headersSent?: boolean;
  readonly sent?: boolean;
  getHeaders(): object;
  getHeader(name: string): NodeFieldValue;
  removeHeader(name: string): unknown;
}

/** Returns the fields to set beside those in `target`, and removes from there what must not be sent. */
export function mergeInto(target: HeadTarget, rendered: RenderedResponse): HeaderFields {
  // Middleware that replaced `write` may compress what it gets.
  const merged = mergeFields(rendered, presentFor(target), { compresses: Object.hasOwn(target, "write") });
  for (const name of merged.dropped) target.removeHeader(name);
  return merged.fields;
}

/** Removes what middleware has set about the file, before an error handler responds instead of the download. */
export function removeFileFields(target: HeadTarget): void {
  if (target.headersSent ?? target.sent) return;
  for (const name of fieldsOfFile(presentFor(target))) target.removeHeader(name);
}

function presentFor(target: HeadTarget): PresentFields {
  return presentOn(Object.keys(target.getHeaders()), (name) => target.getHeader(name));
}

/** The fields of Node's response, or of a framework's response on top of it. */
export function presentOn(names: readonly string[], valueOf: (name: string) => NodeFieldValue): PresentFields {
  return {
    names,
    get: (name) => {
      const value = valueOf(name);
      return value === undefined ? undefined : Array.isArray(value) ? value.join(", ") : String(value);
    },
  };
}

/** Each field once, with its one value or its list of them. */
export function grouped(fields: HeaderFields): [name: string, value: string | string[]][] {
  const names = new Map(Array.from(fields, ([name]) => [name.toLowerCase(), name]));
  return Array.from(names.values(), (name) => {
    const values = fields.getAll(name);
    return [name, values.length === 1 ? (values[0] ?? "") : values];
  });
}

/** Whether the framework's own 404 answers an error. True also if another copy of this package threw it. */
export function isNotFound(error: unknown): boolean {
  return isDownloadError(error) && error.status === 404;
}
