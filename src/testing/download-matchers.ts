import { describeMismatches, valuesOf } from "./download-assertion-error.ts";
import { compareDownload, type DownloadExpectations } from "./download-expectations.ts";
import type { TestedResponse } from "./tested-response.ts";

/** The matchers as `expect(…)` has them. Merge it into the runner's own interface, see {@link downloadMatchers}. */
export interface DownloadMatchers {
  /** See `assertDownloadResponse`. Await it. */
  toBeDownloadResponse(expected?: DownloadExpectations): Promise<void>;
}

/** The result of a matcher, as Vitest and Jest expect it. */
export interface MatcherResult {
  pass: boolean;
  message: () => string;
  expected?: unknown;
  actual?: unknown;
}

/**
 * `assertDownloadResponse` as a matcher, for `expect.extend()` of Vitest and Jest. TypeScript learns of it by one
 * declaration in a setup file: for Jest the module is `"expect"`, and the interface
 * `Matchers<R extends void | Promise<void>, T>`.
 *
 * @example
 * ```ts
 * import { expect } from "vitest";
 * import { download } from "downloadview";
 * import { downloadMatchers, type DownloadMatchers } from "downloadview/testing";
 *
 * declare module "vitest" {
 *   interface Matchers<T> extends DownloadMatchers {}
 * }
 * expect.extend(downloadMatchers);
 *
 * await expect(download("hello", { name: "hello.txt" })).toBeDownloadResponse({ filename: "hello.txt" });
 * ```
 */
export const downloadMatchers: {
  toBeDownloadResponse(received: TestedResponse, expected?: DownloadExpectations): Promise<MatcherResult>;
} = {
  async toBeDownloadResponse(received, expected = {}) {
    const { mismatches } = await compareDownload(received, expected);
    const pass = mismatches.length === 0;
    return {
      pass,
      message: () =>
        pass ? `Expected another download than ${JSON.stringify(expected)}` : describeMismatches(mismatches),
      expected: valuesOf(mismatches, "expected"),
      actual: valuesOf(mismatches, "actual"),
    };
  },
};
