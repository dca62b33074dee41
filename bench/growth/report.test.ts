import { describe, expect, it } from "vitest";
import { changeOf, formatGrowth, type Growth } from "./report.ts";

function growth(values: readonly number[]): Growth {
  const rows = values.map((value, at) => ({ point: 10 ** at, values: [{ value, failure: undefined }] }));
  return { name: "a", unit: "things", note: "All of them.", servers: ["downloadview"], rows };
}

const cases: readonly [what: string, values: readonly number[], verdict: string][] = [
  ["nothing grows", [20, 20, 20, 20], "no worse than logarithmic"],
  ["it grows with the logarithm", [10, 20, 30, 40], "no worse than logarithmic"],
  ["it grows with the root", [20, 63, 200, 632], "worse than logarithmic"],
  ["it grows with the number, above something that doesn't", [20, 20.2, 22, 40, 220], "worse than logarithmic"],
  ["the last one failed", [20, 20, Number.NaN], "not measured"],
];

describe("growth", () => {
  it.each(cases)("is judged by its last tenfold: %s", (_what, values, verdict) => {
    expect(formatGrowth([growth(values)], [])).toContain(`| ${verdict} |`);
  });

  it("is told in all and in the last tenfold", () => {
    expect(changeOf(growth([10, 20, 30]))).toEqual({ first: 1, last: 100, whole: 3, tenfold: 1.5 });
  });
});
