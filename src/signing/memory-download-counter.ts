import { DownloadError } from "../errors.ts";
import type { DownloadCharge, DownloadCounter, DownloadTerms, GrantResult } from "./download-counter.ts";
import { ExpiryQueue } from "./expiry-queue.ts";
import {
  canJoin,
  hold,
  isExhausted,
  isExpired,
  isUnused,
  newGrant,
  release,
  reserve,
  settle,
  type Grant,
} from "./grant.ts";

interface NumberedGrant extends Grant {
  readonly number: number;
}

interface Link {
  uses: number;
  /** By client. A link has at most as many grants as uses. */
  readonly grants: Map<string, NumberedGrant[]>;
  readonly expiresAt: number;
}

export interface MemoryDownloadCounterOptions {
  /** Maximum number of links in memory. Default 1,000,000, which take up to 1 GB. */
  readonly maxLinks?: number;
}

/**
 * Counts in the memory of this process, for a server with one process. A restart loses all counts, so that used links work
 * again until they expire. If that matters, count in Redis.
 *
 * A link is kept until it expires. While `maxLinks` are kept, further ones are refused (503), since a forgotten link
 * would work again. A request costs time in the logarithm of the number of links.
 *
 * @example
 * ```ts
 * import { MemoryDownloadCounter } from "downloadview/signing";
 *
 * const counter = new MemoryDownloadCounter();
 * const terms = { client: "a", whole: true, limit: 1, restarts: 0, now: Date.now(), grantLife: 60_000 };
 * console.assert((await counter.begin("link", terms)) !== undefined);
 * console.assert((await counter.begin("link", { ...terms, client: "b" })) === undefined);
 * ```
 */
export class MemoryDownloadCounter implements DownloadCounter {
  readonly #links = new Map<string, Link>();
  readonly #expiring = new ExpiryQueue<readonly [name: string, link: Link]>();
  readonly #maxLinks: number;
  #grantsGiven = 0;

  constructor({ maxLinks = 1_000_000 }: MemoryDownloadCounterOptions = {}) {
    this.#maxLinks = maxLinks;
  }

  async begin(name: string, terms: DownloadTerms): Promise<string | undefined> {
    const { client, whole, restarts, limit, now, grantLife } = terms;
    const link = this.#live(name, now) ?? this.#added(name, terms);
    const grant =
      liveGrants(link, client, now).find((one) => canJoin(one, whole, restarts)) ?? this.#another(link, client, limit);
    if (!grant) return undefined;
    hold(grant, now + grantLife);
    return `${grant.number} ${client}`;
  }

  async charge(
    name: string,
    id: string,
    charge: DownloadCharge,
    { client, restarts, limit, now, grantLife }: DownloadTerms,
  ): Promise<string | undefined> {
    const link = this.#links.get(name);
    const own = link && grantOf(link, id);
    if (!link || !own) return undefined;
    release(own);
    const others = (): NumberedGrant | undefined => {
      forgetIfUnused(link, client, own);
      return liveGrants(link, client, now).find((one) => reserve(one, charge, restarts));
    };
    const fresh = (): NumberedGrant | undefined => {
      const grant = this.#another(link, client, limit);
      if (grant) reserve(grant, charge, restarts);
      return grant;
    };
    const grant = reserve(own, charge, restarts) ? own : (others() ?? fresh());
    if (!grant) return undefined;
    grant.requests += 1;
    grant.expiresAt = now + grantLife;
    return `${grant.number} ${client}`;
  }

  async end(name: string, id: string, result: GrantResult): Promise<void> {
    const link = this.#links.get(name);
    const grant = link && grantOf(link, id);
    if (!link || !grant || isExpired(grant, result.now)) return;
    settle(grant, result);
    const client = clientOf(id);
    if (isUnused(grant)) forgetIfUnused(link, client, grant);
    else if (isExhausted(grant) && grant.requests === 0) forget(link, client, grant);
    // Without an expiry, only a link without uses can be removed.
    if (link.uses === 0 && link.grants.size === 0 && link.expiresAt === Infinity) this.#links.delete(name);
  }

  async allows(name: string, { client, whole, limit, restarts, now }: DownloadTerms): Promise<boolean> {
    const link = this.#live(name, now);
    if (!link) return limit > 0;
    return link.uses < limit || liveGrants(link, client, now).some((grant) => canJoin(grant, whole, restarts));
  }

  #another(link: Link, client: string, limit: number): NumberedGrant | undefined {
    if (link.uses >= limit) return undefined;
    link.uses += 1;
    this.#grantsGiven += 1;
    const grant = { ...newGrant(), number: this.#grantsGiven };
    link.grants.set(client, [...(link.grants.get(client) ?? []), grant]);
    return grant;
  }

  #live(name: string, now: number): Link | undefined {
    const link = this.#links.get(name);
    if (!link || now < link.expiresAt) return link;
    this.#links.delete(name);
    return undefined;
  }

  #added(name: string, { now, expiresAt = Infinity }: DownloadTerms): Link {
    this.#forgetExpired(now);
    if (this.#links.size >= this.#maxLinks) throw new DownloadError(503, "Too many limited links are in use");
    const link = { uses: 0, grants: new Map<string, NumberedGrant[]>(), expiresAt };
    this.#links.set(name, link);
    if (expiresAt !== Infinity) this.#expiring.add([name, link], expiresAt);
    return link;
  }

  // Removes up to two for each link that is added: expired links never pile up, and no request removes many. If the
  // counter is full, removes as many as needed.
  #forgetExpired(now: number): void {
    for (let removed = 0; removed < 2 || this.#links.size >= this.#maxLinks; removed += 1) {
      const expired = this.#expiring.takeExpired(now);
      if (expired === undefined) return;
      const [name, link] = expired;
      if (this.#links.get(name) === link) this.#links.delete(name);
    }
  }
}

function liveGrants(link: Link, client: string, now: number): readonly NumberedGrant[] {
  const grants = link.grants.get(client);
  if (!grants) return [];
  const live = grants.filter((grant) => !isExpired(grant, now));
  if (live.length < grants.length) keep(link, client, live);
  return live;
}

function clientOf(id: string): string {
  return id.slice(id.indexOf(" ") + 1);
}

function grantOf(link: Link, id: string): NumberedGrant | undefined {
  return link.grants.get(clientOf(id))?.find(({ number }) => id.startsWith(`${number} `));
}

function forgetIfUnused(link: Link, client: string, grant: NumberedGrant): void {
  if (!isUnused(grant)) return;
  link.uses -= 1;
  forget(link, client, grant);
}

function forget(link: Link, client: string, grant: NumberedGrant): void {
  keep(
    link,
    client,
    (link.grants.get(client) ?? []).filter((one) => one !== grant),
  );
}

function keep(link: Link, client: string, grants: NumberedGrant[]): void {
  if (grants.length > 0) link.grants.set(client, grants);
  else link.grants.delete(client);
}
