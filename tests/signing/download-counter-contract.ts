import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import type {
  DownloadCharge,
  DownloadCounter,
  DownloadTerms,
  GrantResult,
} from "../../src/signing/download-counter.ts";

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

  charge(client: string, grant: string | undefined, charge: DownloadCharge): Promise<string | undefined> {
    return this.#counter.charge(this.name, grant ?? "", charge, this.#terms(client, charge.bytes === charge.size));
  }

  end(grant: string | undefined, kind: GrantResult["kind"], charge?: DownloadCharge, sent = 0): Promise<void> {
    const counts = kind !== "unused";
    return this.#counter.end(this.name, grant ?? "", { kind, charge, sent, counts, now: this.now, grantLife });
  }

  /** A download that is charged, and ends with all of its bytes. */
  async download(client: string, charge = all): Promise<string | undefined> {
    const grant = await this.charge(client, await this.begin(client, charge.bytes === charge.size), charge);
    if (grant !== undefined) await this.end(grant, "complete", charge);
    return grant;
  }

  #terms(client: string, whole: boolean): DownloadTerms {
    return { client, whole, limit: this.#limit, restarts: 1, now: this.now, grantLife, expiresAt: this.#expiresAt };
  }
}

const size = 1000;
function bytes(first: number, last: number, version = '"1"'): DownloadCharge {
  const length = last - first + 1;
  return { bytes: length, size, version, resumes: first > 0, probe: length <= size / 10 };
}
const all = bytes(0, 999);

/** What is reserved of one grant, in order, how each ended, and whether there were as many bytes left. */
type Step = readonly [charge: DownloadCharge, end: "complete" | "handedOver" | "open" | number, granted: boolean];

const budgets: [name: string, ...steps: Step[]][] = [
  ["all, once", [all, "complete", true], [all, "complete", false]],
  ["halves, once each", [bytes(0, 499), "complete", true], [bytes(0, 499), "complete", true], [all, "open", false]],
  [
    "two halves, and none of them again",
    [bytes(0, 499), "complete", true],
    [bytes(500, 999), "complete", true],
    [bytes(500, 999), "open", false],
  ],
  ["what broke off, from there on", [all, 400, true], [bytes(400, 999), "complete", true], [all, "open", false]],
  ["what broke off, from the beginning", [all, 400, true], [all, "complete", true], [all, "open", false]],
  ["no more restarts than it has", [all, 600, true], [all, 600, true], [all, "open", false]],
  ["the rest after too many restarts", [all, 600, true], [all, 600, true], [bytes(600, 999), "complete", true]],
  ["beside a transfer under way nothing that is in it", [all, "open", true], [bytes(0, 499), "open", false]],
  ["beside a transfer under way a later part", [all, "open", true], [bytes(400, 999), "complete", true]],
  [
    "later parts as often as it has restarts",
    [all, "open", true],
    [bytes(1, 999), "open", true],
    [bytes(1, 999), "open", false],
  ],
  [
    "the rest of what was handed over",
    [all, "handedOver", true],
    [bytes(400, 999), "handedOver", true],
    [all, "open", false],
  ],
  [
    "parts that are handed over",
    [bytes(0, 499), "handedOver", true],
    [bytes(500, 999), "handedOver", true],
    [all, "open", false],
  ],
  [
    "a look at it, and then all of it",
    [bytes(0, 1), "complete", true],
    [all, "complete", true],
    [bytes(0, 1), "open", false],
  ],
  [
    "all in small pieces",
    ...Array.from({ length: 20 }, (): Step => [bytes(500, 599), "complete", true]),
    [bytes(500, 599), "open", false],
  ],
  ["another version only anew", [bytes(0, 499), "complete", true], [bytes(0, 499, '"2"'), "open", false]],
  ["another version in place of one that broke off", [all, 400, true], [bytes(0, 999, '"2"'), "complete", true]],
  [
    "a version without a tag as the one that it is",
    [bytes(0, 499), "complete", true],
    [{ ...bytes(500, 999), version: undefined }, "complete", true],
  ],
  [
    "a file of another size only anew",
    [bytes(0, 499), "complete", true],
    [{ ...bytes(0, 499), size: 500 }, "open", false],
  ],
  [
    "an empty file once",
    [{ bytes: 1, size: 1, resumes: false, probe: false }, "complete", true],
    [{ bytes: 1, size: 1, resumes: false, probe: false }, "open", false],
  ],
];

