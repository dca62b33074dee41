/**
 * A Repr-Digest or Content-Digest field: a dictionary of byte sequences (RFC 9530 §2, RFC 8941). Keys are the
 * registered algorithm names, such as `sha-256`.
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

function base64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/**
 * The algorithm that a Want-Repr-Digest or Want-Content-Digest field prefers of those `available`, best for the server
 * first: the highest preference from 1 to 10, where 0 is "not acceptable" (RFC 9530 §4). Undefined when it wants none
 * of them.
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

/** A dictionary of integers. What isn't an integer from 0 to 10 is passed over, of two of one key the last counts. */
function parsePreferences(header: string): ReadonlyMap<string, number> {
  const preferences = new Map<string, number>();
  for (const member of header.split(",")) {
    const [, algorithm, preference] = /^([a-z*][a-z0-9_.*-]*)=(\d{1,15})(?:;|$)/.exec(member.trim()) ?? [];
    if (algorithm !== undefined && Number(preference) <= 10) preferences.set(algorithm, Number(preference));
  }
  return preferences;
}
