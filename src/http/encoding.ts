/** The content codings of stored files (RFC 9110 §8.4.1, RFC 7932, RFC 8878). */
export type ContentCoding = "br" | "zstd" | "gzip" | "deflate" | "identity";

const contentEncodingSyntax = /^[\w!#$%&'*+.^`|~-]+(?:[ \t]*,[ \t]*[\w!#$%&'*+.^`|~-]+)*$/;

/** Tells whether `value` is a coding, or a list of codings in the order in which they were applied (RFC 9110 §8.4). */
export function isContentEncoding(value: string): boolean {
  return contentEncodingSyntax.test(value);
}

/** The weight of `identity` if the client does not name it: less than any weight that a client can send. */
const unnamedIdentityWeight = 1e-6;

/**
 * Parses an Accept-Encoding field to codings in lower case and their weights from 0 to 1. Skips members with a malformed
 * weight. If a coding is repeated, the first one counts.
 */
export function acceptedEncodings(acceptEncoding: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const member of acceptEncoding.toLowerCase().split(",")) {
    const [name = "", ...parameters] = member.split(";").map((part) => part.trim());
    const coding = name === "x-gzip" ? "gzip" : name;
    const weight = parseWeight(parameters);
    if (coding !== "" && weight !== undefined && !weights.has(coding)) weights.set(coding, weight);
  }
  return weights;
}

/** Returns the `q` parameter; 1 if it is missing, undefined if it is malformed (RFC 9110 §12.4.2). */
function parseWeight(parameters: readonly string[]): number | undefined {
  const weight = parameters.find((parameter) => /^q\s*=/.test(parameter));
  if (weight === undefined) return 1;
  const value = weight.slice(weight.indexOf("=") + 1).trim();
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(value) ? Number(value) : undefined;
}

/**
 * Selects the content coding to send (RFC 9110 §12.5.3). If the client sends no Accept-Encoding, that is `identity`.
 *
 * @param available the server's codings; the first one wins a tie. If `identity` is missing, it is added as the last
 * @returns undefined if the client accepts none of them
 *
 * @example
 * ```ts
 * import { preferredEncoding } from "downloadview/http";
 *
 * console.assert(preferredEncoding("gzip, br", ["br", "gzip"]) === "br");
 * console.assert(preferredEncoding("gzip;q=0.5, identity", ["gzip"]) === "identity");
 * console.assert(preferredEncoding("identity;q=0", []) === undefined);
 * ```
 */
export function preferredEncoding(acceptEncoding: string | null, available: readonly string[]): string | undefined {
  const accepted = acceptedEncodings(acceptEncoding ?? "");
  let preferred: string | undefined;
  let most = 0;
  for (const coding of available.includes("identity") ? available : [...available, "identity"]) {
    const weight = weightOf(coding, accepted);
    if (weight > most) {
      preferred = coding;
      most = weight;
    }
  }
  return preferred;
}

function weightOf(coding: string, accepted: ReadonlyMap<string, number>): number {
  const unnamed = coding === "identity" ? unnamedIdentityWeight : 0;
  return accepted.get(coding) ?? accepted.get("*") ?? unnamed;
}

/** Parses Content-Encoding. Returns undefined if the body is not encoded. */
export function contentCoding(field: string | null | undefined): string | undefined {
  const coding = field?.trim().toLowerCase();
  // S3 clients leave `aws-chunked` on objects that they uploaded in signed chunks. It is not a coding of the content.
  return coding && coding !== "identity" && coding !== "aws-chunked" ? coding : undefined;
}

const knownCodings = new Set(["gzip", "x-gzip", "deflate", "br"]);

/** Codings of responses whose `fetch` is known not to decode as ours does. */
const decodedElsewhere = new WeakMap<Headers, readonly string[]>();

/** Returns the codings that fetch decodes, in the order in which they were applied: all of them or none. */
export function decodedCodings(headers: Headers): readonly string[] {
  const known = decodedElsewhere.get(headers);
  if (known) return known;
  const codings = codingsIn(headers);
  return codings.every((coding) => knownCodings.has(coding)) ? codings : [];
}

/** Notes what the runtime's own `fetch` has decoded, for {@link decodedCodings} of the same headers. */
export function noteDecodedByRuntime(headers: Headers, asked?: { readonly identity: boolean }): void {
  if (headers.has("content-encoding")) decodedElsewhere.set(headers, decodedByRuntime(headers, asked));
}

/**
 * Returns the codings that the runtime's own `fetch` has decoded. They keep their field, and runtimes differ: Node 24 and Bun
 * decode zstd, Bun and Deno decode no list of codings, and Deno decodes nothing if it was asked for `identity`.
 */
export function decodedByRuntime(
  headers: Headers,
  asked: { readonly identity: boolean } = { identity: false },
): readonly string[] {
  const codings = codingsIn(headers);
  return codings.every(isDecodedByRuntime(codings.length, asked.identity)) ? codings : [];
}

interface Runtime {
  readonly Deno?: unknown;
  readonly Bun?: unknown;
  readonly process?: { readonly versions?: { readonly undici?: string } };
}

function isDecodedByRuntime(count: number, identity: boolean): (coding: string) => boolean {
  const { Deno, Bun, process } = globalThis as Runtime;
  if (Deno !== undefined) return (coding) => !identity && count === 1 && (coding === "gzip" || coding === "br");
  const decodesZstd = Bun !== undefined || Number.parseInt(process?.versions?.undici ?? "", 10) >= 7;
  if (Bun !== undefined && count > 1) return () => false;
  return (coding) => knownCodings.has(coding) || (decodesZstd && coding === "zstd");
}

function codingsIn(headers: Headers): readonly string[] {
  return (
    contentCoding(headers.get("content-encoding"))
      ?.split(",")
      .map((coding) => coding.trim()) ?? []
  );
}
