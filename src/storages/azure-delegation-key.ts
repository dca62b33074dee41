import type { BlobServiceClient, UserDelegationKey } from "@azure/storage-blob";

const minute = 60_000;
const day = 24 * 60 * minute;
/** A key lasts no longer (Azure Blob Storage, "Get User Delegation Key"). */
const longest = 7 * day;

/** The keys that URLs are signed with where nobody has the account's own. One request gets one for a day of URLs. */
export class AzureDelegationKeys {
  readonly #service: BlobServiceClient;
  #latest: { readonly until: number; readonly key: Promise<UserDelegationKey> } | undefined;

  constructor(service: BlobServiceClient) {
    this.#service = service;
  }

  /** A key for URLs that work until then. The same for as long as it can be, so that URLs are the same, too. */
  keyUntil(until: Date): Promise<UserDelegationKey> {
    if (this.#latest && this.#latest.until >= until.getTime()) return this.#latest.key;
    return this.#ask(until.getTime());
  }

  #ask(wanted: number): Promise<UserDelegationKey> {
    // Azure's clock may be behind ours, and a key works only once it has begun.
    const begin = Date.now() - 5 * minute;
    const until = Math.max(wanted, Math.min(wanted + day, begin + longest));
    const key = this.#service.getUserDelegationKey(new Date(begin), new Date(until));
    const latest = { until, key };
    this.#latest = latest;
    key.catch(() => {
      if (this.#latest === latest) this.#latest = undefined;
    });
    return key;
  }
}
