import { isDownloadError } from "../errors.ts";
import { HeaderFields } from "../http/header-fields.ts";

/** Header fields one by one, of a list `[name, value, name, value, …]`. */
function pairs(raw: readonly string[]): [name: string, value: string][] {
  const fields: [string, string][] = [];
  for (let at = 0; at < raw.length; at += 2) fields.push([raw[at] ?? "", raw[at + 1] ?? ""]);
  return fields;
}

/** A copy that can be changed. */
export function copyOf(raw: readonly string[]): HeaderFields {
  return new HeaderFields(pairs(raw));
}

/** Adds what others vary on already: a cache must heed both. */
export function combineVary(fields: HeaderFields, others: string): void {
  const names = `${others}, ${fields.get("Vary") ?? ""}`.split(",").map((name) => name.trim());
  const distinct = new Map(names.filter(Boolean).map((name) => [name.toLowerCase(), name]));
  fields.set("Vary", distinct.has("*") ? "*" : [...distinct.values()].join(", "));
}

/** Whether a client may come back for the rest of these bytes, and count on it that they are the same. */
export function isResumable(status: number, fields: HeaderFields): boolean {
  return status === 206 || fields.get("Accept-Ranges") === "bytes";
}

/**
 * Keeps middleware from compressing what can be resumed: a range of a compressed body under the ETag of the plain one
 * ends up in the middle of the wrong file. `no-transform` (RFC 9111 §5.2.2.6) is the one sign that all of it heeds.
 */
export function forbidTransform(status: number, fields: HeaderFields): void {
  if (!isResumable(status, fields) || fields.has("Content-Encoding")) return;
  const directives = fields.get("Cache-Control");
  if (/\bno-transform\b/i.test(directives ?? "")) return;
  fields.set("Cache-Control", directives ? `${directives}, no-transform` : "no-transform");
}

/** Whether an error is for the framework's own 404, also when another copy of this package threw it. */
export function isNotFound(error: unknown): boolean {
  return isDownloadError(error) && error.status === 404;
}

/** Each field once, with its one value or its list of them. */
export function grouped(fields: HeaderFields): [name: string, value: string | string[]][] {
  const names = new Map(Array.from(fields, ([name]) => [name.toLowerCase(), name]));
  return Array.from(names.values(), (name) => {
    const values = fields.getAll(name);
    return [name, values.length === 1 ? (values[0] ?? "") : values];
  });
}
