import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  contentRange,
  multipartBoundary,
  multipartByteRanges,
  parseRange,
  rangeLength,
  selectRanges,
  unsatisfiedRange,
} from "./range.ts";
import type { ByteRange, RangeSelection, RangeSpec } from "./range.ts";

describe("parseRange", () => {
  it.each<[string, RangeSpec[]]>([
    ["bytes=0-0", [{ start: 0, end: 0 }]],
    ["bytes=5-", [{ start: 5 }]],
    ["bytes=-5", [{ suffix: 5 }]],
    ["bytes=-0", [{ suffix: 0 }]],
    ["BYTES=1-2", [{ start: 1, end: 2 }]],
    ["bytes=\t 1-2 \t,,\t3-,", [{ start: 1, end: 2 }, { start: 3 }]],
    ["bytes=007-010", [{ start: 7, end: 10 }]],
    ["bytes=0-99999999999999999999", [{ start: 0, end: Number.MAX_SAFE_INTEGER }]],
    [`bytes=-${"9".repeat(400)}`, [{ suffix: Number.MAX_SAFE_INTEGER }]],
  ])("reads %s", (value, specs) => {
    expect(parseRange(value)).toEqual(specs);
  });

  it.each([
    "",
    "bytes",
    "bytes=",
    "bytes=,",
    "bytes =0-1",
    "bytes: 0-1",
    "octets=0-1",
    "bytes=0",
    "bytes=-",
    "bytes=2-1",
    "bytes=+1-2",
    "bytes=1-+2",
    "bytes=1.0-2",
    "bytes=1e1-20",
    "bytes=0x1-2",
    "bytes=1 -2",
    "bytes=1- 2",
    "bytes=1-2-3",
    "bytes=1-2;3-4",
    "bytes=0-1,x",
    "bytes=0-1,bytes=2-3",
    "bytes=٠-١",
    "bytes=0-1\u00a0",
  ])("refuses %j", (value) => {
    expect(parseRange(value)).toBeUndefined();
  });

  it("takes time in proportion to the length", () => {
    expect(parseRange(`bytes=${" ".repeat(200_000)}x`)).toBeUndefined();
    expect(parseRange(`bytes=${"1".repeat(200_000)}x`)).toBeUndefined();
    expect(parseRange(`bytes=${"-".repeat(200_000)}`)).toBeUndefined();
    expect(parseRange(`bytes=${",".repeat(200_000)}`)).toBeUndefined();
  });
});

