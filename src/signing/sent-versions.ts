import { ExpiryQueue } from "./expiry-queue.ts";
import { encodeBase64Url, utf8 } from "./hmac-key.ts";

/**
 * Remembers which version of a file was sent under which signature, for `resumeFor`. An entry may be evicted at any time:
 * the client then can't resume after its link has expired.
 */
export interface SentVersions {
  /** Remembers `key` until `until`. Both times are in milliseconds since the epoch. */
  add(key: string, until: number, now: number): Promise<void>;
  has(key: string, now: number): Promise<boolean>;
}

export interface MemorySentVersionsOptions {
  /** Maximum number of versions. Those that expire first are evicted first. Default 100,000, about 20 MB. */
  readonly maxVersions?: number;
}

/**
 * Remembers in the memory of this process, for a server with one process.
 *
 * @example
 * ```ts
 * import { MemorySentVersions } from "downloadview/signing";
 *
 * const sent = new MemorySentVersions();
 * await sent.add("key", 2000, 1000);
 * console.assert(await sent.has("key", 1999));
 * console.assert(!(await sent.has("key", 2000)));
 * ```
 */
export class MemorySentVersions implements SentVersions {
  readonly #until = new Map<string, number>();
  readonly #expiring = new ExpiryQueue<string>();
  readonly #maxVersions: number;

  constructor({ maxVersions = 100_000 }: MemorySentVersionsOptions = {}) {
    this.#maxVersions = maxVersions;
  }

  async add(key: string, until: number, now: number): Promise<void> {
    this.#forgetExpired(now);
    if (!this.#until.has(key)) this.#expiring.add(key, until);
    this.#until.set(key, until);
    if (this.#until.size > this.#maxVersions) this.#forget(this.#expiring.takeExpired(Infinity));
  }

  async has(key: string, now: number): Promise<boolean> {
    return now < (this.#until.get(key) ?? -Infinity);
  }

  #forgetExpired(now: number): void {
    // Removes up to two for each that is added, so that expired ones never pile up.
    for (let removed = 0; removed < 2; removed += 1) this.#forget(this.#expiring.takeExpired(now));
  }

  #forget(key: string | undefined): void {
    if (key !== undefined) this.#until.delete(key);
  }
}

/** Returns a hash, from which the link cannot be derived. */
export async function sentVersionKey(signature: string, version: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", utf8(JSON.stringify([signature, version])));
  return encodeBase64Url(new Uint8Array(digest));
}
