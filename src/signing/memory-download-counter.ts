import { DownloadError } from "../errors.ts";
import type { DownloadCounter, DownloadTerms, GrantResult } from "./download-counter.ts";

interface Grant {
  readonly client: string;
  /** Requests under way. */
  requests: number;
  counts: boolean;
  expiresAt: number;
}

interface Link {
  uses: number;
  grantsGiven: number;
  readonly grants: Map<string, Grant>;
  readonly expiresAt: number;
}

export interface MemoryDownloadCounterOptions {
  /** How many links are kept at most. Default 100,000, some 30 MB. */
  readonly maxLinks?: number;
}

/**
 * Counts in the memory of this process: for a server that is one process. A restart forgets every count, so that used
 * links work again until they expire: where that matters, count in Redis. A link is kept until it expires. Where `maxLinks` are kept, further ones are refused (503), since a link that
 * was forgotten would work again.
 *
 * @example
 * ```ts
 * import { MemoryDownloadCounter } from "downloadview/signing";
 *
 * const counter = new MemoryDownloadCounter();
 * const terms = { client: "a", whole: true, limit: 1, now: Date.now(), grantLife: 60_000 };
 * console.assert((await counter.begin("link", terms)) !== undefined);
 * console.assert((await counter.begin("link", { ...terms, client: "b" })) === undefined);
 * ```
 */
export class MemoryDownloadCounter implements DownloadCounter {
  readonly #links = new Map<string, Link>();
  readonly #maxLinks: number;
  /** When the first link expires. */
  #nextSweep = Infinity;

  constructor({ maxLinks = 100_000 }: MemoryDownloadCounterOptions = {}) {
    this.#maxLinks = maxLinks;
  }

  async begin(name: string, terms: DownloadTerms): Promise<string | undefined> {
    const link = this.#live(name, terms.now) ?? this.#added(name, terms);
    forgetExpired(link, terms.now);
    const id = grantFor(link, terms) ?? newGrant(link, terms);
    const grant = id === undefined ? undefined : link.grants.get(id);
    if (grant) {
      grant.requests += 1;
      grant.expiresAt = terms.now + terms.grantLife;
    }
    return id;
  }

  async end(name: string, id: string, { kind, now, grantLife }: GrantResult): Promise<void> {
    const link = this.#links.get(name);
    const grant = link?.grants.get(id);
    if (!link || !grant) return;
    grant.requests -= 1;
    grant.counts ||= kind === "partial";
    grant.expiresAt = now + grantLife;
    const isGivenBack = kind === "unused" && !grant.counts && grant.requests === 0;
    if (isGivenBack) link.uses -= 1;
    if (isGivenBack || kind === "complete") link.grants.delete(id);
  }

  async allows(name: string, terms: DownloadTerms): Promise<boolean> {
    const link = this.#live(name, terms.now);
    if (!link) return terms.limit > 0;
    forgetExpired(link, terms.now);
    return link.uses < terms.limit || grantFor(link, terms) !== undefined;
  }

  #live(name: string, now: number): Link | undefined {
    const link = this.#links.get(name);
    if (!link || now < link.expiresAt) return link;
    this.#links.delete(name);
    return undefined;
  }

  #added(name: string, { now, expiresAt = Infinity }: DownloadTerms): Link {
    if (this.#links.size >= this.#maxLinks) this.#sweep(now);
    if (this.#links.size >= this.#maxLinks) throw new DownloadError(503, "Too many limited links are in use");
    const link = { uses: 0, grantsGiven: 0, grants: new Map<string, Grant>(), expiresAt };
    this.#links.set(name, link);
    this.#nextSweep = Math.min(this.#nextSweep, expiresAt);
    return link;
  }

  #sweep(now: number): void {
    // A full counter isn't searched at each request.
    if (now < this.#nextSweep) return;
    for (const [name, { expiresAt }] of this.#links) if (expiresAt <= now) this.#links.delete(name);
    this.#nextSweep = earliest(this.#links.values());
  }
}

function forgetExpired(link: Link, now: number): void {
  for (const [id, grant] of link.grants) if (grant.expiresAt <= now) link.grants.delete(id);
}

function grantFor(link: Link, { client, whole }: DownloadTerms): string | undefined {
  const fits = (grant: Grant): boolean => grant.client === client && !(whole && grant.requests > 0);
  return [...link.grants].find(([, grant]) => fits(grant))?.[0];
}

function newGrant(link: Link, { client, limit }: DownloadTerms): string | undefined {
  if (link.uses >= limit) return undefined;
  link.uses += 1;
  link.grantsGiven += 1;
  const id = String(link.grantsGiven);
  link.grants.set(id, { client, requests: 0, counts: false, expiresAt: 0 });
  return id;
}

function earliest(links: Iterable<Link>): number {
  let first = Infinity;
  for (const { expiresAt } of links) first = Math.min(first, expiresAt);
  return first;
}