describe("selectRanges", () => {
  const partial = (start: number, end: number): RangeSelection => ({ kind: "partial", range: { start, end } });
  const multipart = (...ranges: [number, number][]): RangeSelection => ({
    kind: "multipart",
    ranges: ranges.map(([start, end]) => ({ start, end })),
  });

  it.each<[string, string, RangeSelection]>([
    ["cuts a range at the end", "bytes=90-200", partial(90, 99)],
    ["selects the whole for a suffix that is too long", "bytes=-1000", partial(0, 99)],
    ["keeps the order", "bytes=50-59,0-9", multipart([50, 59], [0, 9])],
    ["leaves out what can't be satisfied", "bytes=200-,0-9,-0", partial(0, 9)],
    ["joins ranges that overlap", "bytes=0-9,5-19", partial(0, 19)],
    ["joins a range inside another", "bytes=0-19,5-9", partial(0, 19)],
    ["joins the same range twice", "bytes=5-9,5-9", partial(5, 9)],
    ["joins a chain of ranges", "bytes=0-10,10-20,20-29", partial(0, 29)],
    ["sends the end first where that was asked for first", "bytes=90-99,80-99", multipart([90, 99], [80, 99])],
    ["puts a joined range where its first was", "bytes=50-55,0-9,54-60", multipart([50, 60], [0, 9])],
    ["keeps ranges apart that only touch", "bytes=0-9,10-19", multipart([0, 9], [10, 19])],
    ["sends two halves", "bytes=0-49,50-99", multipart([0, 49], [50, 99])],
    ["sends all rather than more than all", "bytes=0-50,50-99", { kind: "full" }],
    ["refuses ranges past the end", "bytes=100-", { kind: "unsatisfiable" }],
    ["refuses an empty suffix", "bytes=-0", { kind: "unsatisfiable" }],
  ])("%s: %s of 100 bytes", (_, value, selection) => {
    expect(selectRanges(value, 100)).toEqual(selection);
  });

  it("sends an empty representation whole", () => {
    expect(selectRanges("bytes=0-0", 0)).toEqual({ kind: "full" });
    expect(selectRanges("bytes=-0", 0)).toEqual({ kind: "full" });
  });

  it("takes a hundred ranges, and not one more", () => {
    const value = (count: number): string =>
      `bytes=${Array.from({ length: count }, (_, index) => `${index * 2}-${index * 2}`).join(",")}`;
    expect(selectRanges(value(100), 1000)).toMatchObject({ kind: "multipart" });
    expect(selectRanges(value(101), 1000)).toEqual({ kind: "full" });
  });

  const size = 60;
  const position = fc.integer({ min: 0, max: size + 5 });
  const spec = fc.oneof(
    fc.tuple(position, position).map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) })),
    position.map((start) => ({ start })),
    position.map((suffix) => ({ suffix })),
  );
  const field = (specs: readonly RangeSpec[]): string =>
    `bytes=${specs
      .map((asked) => ("suffix" in asked ? `-${asked.suffix}` : `${asked.start}-${asked.end ?? ""}`))
      .join(", ")}`;
  const asked = (each: RangeSpec): number[] => {
    const start = "suffix" in each ? Math.max(size - each.suffix, 0) : each.start;
    const end = "suffix" in each ? size - 1 : Math.min(each.end ?? size - 1, size - 1);
    return Array.from({ length: Math.max(end - start + 1, 0) }, (_, index) => start + index);
  };
  const sent = (ranges: readonly ByteRange[]): number[] =>
    ranges.flatMap(({ start, end }) => Array.from({ length: end - start + 1 }, (_, index) => start + index));

  it("sends exactly the bytes that were asked for, none more often than that", () => {
    fc.assert(
      fc.property(fc.array(spec, { minLength: 1, maxLength: 8 }), (specs) => {
        const selection = selectRanges(field(specs), size);
        const bytes = specs.flatMap(asked);
        if (bytes.length === 0) {
          expect(selection.kind).toBe("unsatisfiable");
        } else if (bytes.length > size) {
          expect(selection.kind).toBe("full");
        } else {
          const ranges =
            selection.kind === "partial" ? [selection.range] : selection.kind === "multipart" ? selection.ranges : [];
          expect(new Set(sent(ranges))).toEqual(new Set(bytes));
          expect(sent(ranges).length).toBeLessThanOrEqual(bytes.length);
        }
      }),
    );
  });

  it("begins where the client asked it to begin", () => {
    fc.assert(
      fc.property(fc.array(spec, { minLength: 2, maxLength: 4 }), (specs) => {
        const selection = selectRanges(field(specs), size);
        fc.pre(selection.kind === "multipart");
        expect(selection.ranges[0]?.start).toBe(specs.flatMap(asked)[0]);
      }),
    );
  });

  it("never throws, never leaves the representation, never counts in NaN", () => {
    const unit = fc.constantFrom("0", "9", "-", ",", " ", "\t", "=", "b", "99999999999999999999");
    fc.assert(
      fc.property(fc.string({ unit }), fc.maxSafeNat(), (text, bytes) => {
        const selection = selectRanges(`bytes=${text}`, bytes);
        const ranges =
          selection.kind === "partial" ? [selection.range] : selection.kind === "multipart" ? selection.ranges : [];
        for (const { start, end } of ranges) {
          expect(Number.isSafeInteger(start) && Number.isSafeInteger(end)).toBe(true);
          expect(start >= 0 && start <= end && end < bytes).toBe(true);
        }
      }),
    );
  });
});

describe("Content-Range", () => {
  it("counts both ends", () => {
    expect(contentRange({ start: 0, end: 499 }, 1234)).toBe("bytes 0-499/1234");
    expect(unsatisfiedRange(47_022)).toBe("bytes */47022");
    expect(rangeLength({ start: 0, end: 499 })).toBe(500);
  });
});

describe("multipartByteRanges", () => {
  const ranges = [
    { start: 0, end: 1 },
    { start: 5, end: 6 },
  ];

  it("has no Content-Type in its parts when the whole has none", () => {
    const { parts } = multipartByteRanges(ranges, { size: 10, boundary: "B" });
    expect(parts[0]?.head).toBe("\r\n--B\r\nContent-Range: bytes 0-1/10\r\n\r\n");
  });

  it.each(["text/é", "text/plain; a=\u0104", "text/plain\r\nX: y", "text/plain\0", "text", ""])(
    "leaves out the type %j, which could not stand in a head",
    (contentType) => {
      const { parts } = multipartByteRanges(ranges, { size: 10, contentType, boundary: "B" });
      expect(parts[0]?.head).toBe("\r\n--B\r\nContent-Range: bytes 0-1/10\r\n\r\n");
    },
  );

  it.each(["", "a b", "a\r\nX: y", "é", "x".repeat(71)])("refuses the boundary %j", (boundary) => {
    expect(() => multipartByteRanges(ranges, { size: 10, boundary })).toThrow(TypeError);
  });

  it("knows the length of what it lays out", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(500), fc.nat(499)), { minLength: 2 }), (pairs) => {
        const laidOut = multipartByteRanges(
          pairs.map(([start, more]) => ({ start, end: start + more })),
          { size: 1000, contentType: "text/plain; charset=utf-8", boundary: multipartBoundary() },
        );
        const body = laidOut.parts.map(({ head, range }) => head + "x".repeat(rangeLength(range)));
        expect(laidOut.contentLength).toBe((body.join("") + laidOut.tail).length);
      }),
    );
  });

  it("has a boundary that is new each time, and a token (RFC 2046 §5.1.1)", () => {
    expect(multipartBoundary()).not.toBe(multipartBoundary());
    expect(multipartBoundary()).toMatch(/^[0-9a-zA-Z-]{32,70}$/);
  });
});
