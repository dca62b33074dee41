import type { FileStat, OpenFile, OpenOptions } from "../files/download-file.ts";
import { parseHTTPDate } from "../http/date.ts";
import type { UpstreamLifetime } from "./record.ts";

/** The header fields of an upstream's answer. */
export interface UpstreamFields {
  get(name: string): string | null;
}

/**
 * How long a shared cache may keep an answer, by RFC 9111.
 *
 * @param validators by which the upstream can be asked whether the answer still holds
 * @returns undefined if it must not be kept: `no-store`, `private`, or an answer that varies
 */
export function upstreamLifetime(
  fields: UpstreamFields,
  validators: Pick<FileStat, "etag" | "lastModified">,
  now: number,
): UpstreamLifetime | undefined {
  const directives = directivesOf(fields);
  if (directives.has("no-store") || directives.has("private") || varies(fields.get("vary"))) return undefined;
  const noCache = directives.has("no-cache");
  const freshFor = noCache ? 0 : explicitLifetime(directives, fields, now);
  return {
    freshFor,
    age: ageOf(fields, now),
    mustRevalidate: noCache || forbidsStale(directives),
    ...validatorOf(validators, fields, now),
  };
}

/** §5.2.2.10: `s-maxage` forbids stale answers too, unless the upstream itself allows them (RFC 5861). */
function forbidsStale(directives: ReadonlyMap<string, string>): boolean {
  if (directives.has("must-revalidate") || directives.has("proxy-revalidate")) return true;
  const allows = directives.has("stale-while-revalidate") || directives.has("stale-if-error");
  return directives.has("s-maxage") && !allows;
}

/** §5.4: `Pragma: no-cache` counts if there is no Cache-Control. */
function directivesOf(fields: UpstreamFields): ReadonlyMap<string, string> {
  const value = fields.get("cache-control") ?? fields.get("pragma") ?? "";
  return parseDirectives(value);
}

/** A date tells two versions apart only if it is a second older than the answer (RFC 9110 §8.8.2.2). */
function validatorOf(
  { etag, lastModified }: Pick<FileStat, "etag" | "lastModified">,
  fields: UpstreamFields,
  now: number,
): Pick<UpstreamLifetime, "etag" | "lastModified"> {
  if (etag !== undefined) return { etag };
  const date = parseHTTPDate(fields.get("date") ?? "")?.getTime() ?? now;
  return lastModified && lastModified.getTime() <= date - 1000 ? { lastModified: lastModified.getTime() } : {};
}

/** What to ask the upstream with whether the answer still holds. */
export function knownVersion(
  lifetime: UpstreamLifetime | undefined,
): Pick<OpenOptions, "ifNoneMatch" | "ifModifiedSince"> {
  if (lifetime?.etag !== undefined) return { ifNoneMatch: lifetime.etag };
  return lifetime?.lastModified === undefined ? {} : { ifModifiedSince: new Date(lifetime.lastModified) };
}

/** What the upstream of a remote file said. Undefined for a file that did not come by HTTP, `refused` if it must not be kept. */
export function lifetimeOf({ fields, stat, isAuthorized = false }: OpenFile): UpstreamLifetime | "refused" | undefined {
  if (!fields) return undefined;
  if (isAuthorized && !allowsAuthorized(fields)) return "refused";
  return upstreamLifetime(fields, stat, Date.now()) ?? "refused";
}

/** §3.5: whether a shared cache may keep the answer to a request with credentials, for others as well. */
export function allowsAuthorized(fields: UpstreamFields): boolean {
  const directives = directivesOf(fields);
  return ["public", "s-maxage", "must-revalidate"].some((name) => directives.has(name));
}

/** A 304 need not repeat the fields that have not changed (RFC 9110 §15.4.5). */
export function renewedLifetime(before: UpstreamLifetime, now: UpstreamLifetime): UpstreamLifetime {
  const isSilent = now.freshFor === undefined && !now.mustRevalidate;
  const { etag, lastModified } = before;
  return isSilent ? { ...before, age: now.age } : { ...now, etag, lastModified };
}

/** We always ask for the identity coding: an answer that varies by it alone is the same one each time. */
function varies(vary: string | null): boolean {
  const names = (vary ?? "").split(",").map((name) => name.trim().toLowerCase());
  return names.some((name) => name !== "" && name !== "accept-encoding");
}

/** RFC 9111 §4.2.1, for a shared cache: `s-maxage`, then `max-age`, then `Expires`. */
function explicitLifetime(
  directives: ReadonlyMap<string, string>,
  fields: UpstreamFields,
  now: number,
): number | undefined {
  for (const name of ["s-maxage", "max-age"]) {
    const value = directives.get(name);
    // A value that is malformed is stale (§4.2.1).
    if (value !== undefined) return /^\d+$/.test(value) ? Math.min(Number(value), 2 ** 31) : 0;
  }
  const expires = fields.get("expires");
  if (expires === null) return undefined;
  const date = parseHTTPDate(fields.get("date") ?? "")?.getTime() ?? now;
  return Math.max(0, ((parseHTTPDate(expires)?.getTime() ?? 0) - date) / 1000);
}

/** RFC 9111 §4.2.3, in seconds: what caches on the way say, and what the clocks say. */
function ageOf(fields: UpstreamFields, now: number): number {
  // Of several values the first counts (§5.1).
  const said = /^\s*(\d+)\s*(?:,|$)/.exec(fields.get("age") ?? "")?.[1];
  const date = parseHTTPDate(fields.get("date") ?? "")?.getTime() ?? now;
  return Math.max(0, (now - date) / 1000, Number(said ?? 0));
}

/** Of a directive that is there twice with different values, the stricter one counts: the smaller number. */
function parseDirectives(value: string): ReadonlyMap<string, string> {
  const directives = new Map<string, string>();
  for (const member of value.match(/(?:[^,"]|"(?:\\.|[^"\\])*"?)+/g) ?? []) {
    const [, name = "", argument = ""] = /^\s*([^\s=]+)\s*(?:=\s*"?([^"]*)"?)?\s*$/.exec(member) ?? [];
    const key = name.toLowerCase();
    const known = directives.get(key);
    if (key !== "" && (known === undefined || Number(argument) < Number(known))) directives.set(key, argument.trim());
  }
  return directives;
}
