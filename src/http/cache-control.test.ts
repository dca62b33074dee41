import { describe, expect, it } from "vitest";
import { privateCacheControl } from "./cache-control.ts";

describe("privateCacheControl", () => {
  it.each<[string | null, number | undefined, string]>([
    [null, 60, "private, max-age=60"],
    ["", 60, "private, max-age=60"],
    ["private", 60, "private, max-age=60"],
    ["private, max-age=30", 60, "private, max-age=30"],
    ["private, max-age=3600", 60, "private, max-age=60"],
    ['max-age="3600"', 60, "private, max-age=60"],
    ["max-age=90, max-age=30", 60, "private, max-age=30"],
    ["max-age=forever", 60, "private, max-age=60"],
    ["public, s-maxage=3600, Max-Age=3600, immutable", 60, "private, immutable, max-age=60"],
    ["max-age=10, stale-while-revalidate=3600, stale-if-error=3600", 60, "private, max-age=10"],
    ["no-store", 60, "private, no-store"],
    ["No-Cache", 60, "private, No-Cache"],
    ['no-cache="set-cookie, vary"', 60, 'private, no-cache="set-cookie, vary", max-age=60'],
    ['private="x, public", no-transform', 60, "private, no-transform, max-age=60"],
    ["max-age=60", 0, "private, max-age=0"],
    [null, undefined, "private"],
    ["public, max-age=3600, s-maxage=9", undefined, "private, max-age=3600"],
  ])("makes of %j with %s seconds left: %s", (value, seconds, expected) => {
    expect(privateCacheControl(value, seconds)).toBe(expected);
  });
});
