import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { NewTransfer, RunningDownloads, RunningTransfer } from "../../src/limits/running-downloads.ts";

const terms = { limit: 2, now: 1_000_000, lease: 60_000 };
const size = 100;

const whole = (id: string, file = "a"): NewTransfer => ({ id, file, bytes: size, size });
const range = (id: string, bytes: number, file = "a"): NewTransfer => ({ id, file, bytes, size });

type Step =
  | readonly [what: "start", transfer: NewTransfer, download: string | undefined]
  | readonly [what: "end", id: string];

const runs: readonly (readonly [name: string, limit: number, steps: readonly Step[]])[] = [
  [
    "a range of a running download is not a second one",
    1,
    [
      ["start", whole("1"), "1"],
      ["start", range("2", 50), "1"],
      ["start", whole("3", "b"), undefined],
    ],
  ],
  [
    "sixteen ranges of a download manager are one download",
    1,
    Array.from({ length: 16 }, (_, at): Step => ["start", range(`${at + 1}`, 6), "1"]),
  ],
  [
    "a second whole file is a second download",
    1,
    [
      ["start", whole("1"), "1"],
      ["start", whole("2"), undefined],
    ],
  ],
  [
    "ranges that are nearly the file are no way around the limit",
    2,
    [
      ["start", range("1", 99), "1"],
      ["start", range("2", 99), "1"],
      ["start", range("3", 99), "3"],
      ["start", range("4", 99), "3"],
      ["start", range("5", 99), undefined],
    ],
  ],
  [
    "a range of another version is another download",
    1,
    [
      ["start", range("1", 10), "1"],
      ["start", range("2", 10, "b"), undefined],
    ],
  ],
  [
    "the end of a transfer frees its place",
    1,
    [
      ["start", whole("1"), "1"],
      ["end", "1"],
      ["start", whole("2"), "2"],
    ],
  ],
  [
    "a download runs as long as one of its transfers does",
    1,
    [
      ["start", range("1", 50), "1"],
      ["start", range("2", 50), "1"],
      ["end", "1"],
      ["start", whole("3", "b"), undefined],
      ["start", range("4", 50), "1"],
      ["end", "2"],
      ["end", "4"],
      ["start", whole("5", "b"), "5"],
    ],
  ],
  [
    "the end of an unknown transfer changes nothing",
    1,
    [
      ["end", "9"],
      ["start", whole("1"), "1"],
      ["end", "9"],
      ["start", whole("2"), undefined],
    ],
  ],
];

/** What every counter of running downloads does. */
export function describeRunningDownloads(name: string, make: () => RunningDownloads): void {
  describe(`${name}:`, () => {
    it.each(runs)("%s", async (_, limit, steps) => {
      const [counter, key] = [make(), randomUUID()];
      const found: unknown[] = [];
      for (const step of steps) {
        if (step[0] === "end") await counter.end(key, step[1]);
        else found.push((await counter.start(key, step[1], { ...terms, limit }))?.download);
      }
      expect(found).toEqual(steps.filter((step) => step[0] === "start").map((step) => step[2]));
    });

    it("keys are counted apart", async () => {
      const counter = make();
      for (const key of [randomUUID(), randomUUID()]) {
        expect(await counter.start(key, whole("1"), { ...terms, limit: 1 })).toEqual({ download: "1", running: 1 });
      }
    });

    it("what a crashed process ran counts until its lease runs out, and no longer", async () => {
      const [counter, key] = [make(), randomUUID()];
      await counter.start(key, whole("1"), { ...terms, limit: 1 });
      const later = (passed: number): typeof terms => ({ ...terms, limit: 1, now: terms.now + passed });
      expect(await counter.start(key, whole("2"), later(59_999))).toBeUndefined();
      expect(await counter.start(key, whole("2"), later(60_000))).toEqual({ download: "2", running: 1 });
    });

    it("a lease that is renewed holds on, also after it ran out", async () => {
      const [counter, key] = [make(), randomUUID()];
      await counter.start(key, whole("1"), { ...terms, limit: 1 });
      const own: RunningTransfer = { ...whole("1"), download: "1" };
      const at = (passed: number): typeof terms => ({ ...terms, limit: 1, now: terms.now + passed });
      expect(await counter.renew(key, [own], at(50_000))).toBe(1);
      expect(await counter.start(key, whole("2"), at(100_000))).toBeUndefined();
      expect(await counter.renew(key, [own], at(200_000))).toBe(1);
      expect(await counter.start(key, whole("2"), at(200_000))).toBeUndefined();
    });

    it("it tells how many transfers run under a key", async () => {
      const [counter, key] = [make(), randomUUID()];
      await counter.start(key, whole("1"), terms);
      expect(await counter.start(key, range("2", 10), terms)).toEqual({ download: "1", running: 2 });
      await counter.end(key, "1");
      expect(await counter.renew(key, [{ ...range("2", 10), download: "1" }], terms)).toBe(1);
    });

    it("of many at once, no more are admitted than may be", async () => {
      const [counter, key] = [make(), randomUUID()];
      const asked = Array.from({ length: 30 }, (_, at) => counter.start(key, whole(`${at}`), terms));
      expect((await Promise.all(asked)).filter(Boolean)).toHaveLength(2);
    });

    it("a file of a terabyte is counted exactly", async () => {
      const [counter, key] = [make(), randomUUID()];
      const large = { file: "a", size: 2 ** 43, bytes: 2 ** 43 };
      await counter.start(key, { id: "1", ...large }, { ...terms, limit: 1 });
      const rest = { id: "2", ...large, bytes: 2 ** 43 - 1 };
      expect((await counter.start(key, rest, { ...terms, limit: 1 }))?.download).toBe("1");
      expect(await counter.start(key, { ...rest, id: "3", bytes: 2 }, { ...terms, limit: 1 })).toBeUndefined();
    });
  });
}
