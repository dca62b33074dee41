import { describe, expect, it } from "vitest";
import { decide } from "../../src/http/decide.ts";
import { contentRange, multipartByteRanges, rangeLength, unsatisfiedRange } from "../../src/http/range.ts";
import type { Decision } from "../../src/http/decide.ts";
import { readCases, requestOf } from "./cases.ts";

interface RangeCase {
  readonly id: string;
  readonly range: string;
  readonly size: number;
  readonly expect: Expected;
  readonly acceptableStatus: readonly number[];
}

interface Expected {
  readonly status: number;
  readonly why?: string;
  readonly contentRange?: string | null;
  readonly contentLength?: number;
  readonly slice?: Slice;
  readonly multipart?: boolean;
  readonly parts?: readonly { readonly contentRange: string; readonly slice: Slice }[];
}

type Slice = readonly [start: number, endExclusive: number];

interface MethodCase {
  readonly method: string;
  readonly range: string;
  readonly size: number;
  readonly expect: Expected;
}

interface MultipartExample {
  readonly boundary: string;
  readonly contentType: string;
  readonly size: number;
  readonly parts: readonly Slice[];
  readonly body: string;
}

const { cases, methods, multipart } = readCases<{
  cases: readonly RangeCase[];
  methods: readonly MethodCase[];
  multipart: { readonly overhead_example: MultipartExample };
}>("ranges.json");

function outcome(decision: Decision, size: number): Expected {
  switch (decision.kind) {
    case "full":
      return { status: 200 };
    case "partial":
      return {
        status: 206,
        ...part(decision.range, size),
        contentLength: rangeLength(decision.range),
      };
    case "multipart":
      return {
        status: 206,
        multipart: true,
        parts: decision.ranges.map((range) => part(range, size)),
      };
    case "rangeNotSatisfiable":
      return { status: 416, contentRange: unsatisfiedRange(size) };
    default:
      throw new Error(`No case has preconditions: ${decision.kind}`);
  }
}

function part(range: { start: number; end: number }, size: number): { contentRange: string; slice: Slice } {
  return { contentRange: contentRange(range, size), slice: [range.start, range.end + 1] };
}

describe("Range, as other servers test it", () => {
  it.each(cases)("answers $id on GET", ({ range, size, expect: { why: _, ...expected } }) => {
    const decision = decide(requestOf("GET", { Range: range }), { size });
    expect(outcome(decision, size)).toEqual(expected);
  });

  it.each(cases)("ignores $id on HEAD", ({ range, size }) => {
    expect(decide(requestOf("HEAD", { Range: range }), { size })).toEqual({ kind: "full" });
  });

  it.each(methods)("$method with $range of $size bytes", ({ method, range, size, expect: { status } }) => {
    const decision = decide(requestOf(method, { Range: range }), { size });
    expect(outcome(decision, size)).toEqual({ status });
  });
});

describe("multipart/byteranges, as the example has it", () => {
  const { boundary, contentType, size, parts, body } = multipart.overhead_example;
  const ranges = parts.map(([start, end]) => ({ start, end: end - 1 }));
  const laidOut = multipartByteRanges(ranges, { size, contentType, boundary });

  it("is the same byte for byte", () => {
    const content = "0123456789";
    const sent = laidOut.parts.map(({ head, range }) => head + content.slice(range.start, range.end + 1));
    expect(sent.join("") + laidOut.tail).toBe(body);
  });

  it("has the exact length and the boundary in its type", () => {
    expect(laidOut.contentLength).toBe(body.length);
    expect(laidOut.contentType).toBe("multipart/byteranges; boundary=B");
  });
});