/** What every counter of downloads does. */
export function describeDownloadCounter(name: string, counter: () => DownloadCounter): void {
  const linkOf = (limit: number, expiresAt?: number): CountedLink => new CountedLink(counter(), limit, expiresAt);

  describe(`${name}: a link`, () => {
    it("is good for as many downloads as its limit says, by whomever", async () => {
      const link = linkOf(2);
      await link.download("alice");
      expect(await link.allows("alice")).toBe(true);
      await link.download("alice");
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
      await link.end(grant, "broken");
      expect(await link.allows("alice")).toBe(true);
      expect(await link.begin("alice")).toBe(grant);
    });

    it("is over when its download is complete", async () => {
      const link = linkOf(1);
      await link.download("alice");
      expect(await link.begin("alice", false)).toBeUndefined();
    });

    it("ends some time after its last request, and the use of it is gone", async () => {
      const link = linkOf(1);
      const grant = await link.begin("alice");
      link.now += grantLife - 1;
      await link.end(grant, "broken");
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
      await link.end(await link.charge("bob", grant, all), "complete", all);
      expect(await link.begin("carol")).toBeUndefined();
    });

    it("does not give its use back while another request of it is under way, or was sent something", async () => {
      const link = linkOf(1);
      const grant = await link.begin("alice");
      await link.begin("alice", false);
      await link.end(grant, "unused");
      expect(await link.begin("bob")).toBeUndefined();
      await link.end(grant, "broken");
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

    it.each(budgets.map(([name, ...steps]) => ({ name, steps })))("has $name", async ({ steps }) => {
      const link = linkOf(1);
      const granted: boolean[] = [];
      for (const [charge, end] of steps) {
        const begun = await link.begin("alice", false);
        const grant = begun && (await link.charge("alice", begun, charge));
        granted.push(grant !== undefined);
        if (grant === undefined || end === "open") continue;
        if (typeof end === "number") await link.end(grant, "broken", charge, end);
        else await link.end(grant, end, charge);
      }
      expect(granted).toEqual(steps.map(([, , expected]) => expected));
    });

    it("takes another use for bytes that it has no more", async () => {
      const link = linkOf(2);
      const [first, second] = [await link.download("alice"), await link.download("alice")];
      expect(first).toBeDefined();
      expect(second).toBeDefined();
      expect(second).not.toBe(first);
      expect(await link.begin("alice")).toBeUndefined();
    });

    it("is refused what it has no more, and can go on with what it has", async () => {
      const link = linkOf(1);
      await link.download("alice", bytes(0, 499));
      expect(await link.charge("alice", await link.begin("alice", false), bytes(0, 499))).toBeDefined();
      expect(await link.charge("alice", await link.begin("alice", false), bytes(0, 499))).toBeUndefined();
      expect(await link.begin("bob")).toBeUndefined();
    });

    it("is let go of by a request that takes its bytes from another", async () => {
      const link = linkOf(2);
      const first = await link.charge("alice", await link.begin("alice"), all);
      const second = await link.charge("alice", await link.begin("alice"), bytes(0, 499));
      await link.end(second, "complete", bytes(0, 499));
      await link.end(first, "broken", all, 100);
      expect(await link.charge("alice", await link.begin("alice", false), bytes(500, 999))).toBeDefined();
    });

    it("lasts as long as a transfer takes, and some time after it", async () => {
      const link = linkOf(1);
      const grant = await link.charge("alice", await link.begin("alice"), all);
      link.now += 10 * grantLife;
      expect(await link.begin("bob")).toBeUndefined();
      await link.end(grant, "broken", all, 400);
      link.now += grantLife - 1;
      expect(await link.begin("alice", false)).toBe(grant);
    });

    it("is shared by no more requests at once than would download a file in parts", async () => {
      const link = linkOf(1);
      const grants = await Promise.all(Array.from({ length: 100 }, () => link.begin("alice", false)));
      expect(grants.filter((grant) => grant !== undefined)).toHaveLength(64);
    });

    it("belongs to any client, whatever its name", async () => {
      const link = linkOf(1);
      const grant = await link.begin('1 0 "é"\n');
      expect(await link.begin('1 0 "é"\n', false)).toBe(grant);
    });
  });
}
