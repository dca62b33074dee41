import { describe, expect, it } from "vitest";
import { formatLeak, type Sample } from "./report.ts";

function samples(count: number, heapAt: (at: number) => number): Sample[] {
  return Array.from({ length: count }, (_, at) => ({
    seconds: at * 10,
    requests: at * 1000,
    heapBytes: heapAt(at),
    externalBytes: 1e6,
    rssBytes: 1e8,
    handles: 3,
    descriptors: 20,
  }));
}

const cases: readonly [what: string, heapAt: (at: number) => number, verdict: string][] = [
  ["stays", () => 20e6, "flat"],
  ["grows while the server warms up", (at) => (at < 10 ? at * 2e6 : 20e6), "flat"],
  ["grows by 100 KB in 10 s", (at) => 20e6 + at * 1e5, "grows"],
];

describe("the report of ten minutes", () => {
  it.each(cases)("says of a heap that %s: %#", (_what, heapAt, verdict) => {
    expect(formatLeak(samples(60, heapAt), [])).toMatch(new RegExp(`\\| heap, MB \\|.*\\| ${verdict} \\|`));
  });

  it("shows 13 of many samples, the first and the last among them", () => {
    const lines = formatLeak(
      samples(60, () => 20e6),
      [],
    )
      .split("## Samples")[1]!
      .trim()
      .split("\n")
      .slice(2);
    expect(lines).toHaveLength(13);
    expect([lines[0], lines.at(-1)].map((line) => line?.split("|")[1]?.trim())).toEqual(["0", "590"]);
  });
});
