import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { watchReader } from "./slow-readers.ts";

/** What a connection did in a second: bytes that it took, or undefined if nothing waited for it. */
type Second = number | undefined;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const many = (times: number, second: Second): Second[] => Array.from({ length: times }, () => second);

const cases: [what: string, limits: { idle?: number; minimumRate?: number }, seconds: Second[], end: number | null][] =
  [
    ["a client that takes nothing", { idle: 5 }, many(10, 0), 5],
    ["not while nothing waits for it", { idle: 5 }, many(20, undefined), null],
    ["not one that takes a byte now and then", { idle: 5 }, [0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], null],
    ["one that stops after it took something", { idle: 3 }, [100, undefined, 100, 0, 0, 0, 0], 6],
    ["one below the minimum rate, over 30 seconds", { minimumRate: 100 }, many(60, 99), 30],
    ["not one at the minimum rate", { minimumRate: 100 }, many(90, 100), null],
    [
      "not for a slow source",
      { minimumRate: 100 },
      [...many(29, undefined), ...many(10, 1), ...many(50, undefined)],
      null,
    ],
    ["one that was fast before", { minimumRate: 100 }, [...many(30, 1000), ...many(40, 1)], 60],
  ];

describe("watchReader ends", () => {
  it.each(cases)("%s", async (_, limits, seconds, end) => {
    let [taken, isWaiting, now] = [0, false, 0];
    let ended: number | null = null;
    const reader = { taken: () => taken, isWaiting: () => isWaiting };
    const stop = watchReader(limits, reader, () => (ended = now));
    for (const second of seconds) {
      now += 1;
      isWaiting = second !== undefined;
      taken += second ?? 0;
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect(ended).toBe(end);
    stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});
