import { DownloadAssertionError } from "./download-assertion-error.ts";
import { compareDownload, type DownloadExpectations } from "./download-expectations.ts";
import type { TestedResponse } from "./tested-response.ts";

/**
 * Asserts that `response` is a download (200 or 206, with a `Content-Disposition`) and has the properties that are
 * passed.
 *
 * A `Response` can still be read afterwards. A lazy `DownloadResponse` is rendered for a GET if `content` is passed, else
 * for a HEAD, which does not read its file; its `onFinish` is not called. The promise of a handler may be passed as it is: an
 * error of a download counts as the status of its response.
 *
 * @throws {DownloadAssertionError} with every property that differs
 * @throws {TypeError} for an expectation that isn't known, or is `undefined`
 *
 * @example
 * ```ts
 * import { download } from "downloadview";
 * import { assertDownloadResponse } from "downloadview/testing";
 *
 * await assertDownloadResponse(download("id,name\n", { name: "café.csv" }), {
 *   filename: "café.csv",
 *   attachment: true,
 *   contentType: "text/csv",
 *   charset: "utf-8",
 *   content: "id,name\n",
 *   headers: { "Cache-Control": "private, no-cache, no-transform" },
 * });
 * ```
 */
export async function assertDownloadResponse(
  response: TestedResponse | PromiseLike<TestedResponse>,
  expected: DownloadExpectations = {},
): Promise<void> {
  const { mismatches, cause } = await compareDownload(response, expected);
  if (mismatches.length > 0)
    throw new DownloadAssertionError(mismatches, { operator: "assertDownloadResponse", cause });
}
