import { describe, expect, it } from "vitest";
import { pageNames, pageWithMatrix } from "./matrix.ts";

describe("the documentation", () => {
  it.each(pageNames)("shows in %s what the suite holds servers to (npm run matrix)", (page) => {
    const { now, wanted } = pageWithMatrix(page);
    expect(now).toBe(wanted);
  });
});
