import type { BlobServiceClient, UserDelegationKey } from "@azure/storage-blob";

const minute = 60_000;
const day = 24 * 60 * minute;
/** A key lasts no longer (Azure Blob Storage, "Get User Delegation Key"). */
const longest = 7 * day;

/** Signs URLs without the account's own key. One request gets a delegation key, which lasts for a day of URLs. */
export class AzureDelegationKeys {
  readonly #service: BlobServiceClient;
  #latest: { readonly until: number; readonly key: Promise<UserDelegationKey> } | undefined;

  constructor(service: BlobServiceClient) {
    this.#service = service;
  }

  /**
   * A key for URLs that work until then, or until the key itself ends if that is earlier. The same key for as long as
   * possible, so that URLs are the same, too.
   */
  keyUntil(until: Date): Promise<UserDelegationKey> {
    // Azure's clock may be behind ours, and a key works only once it has begun.
    const begin = Date.now() - 5 * minute;
    const wanted = Math.min(until.getTime(), begin + longest - day);
    if (this.#latest && this.#latest.until >= wanted) return this.#latest.key;
    return this.#ask(begin, wanted + day);
  }

  #ask(begin: number, until: number): Promise<UserDelegationKey> {
    const key = this.#service.getUserDelegationKey(new Date(begin), new Date(until));
    const latest = { until, key };
    this.#latest = latest;
    key.catch(() => {
      if (this.#latest === latest) this.#latest = undefined;
    });
    return key;
  }
}
