import type { OpenFile } from "../files/download-file.ts";
import { parseHTTPDate } from "../http/date.ts";
import type { UpstreamLifetime } from "./record.ts";

/** The header fields of an upstream's answer. */
export interface UpstreamFields {
  get(name: string): string | null;
}

/**
 * How long a shared cache may keep an answer, by RFC 9111.
 *
 * @param etag the entity tag by which the upstream can be asked whether the answer still holds
 * @returns undefined if it must not be kept: `no-store`, `private`, or an answer that varies
 */
export function upstreamLifetime(
  fields: UpstreamFields,
  etag: string | undefined,
  now: number,
): UpstreamLifetime | undefined {
  const directives = parseDirectives(fields.get("cache-control") ?? "");
  if (directives.has("no-store") || directives.has("private") || varies(fields.get("vary"))) return undefined;
  const noCache = directives.has("no-cache");
  const mustRevalidate = noCache || directives.has("must-revalidate") || directives.has("proxy-revalidate");
  const freshFor = noCache ? 0 : explicitLifetime(directives, fields, now);
  return { freshFor, age: ageOf(fields, now), mustRevalidate, etag };
}

/** What the upstream of a remote file said. Undefined for a file that did not come by HTTP, `refused` if it must not be kept. */
export function lifetimeOf({ fields, stat }: OpenFile): UpstreamLifetime | "refused" | undefined {
  return fields && (upstreamLifetime(fields, stat.etag, Date.now()) ?? "refused");
}

/** A 304 need not repeat the fields that have not changed (RFC 9110 §15.4.5). */
export function renewedLifetime(before: UpstreamLifetime, now: UpstreamLifetime): UpstreamLifetime {
  const isSilent = now.freshFor === undefined && !now.mustRevalidate;
  return isSilent ? { ...before, age: now.age } : { ...now, etag: before.etag };
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
  const said = /^\d+$/.exec(fields.get("age")?.trim() ?? "")?.[0];
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
