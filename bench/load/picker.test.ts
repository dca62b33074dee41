import { describe, expect, it } from "vitest";
import { pickerOf } from "./picker.ts";

function counts(distribution: "uniform" | "zipf", requests: number): number[] {
  const pick = pickerOf({ of: 10, distribution });
  const found = Array.from({ length: 10 }, () => 0);
  for (let i = 0; i < requests; i++) found[pick()]! += 1;
  return found;
}

describe("pickerOf", () => {
  it("picks each file as often as any other", () => {
    for (const count of counts("uniform", 10_000)) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  it("picks by Zipf's law", () => {
    const [first = 0, second = 0, , , fifth = 0, , , , , tenth = 0] = counts("zipf", 100_000);
    expect(first / second).toBeCloseTo(2, 0);
    expect(first / fifth).toBeCloseTo(5, 0);
    expect(Math.abs(first / tenth - 10)).toBeLessThan(1);
  });

  it("picks each file, one after the other", () => {
    const pick = pickerOf({ of: 3, distribution: "each" });
    expect([pick(), pick(), pick(), pick()]).toEqual([0, 1, 2, 0]);
  });

  it("picks the same files again", () => {
    expect(counts("zipf", 1000)).toEqual(counts("zipf", 1000));
  });
});
