/**
 * Formats a Repr-Digest or Content-Digest field: a dictionary of byte sequences (RFC 9530 §2, RFC 8941).
 *
 * @param digests by registered algorithm name, such as `sha-256`
 *
 * @example
 * ```ts
 * import { reprDigest } from "downloadview/http";
 *
 * const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array()));
 * console.assert(reprDigest({ "sha-256": digest }) === "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:");
 * ```
 */
export function reprDigest(digests: Readonly<Record<string, Uint8Array>>): string {
  return Object.entries(digests)
    .map(([algorithm, digest]) => `${algorithm}=:${base64(digest)}:`)
    .join(", ");
}

/** The length of the digests that prove something (RFC 9530 §5), in bytes. */
const provingLengths: Readonly<Record<string, number>> = { "sha-256": 32, "sha-512": 64 };

/**
 * Parses the SHA-256 and SHA-512 digests of a Repr-Digest field. Other algorithms are ignored.
 *
 * @returns undefined if it holds neither, or if one of them is malformed
 *
 * @example
 * ```ts
 * import { parseReprDigest } from "downloadview/http";
 *
 * const digests = parseReprDigest("sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:, md5=:1B2M2Y8AsgTpgAmY7PhCfg==:");
 * console.assert(digests?.["sha-256"]?.byteLength === 32 && !("md5" in digests));
 * ```
 */
export function parseReprDigest(field: string | null): Readonly<Record<string, Uint8Array>> | undefined {
  const digests: Record<string, Uint8Array> = {};
  for (const member of (field ?? "").split(",")) {
    const [, algorithm = "", value] = /^([a-z*][a-z0-9_.*-]*)=:([^:]*):(?:;.*)?$/.exec(member.trim()) ?? [];
    const length = Object.hasOwn(provingLengths, algorithm) ? provingLengths[algorithm] : undefined;
    if (length === undefined) continue;
    const digest = decodeBase64(value ?? "");
    if (digest?.byteLength !== length) return undefined;
    digests[algorithm] = digest;
  }
  return Object.keys(digests).length > 0 ? digests : undefined;
}

/** Decodes base64 with padding. Returns undefined if `text` has another form. */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) return undefined;
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function base64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/**
 * Selects the algorithm with the highest preference in a Want-Repr-Digest or Want-Content-Digest field: 1 to 10, where 0
 * means "not acceptable" (RFC 9530 §4).
 *
 * @param available the server's algorithms; the first one wins a tie
 * @returns undefined if the client wants none of them
 *
 * @example
 * ```ts
 * import { wantedDigest } from "downloadview/http";
 *
 * console.assert(wantedDigest("sha-512=3, sha-256=10", ["sha-512", "sha-256"]) === "sha-256");
 * console.assert(wantedDigest("sha-256=0", ["sha-256"]) === undefined);
 * ```
 */
export function wantedDigest(header: string | null, available: readonly string[]): string | undefined {
  const preferences = parsePreferences(header ?? "");
  let wanted: string | undefined;
  let most = 0;
  for (const algorithm of available) {
    const preference = preferences.get(algorithm) ?? 0;
    if (preference > most) {
      wanted = algorithm;
      most = preference;
    }
  }
  return wanted;
}

/**
 * Whether a Want-Repr-Digest or Want-Content-Digest field says that an algorithm is not acceptable, by a preference of 0
 * (RFC 9530 §4).
 *
 * @example
 * ```ts
 * import { isRefusedDigest } from "downloadview/http";
 *
 * console.assert(isRefusedDigest("md5=0, sha-256=1", "md5"));
 * console.assert(!isRefusedDigest("sha-256=1", "md5"));
 * ```
 */
export function isRefusedDigest(header: string | null, algorithm: string): boolean {
  return parsePreferences(header ?? "").get(algorithm) === 0;
}

/** Parses a dictionary of integers from 0 to 10. Skips other values. If a key is repeated, the last one counts. */
function parsePreferences(header: string): ReadonlyMap<string, number> {
  const preferences = new Map<string, number>();
  for (const member of header.split(",")) {
    const [, algorithm, preference] = /^([a-z*][a-z0-9_.*-]*)=(\d{1,15})(?:;|$)/.exec(member.trim()) ?? [];
    if (algorithm !== undefined && Number(preference) <= 10) preferences.set(algorithm, Number(preference));
  }
  return preferences;
}
