import { expect, it } from "vitest";
import { MemoryDownloadCounter } from "../../src/signing/memory-download-counter.ts";
import type { DownloadTerms } from "../../src/signing/download-counter.ts";
import { describeDownloadCounter } from "./download-counter-contract.ts";

const counter = new MemoryDownloadCounter();
describeDownloadCounter("MemoryDownloadCounter", () => counter);

function terms(now: number, expiresAt?: number): DownloadTerms {
  return { client: "alice", whole: true, limit: 1, restarts: 0, now, grantLife: 10, expiresAt };
}

it("MemoryDownloadCounter begins anew when the link expires, and not before", async () => {
  const counter = new MemoryDownloadCounter();
  await counter.begin("link", terms(0, 100));
  expect(await counter.begin("link", terms(99, 200))).toBeUndefined();
  expect(await counter.allows("link", terms(100, 200))).toBe(true);
  expect(await counter.begin("link", terms(100, 200))).toBeDefined();
});

it("MemoryDownloadCounter keeps no more links than it may, and forgets none that works", async () => {
  const counter = new MemoryDownloadCounter({ maxLinks: 2 });
  await counter.begin("first", terms(0, 100));
  await counter.begin("second", terms(0, 50));
  const refused: unknown = await counter.begin("third", terms(49, 1000)).catch((error: unknown) => error);
  expect(refused).toMatchObject({ status: 503, expose: false });
  expect(await counter.begin("first", terms(49, 100))).toBeUndefined();

  expect(await counter.begin("third", terms(50, 60))).toBeDefined();
  await expect(counter.begin("fourth", terms(59))).rejects.toThrow();
  expect(await counter.begin("fourth", terms(60))).toBeDefined();
  expect(await counter.begin("first", terms(60, 100))).toBeUndefined();
});
