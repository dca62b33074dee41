import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { DownloadCounter, DownloadTerms, GrantResult } from "../../src/signing/download-counter.ts";

const start = Date.UTC(2026, 0, 1);
const grantLife = 60_000;

/** One link of a counter, with a clock. */
class CountedLink {
  readonly #counter: DownloadCounter;
  readonly #limit: number;
  readonly #expiresAt: number | undefined;
  readonly name: string = randomUUID();
  now: number = start;

  constructor(counter: DownloadCounter, limit: number, expiresAt?: number) {
    this.#counter = counter;
    this.#limit = limit;
    this.#expiresAt = expiresAt;
  }

  begin(client: string, whole = true): Promise<string | undefined> {
    return this.#counter.begin(this.name, this.#terms(client, whole));
  }

  allows(client: string, whole = true): Promise<boolean> {
    return this.#counter.allows(this.name, this.#terms(client, whole));
  }

  end(grant: string | undefined, kind: GrantResult["kind"]): Promise<void> {
    return this.#counter.end(this.name, grant ?? "", { kind, now: this.now, grantLife });
  }

  #terms(client: string, whole: boolean): DownloadTerms {
    return { client, whole, limit: this.#limit, now: this.now, grantLife, expiresAt: this.#expiresAt };
  }
}

/** What every counter of downloads does. */
export function describeDownloadCounter(name: string, counter: () => DownloadCounter): void {
  const linkOf = (limit: number, expiresAt?: number): CountedLink => new CountedLink(counter(), limit, expiresAt);

  describe(`${name}: a link`, () => {
    it("is good for as many downloads as its limit says, by whomever", async () => {
      const link = linkOf(2);
      await link.end(await link.begin("alice"), "complete");
      expect(await link.allows("alice")).toBe(true);
      await link.end(await link.begin("alice"), "complete");
      expect(await link.begin("alice")).toBeUndefined();
      expect(await link.begin("bob")).toBeUndefined();
      expect(await link.allows("bob")).toBe(false);
    });

    it("is good for no more when all ask at once", async () => {
      const link = linkOf(3);
      const clients = Array.from({ length: 50 }, (_, at) => `client ${at}`);
      const grants = await Promise.all(clients.map((client) => link.begin(client)));
      expect(new Set(grants.filter((grant) => grant !== undefined)).size).toBe(3);
      expect(grants.filter((grant) => grant !== undefined)).toHaveLength(3);
    });

    it("is good for no more when one client asks for all of it at once", async () => {
      const link = linkOf(3);
      const grants = await Promise.all(Array.from({ length: 50 }, () => link.begin("alice")));
      expect(grants.filter((grant) => grant !== undefined)).toHaveLength(3);
    });

    it("with a limit of nothing is good for nothing", async () => {
      const link = linkOf(0);
      expect(await link.allows("alice")).toBe(false);
      expect(await link.begin("alice")).toBeUndefined();
    });

    it("is another than any other link", async () => {
      const link = linkOf(1);
      await link.begin("alice");
      expect(await linkOf(1).begin("alice")).toBeDefined();
    });

    it("is not used up by being looked at", async () => {
      const link = linkOf(1);
      expect([await link.allows("alice"), await link.allows("bob")]).toEqual([true, true]);
      expect(await link.begin("alice")).toBeDefined();
    });
  });

  describe(`${name}: a grant`, () => {
    it("lets its client go on, in as many requests at once as it likes, and nobody else", async () => {
      const link = linkOf(1);
      const grant = await link.begin("alice");
      const pieces = await Promise.all(Array.from({ length: 5 }, () => link.begin("alice", false)));
      expect(pieces).toEqual(Array.from({ length: 5 }, () => grant));
      expect(await link.begin("bob", false)).toBeUndefined();
      expect(await link.allows("alice", false)).toBe(true);
      expect(await link.allows("bob", false)).toBe(false);
    });

    it("lets its client begin again, once nothing is under way", async () => {
      const link = linkOf(1);
      const grant = await link.begin("alice");
      expect(await link.begin("alice")).toBeUndefined();
      expect(await link.allows("alice")).toBe(false);
      await link.end(grant, "partial");
      expect(await link.allows("alice")).toBe(true);
      expect(await link.begin("alice")).toBe(grant);
    });

    it("is over when its download is complete", async () => {
      const link = linkOf(1);
      await link.end(await link.begin("alice"), "complete");
      expect(await link.begin("alice", false)).toBeUndefined();
    });

    it("ends some time after its last request, and the use of it is gone", async () => {
      const link = linkOf(1);
      const grant = await link.begin("alice");
      link.now += grantLife - 1;
      await link.end(grant, "partial");
      link.now += grantLife - 1;
      expect(await link.allows("alice", false)).toBe(true);
      link.now += 1;
      expect(await link.allows("alice", false)).toBe(false);
      expect(await link.begin("alice", false)).toBeUndefined();
      await link.end(grant, "unused");
      expect(await link.begin("alice")).toBeUndefined();
    });

    it("lives on with each request", async () => {
      const link = linkOf(1);
      await link.begin("alice");
      for (let request = 0; request < 3; request++) {
        link.now += grantLife - 1;
        expect(await link.begin("alice", false)).toBeDefined();
      }
    });

    it("gives its use back when nothing of it was used", async () => {
      const link = linkOf(1);
      await link.end(await link.begin("alice"), "unused");
      const grant = await link.begin("bob");
      expect(grant).toBeDefined();
      await link.end(grant, "complete");
      expect(await link.begin("carol")).toBeUndefined();
    });

    it("does not give its use back while another request of it is under way, or was sent something", async () => {
      const link = linkOf(1);
      const grant = await link.begin("alice");
      await link.begin("alice", false);
      await link.end(grant, "unused");
      expect(await link.begin("bob")).toBeUndefined();
      await link.end(grant, "partial");
      await link.begin("alice", false);
      await link.end(grant, "unused");
      expect(await link.begin("bob")).toBeUndefined();
    });

    it("gives one use back, however often its end is told", async () => {
      const link = linkOf(1);
      const grant = await link.begin("alice");
      await Promise.all([link.end(grant, "unused"), link.end(grant, "unused"), link.end("nobody's", "unused")]);
      expect(await link.begin("alice")).toBeDefined();
      expect(await link.begin("bob")).toBeUndefined();
    });

    it("is told from a later one of the same client", async () => {
      const link = linkOf(2);
      const first = await link.begin("alice");
      await link.end(first, "unused");
      expect(await link.begin("alice")).not.toBe(first);
    });

    it("belongs to any client, whatever its name", async () => {
      const link = linkOf(1);
      const grant = await link.begin('1 0 "é"\n');
      expect(await link.begin('1 0 "é"\n', false)).toBe(grant);
    });
  });
}
