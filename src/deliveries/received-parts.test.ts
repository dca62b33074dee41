import { describe, expect, it } from "vitest";
import { coversAll, withPart, type Part } from "./received-parts.ts";

const cases: [what: string, parts: [start: number, end: number][], joined: [number, number][], isWhole: boolean][] = [
  ["one part", [[0, 10]], [[0, 10]], true],
  ["a part that is short by a byte", [[0, 9]], [[0, 9]], false],
  ["a part that lacks the first byte", [[1, 10]], [[1, 10]], false],
  [
    "two parts that touch",
    [
      [0, 5],
      [5, 10],
    ],
    [[0, 10]],
    true,
  ],
  [
    "two parts with a gap of a byte",
    [
      [0, 5],
      [6, 10],
    ],
    [
      [0, 5],
      [6, 10],
    ],
    false,
  ],
  [
    "parts in any order",
    [
      [6, 10],
      [0, 3],
      [3, 6],
    ],
    [[0, 10]],
    true,
  ],
  [
    "overlapping parts",
    [
      [0, 7],
      [4, 10],
      [2, 3],
    ],
    [[0, 10]],
    true,
  ],
  [
    "a part twice",
    [
      [0, 5],
      [0, 5],
    ],
    [[0, 5]],
    false,
  ],
  [
    "an empty part",
    [
      [5, 5],
      [0, 5],
    ],
    [[0, 5]],
    false,
  ],
  ["a part that runs backwards", [[9, 0]], [], false],
  ["a part beyond the end", [[0, 99]], [[0, 99]], true],
];

describe("parts of a file of 10 bytes", () => {
  it.each(cases)("%s", (_, parts, joined, isWhole) => {
    const all = parts.reduce<readonly Part[]>((before, [start, end]) => withPart(before, { start, end }), []);
    expect(all.map(({ start, end }) => [start, end])).toEqual(joined);
    expect(coversAll(all, 10)).toBe(isWhole);
  });

  it("an empty file is whole at once", () => expect(coversAll([], 0)).toBe(true));
});
