import { describe, expect, it } from "vitest";
import { failed, passed, type CheckResult } from "./check-result.ts";
import { folded } from "./consequences.ts";

function result(check: string, fails: boolean): CheckResult {
  const about = { check, title: check };
  return fails ? failed(about, { side: "proxy", expected: "", actual: "", remedy: "" }) : passed(about);
}

describe("failures with one cause", () => {
  it.each([
    [["proxy-validators", "proxy-if-range", "proxy-uncompressed"], ["proxy-uncompressed"]],
    [["proxy-validators", "proxy-if-range"], ["proxy-validators"]],
    [["proxy-range", "proxy-if-range"], ["proxy-range"]],
    [["proxy-if-range"], ["proxy-if-range"]],
    [["proxy-names", "proxy-query", "proxy-host", "proxy-refused"], ["proxy-names"]],
    [["proxy-query", "proxy-streams", "proxy-slow-clients"], ["proxy-query"]],
    [["proxy-streams", "proxy-broken-streams", "proxy-slow-clients"], ["proxy-streams"]],
    [["proxy-private", "proxy-fresh", "proxy-range"], ["proxy-private"]],
    [["proxy-refused", "proxy-missing"], ["proxy-refused"]],
    [
      ["proxy-range", "proxy-fields", "proxy-internal"],
      ["proxy-range", "proxy-fields", "proxy-internal"],
    ],
  ])("%j are told as %j", (fails, told) => {
    const all = [...fails.map((check) => result(check, true)), result("proxy-reachable", false)];
    const results = folded(all);
    expect(results.filter(({ outcome }) => outcome === "fail").map(({ check }) => check)).toEqual(told);
    expect(results.every(({ outcome, follows }) => outcome !== "skipped" || follows !== undefined)).toBe(true);
    expect(results).toHaveLength(all.length);
  });
});
