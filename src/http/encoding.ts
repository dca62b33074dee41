/** The content codings that files are stored in (RFC 9110 §8.4.1, RFC 7932, RFC 8878). */
export type ContentCoding = "br" | "zstd" | "gzip" | "deflate" | "identity";

const contentEncodingSyntax = /^[\w!#$%&'*+.^`|~-]+(?:[ \t]*,[ \t]*[\w!#$%&'*+.^`|~-]+)*$/;

/** Whether `value` is one coding, or a list of them in the order in which they were applied (RFC 9110 §8.4). */
export function isContentEncoding(value: string): boolean {
  return contentEncodingSyntax.test(value);
}

/** The weight of what a client doesn't name but takes: less than of anything that it does. */
const leastWeight = 1e-6;

/**
 * The codings that an Accept-Encoding field names, in lower case, with their weights from 0 to 1. A member with a
 * malformed weight is passed over; of two of one name the first counts.
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

/** The `q` among the parameters, 1 without one, undefined if it is malformed (RFC 9110 §12.4.2). */
function parseWeight(parameters: readonly string[]): number | undefined {
  const weight = parameters.find((parameter) => /^q\s*=/.test(parameter));
  if (weight === undefined) return 1;
  const value = weight.slice(weight.indexOf("=") + 1).trim();
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(value) ? Number(value) : undefined;
}

/**
 * The coding to send, of those that are `available`, best for the server first; `identity` needn't be among them, and
 * is then the last. Undefined when the client accepts none of them (RFC 9110 §12.5.3). A client without the field
 * would take anything, and gets `identity`.
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
  const unnamed = coding === "identity" ? leastWeight : 0;
  return accepted.get(coding) ?? accepted.get("*") ?? unnamed;
}
