import { describe, expect, it } from "vitest";
import { workloads } from "../workloads.ts";
import { BUDGET_SECONDS, estimate, roundsWithin } from "./plan.ts";

const whole = (rounds: number): number => workloads.reduce((sum, workload) => sum + estimate(workload, rounds), 0);

describe("the plan of a run", () => {
  it("fits into the time with three rounds, and a tenth to spare", () => {
    expect(whole(3) * 1.1).toBeLessThan(BUDGET_SECONDS);
  });

  it.each([
    ["there is time", 5, whole(5), 1, 5],
    ["there is a little less", 5, whole(5) - 1, 1, 4],
    ["all takes twice as long as estimated", 5, whole(4) * 2, 2, 4],
    ["there is none", 5, 0, 1, 3],
    ["two were asked for", 2, 0, 1, 2],
  ])("gives as many rounds as there is time for: %s", (_what, rounds, seconds, pace, expected) => {
    expect(roundsWithin(workloads, rounds, seconds, pace)).toBe(expected);
  });
});
