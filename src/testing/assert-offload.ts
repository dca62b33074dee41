import { isProxiedDownloadResponse, type DownloadRequest } from "../responses/handler.ts";
import { DownloadAssertionError, type Mismatch } from "./download-assertion-error.ts";
import { compareDownload, type DownloadExpectations } from "./download-expectations.ts";
import { viewResponse, type ResponseView, type TestedResponse } from "./tested-response.ts";

/** The expected properties of an offloaded download. Properties that are left out are not checked. */
export interface OffloadExpectations extends Pick<
  DownloadExpectations,
  "filename" | "contentType" | "attachment" | "headers"
> {}

/** `null` expects that the field is missing. */
export interface XAccelRedirectExpectations extends OffloadExpectations {
  /** `X-Accel-Redirect`, percent-encoded. */
  redirectUrl?: string;
  /** `X-Accel-Charset`. */
  charset?: string | null;
  /** `X-Accel-Buffering`. */
  withBuffering?: boolean | null;
  /** `X-Accel-Expires`: seconds, a date, or `false` where nothing is to be kept. */
  expires?: number | Date | false | null;
  /** `X-Accel-Limit-Rate`: bytes a second, or `false` for no limit. */
  limitRate?: number | false | null;
}

export interface XSendfileExpectations extends OffloadExpectations {
  /** `X-Sendfile`: the path, in any encoding that a server expects. */
  filePath?: string;
}

/**
 * Asserts that nginx is told to send the file, and the other properties that are passed. Accepts a lazy response, a `Response`, and
 * the results of supertest and of light-my-request. A lazy response is rendered for a GET, so its file must exist.
 *
 * @throws {DownloadAssertionError} with every property that differs
 * @throws {TypeError} for an expectation that isn't known, or is `undefined`
 *
 * @example
 * ```ts
 * import { XAccelRedirectResponse } from "downloadview/nginx";
 * import { assertXAccelRedirect } from "downloadview/testing";
 *
 * const response = new XAccelRedirectResponse({ redirectUrl: "/_downloads/a%20b.txt", limitRate: 5000 });
 * await assertXAccelRedirect(response, {
 *   redirectUrl: "/_downloads/a%20b.txt",
 *   filename: "a b.txt",
 *   contentType: "text/plain; charset=utf-8",
 *   charset: "utf-8",
 *   attachment: true,
 *   limitRate: 5000,
 *   expires: null,
 *   withBuffering: null,
 * });
 * ```
 */
export async function assertXAccelRedirect(
  response: TestedResponse | PromiseLike<TestedResponse>,
  expected: XAccelRedirectExpectations = {},
): Promise<void> {
  const { redirectUrl, charset, withBuffering, expires, limitRate, ...download } = expected;
  await assertOffload(response, download, "assertXAccelRedirect", {
    "X-Accel-Redirect": given(expected, "redirectUrl", redirectUrl, true),
    "X-Accel-Charset": given(expected, "charset", charset),
    "X-Accel-Buffering": given(expected, "withBuffering", withBuffering, undefined, (value) => (value ? "yes" : "no")),
    "X-Accel-Expires": given(expected, "expires", expires, undefined, expiry),
    "X-Accel-Limit-Rate": given(expected, "limitRate", limitRate, undefined, (value) => String(value || 0)),
  });
}

/**
 * Asserts that Apache or lighttpd is told to send the file, and the other properties that are passed, as {@link assertXAccelRedirect} does.
 *
 * @throws {DownloadAssertionError} with every property that differs
 * @throws {TypeError} for an expectation that isn't known, or is `undefined`
 *
 * @example
 * ```ts
 * import { XSendfileResponse } from "downloadview/lighttpd";
 * import { assertXSendfile } from "downloadview/testing";
 *
 * const response = new XSendfileResponse({ filePath: "/srv/media/a b.txt", attachment: false });
 * await assertXSendfile(response, { filePath: "/srv/media/a b.txt", filename: "a b.txt", attachment: false });
 * ```
 */
export async function assertXSendfile(
  response: TestedResponse | PromiseLike<TestedResponse>,
  expected: XSendfileExpectations = {},
): Promise<void> {
  const { filePath, ...download } = expected;
  await assertOffload(response, download, "assertXSendfile", {
    "X-Sendfile": given(expected, "filePath", filePath, true, encodings),
  });
}

/** What a field must be: one of these values, anything (`true`), nothing (`null`), or not looked at. */
type Expected = readonly string[] | true | null | undefined;

function given<V>(
  expectations: object,
  name: string,
  value: V | null | undefined,
  otherwise?: true,
  written: (value: V) => string | readonly string[] = String,
): Expected {
  if (!(name in expectations)) return otherwise;
  if (value === undefined) throw new TypeError(`The expected ${name} is undefined: give a value, or leave it out`);
  return value === null ? null : [written(value)].flat();
}

function expiry(value: number | Date | false): string {
  return value instanceof Date ? `@${Math.floor(value.getTime() / 1000)}` : String(value || 0);
}

// Apache takes the bytes of a path, lighttpd its percent-encoding: a test that says the path means either.
function encodings(path: string): readonly string[] {
  const bytes = new TextEncoder().encode(path);
  return [path, path.split("/").map(encodeURIComponent).join("/"), String.fromCharCode(...bytes)];
}

async function assertOffload(
  received: TestedResponse | PromiseLike<TestedResponse>,
  download: OffloadExpectations,
  operator: string,
  fields: Readonly<Record<string, Expected>>,
): Promise<void> {
  const response = rendered(received);
  const view = await viewResponse(response, false);
  const differing = Object.entries(fields).flatMap(([name, expected]) => compareField(view, name, expected));
  const { mismatches, cause } = await compareDownload(response, download);
  const all = [...differing, ...mismatches];
  if (all.length > 0) throw new DownloadAssertionError(all, { operator, cause });
}

/** A lazy response is rendered for a GET: the server never answers HEAD. */
async function rendered(received: TestedResponse | PromiseLike<TestedResponse>): Promise<TestedResponse> {
  const response = await received;
  return isProxiedDownloadResponse(response) ? response.render(plainGet) : response;
}

const plainGet: DownloadRequest = { method: "GET", url: "http://localhost/", headers: { get: () => null } };

function compareField(view: ResponseView, property: string, expected: Expected): Mismatch[] {
  const actual = view.header(property);
  if (expected === undefined || matches(actual, expected)) return [];
  return [{ property, expected: expected === true ? "the field" : (expected?.[0] ?? undefined), actual }];
}

function matches(actual: string | undefined, expected: readonly string[] | true | null): boolean {
  if (expected === null || actual === undefined) return expected === null && actual === undefined;
  return expected === true || expected.includes(actual);
}
