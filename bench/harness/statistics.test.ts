import { describe, expect, it } from "vitest";
import { median, percentile } from "./statistics.ts";

const hundred = Array.from({ length: 100 }, (_, at) => 100 - at);

describe("statistics", () => {
  it.each([
    [median(hundred), 50.5],
    [median([3, 1, 2]), 2],
    [median([]), Number.NaN],
    [percentile(hundred, 0.99), 99],
    [percentile(hundred, 0.5), 50],
    [percentile(hundred, 1), 100],
    [percentile([7], 0.01), 7],
    [percentile([], 0.5), Number.NaN],
  ])("%#: %s is %s", (found, expected) => {
    expect(found).toBe(expected);
  });
});
