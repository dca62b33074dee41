import { expect, it } from "vitest";
import { knownDate, knownSize } from "./known.ts";

it.each<[unknown, number | undefined]>([
  [0, 0],
  [10, 10],
  [10n, 10],
  ["10", 10],
  ["0", 0],
  [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  [undefined, undefined],
  [null, undefined],
  [Number.NaN, undefined],
  [Infinity, undefined],
  [-1, undefined],
  [-1n, undefined],
  [2.5, undefined],
  [2 ** 60, undefined],
  [2n ** 60n, undefined],
  ["", undefined],
  ["-1", undefined],
  ["1e3", undefined],
  ["10 bytes", undefined],
  [{}, undefined],
  [true, undefined],
])("A source that says its size is %o is known to have %s bytes", (value, size) => {
  expect(knownSize(value)).toBe(size);
});

it.each<[unknown, Date | undefined]>([
  [new Date(5), new Date(5)],
  [5, new Date(5)],
  ["1970-01-01T00:00:01Z", new Date(1000)],
  [new Date(Number.NaN), undefined],
  [Number.NaN, undefined],
  ["yesterday", undefined],
  [undefined, undefined],
  [null, undefined],
  [{}, undefined],
])("A source that says its time is %o is known to have changed at %s", (value, date) => {
  expect(knownDate(value)).toEqual(date);
});
