import { ImproperlyConfiguredError, MethodNotAllowedError, PermissionDeniedError } from "../errors.ts";
import type { DownloadHandler, DownloadRequest, ViewContext } from "../responses/handler.ts";
import type { DownloadCounter } from "./download-counter.ts";
import { encodeBase64Url } from "./hmac-key.ts";
import { limitedDownloads } from "./limited-downloads.ts";
import { MemoryDownloadCounter } from "./memory-download-counter.ts";
import { signatureRequired } from "./signature-required.ts";
import type { URLSigner } from "./url-signer.ts";

export interface TicketOptions<C = unknown> {
  readonly signer: URLSigner;
  /**
   * Whether this request may have a ticket for its URL. For example, check the bearer token in `Authorization`. Return false
   * for a 403, or throw another error, such as a 401.
   */
  readonly allow: (request: DownloadRequest, context: ViewContext<C>) => boolean | Promise<boolean>;
  /** How long a ticket works, in seconds. Default 60: the page navigates to it at once. */
  readonly expiresIn?: number;
  /** How many downloads a ticket allows. Default 1. */
  readonly limit?: number;
  /** Counts the downloads. Default: `MemoryDownloadCounter`, in this process. `RedisDownloadCounter`: for several machines. */
  readonly counter?: DownloadCounter;
  /**
   * The URL that the ticket is for: at least its path and query. Default: the URL of the POST. If the client names the path,
   * {@link allow} must check it.
   */
  readonly url?: (request: DownloadRequest, context: ViewContext<C>) => string;
  /** Returns the address or prefix that the ticket works from. Default: any. */
  readonly ipPrefix?: (request: DownloadRequest, context: ViewContext<C>) => string | undefined;
  /** Other sites whose pages may ask for tickets: `["https://app.example.com"]`. Default: none. */
  readonly origins?: readonly string[];
}

/** A handler that issues tickets, with a wrapper for the view that requires them. */
export interface Tickets<C = unknown> extends DownloadHandler<C> {
  /** Wraps a view so that it answers tickets only. Each ticket allows `limit` downloads. */
  required(view: DownloadHandler<C>): DownloadHandler<C>;
}

const purpose = "downloadview ticket";

/**
 * Exchanges a bearer token for a link that works for a short time, so that the browser can download a file. A navigation
 * sends no token, and `fetch` would hold the whole file in the memory of the page.
 *
 * Mount it for POST, and `tickets.required(view)` for GET, under the same URL. The page sends a POST with its token, and
 * gets `{ "url": "/files/a.pdf?…", "expiresAt": "2026-…" }`. Then it navigates: `location.href = url`.
 *
 * Pages of other sites get a 403, also with cookies: `Origin` and `Sec-Fetch-Site` identify them. To allow a site, add it to
 * `origins`. A method other than POST gets a 405. The answer is never cached.
 *
 * @throws {ImproperlyConfiguredError} if an option is missing or invalid
 *
 * @example
 * ```ts
 * import { download } from "downloadview";
 * import { toFetchHandler } from "downloadview/fetch";
 * import { issueTickets, URLSigner } from "downloadview/signing";
 *
 * const signer = new URLSigner({ secrets: "0123456789abcdef0123456789abcdef" });
 * const tickets = issueTickets({ signer, allow: ({ headers }) => headers.get("Authorization") === "Bearer 42" });
 * const post = toFetchHandler(tickets);
 * const get = toFetchHandler(tickets.required(async () => download("secret", { name: "secret.txt" })));
 *
 * const asked = { method: "POST", headers: { Authorization: "Bearer 42" } };
 * const ticket = await post(new Request("https://example.com/secret", asked));
 * const { url } = (await ticket.json()) as { url: string };
 * const link = new URL(url, "https://example.com");
 * console.assert((await (await get(new Request(link))).text()) === "secret");
 * console.assert((await get(new Request(link))).status === 403);
 * console.assert((await post(new Request("https://example.com/secret", { method: "POST" }))).status === 403);
 * ```
 */
export function issueTickets<C = unknown>(options: TicketOptions<C>): Tickets<C> {
  checkOptions(options);
  const { signer, allow, expiresIn = 60, limit = 1, counter = new MemoryDownloadCounter() } = options;
  const origins = new Set(options.origins ?? []);
  const issue: DownloadHandler<C> = async (request, context) => {
    if (request.method !== "POST") throw new MethodNotAllowedError(["POST"]);
    if (!isOfThisSite(request, origins)) throw new PermissionDeniedError("Forbidden", { cause: "another site" });
    if (!(await allow(request, context))) throw new PermissionDeniedError("Forbidden", { cause: "not allowed" });
    const expiresAt = new Date(Math.ceil(Date.now() / 1000 + expiresIn) * 1000);
    const target = asPath(options.url?.(request, context) ?? request.url);
    const ipPrefix = options.ipPrefix?.(request, context);
    const url = await signer.sign(withNumber(target), { expiresAt, purpose, ipPrefix });
    const headers = { "Content-Type": "application/json", "Cache-Control": "no-store" };
    return new Response(JSON.stringify({ url, expiresAt: expiresAt.toISOString() }), { headers });
  };
  const required = (view: DownloadHandler<C>): DownloadHandler<C> =>
    signatureRequired(limitedDownloads(view, { limit, counter }), { signer, purpose });
  return Object.assign(issue, { required });
}

function checkOptions<C>(options: TicketOptions<C> | undefined): void {
  if (typeof options?.signer?.sign !== "function") {
    throw new ImproperlyConfiguredError(
      "issueTickets({ signer, allow }): signer must have sign(), such as new URLSigner({ secrets })",
    );
  }
  if (typeof options.allow !== "function") {
    throw new ImproperlyConfiguredError(
      "issueTickets({ signer, allow }): allow must be a function that returns whether a request may have a ticket",
    );
  }
  const { expiresIn = 60, limit = 1, origins = [] } = options;
  if (!(Number.isFinite(expiresIn) && expiresIn > 0)) {
    throw new ImproperlyConfiguredError(`expiresIn must be a positive number of seconds, got ${expiresIn}`);
  }
  if (!(Number.isSafeInteger(limit) && limit >= 1)) {
    throw new ImproperlyConfiguredError(`limit must be a whole number of downloads, 1 or more, got ${limit}`);
  }
  const fault = origins.find((origin) => !URL.canParse(origin) || new URL(origin).origin !== origin);
  if (fault !== undefined) {
    throw new ImproperlyConfiguredError(
      `origins must be origins such as https://app.example.com, got ${JSON.stringify(fault)}`,
    );
  }
}

/**
 * Whether the request comes from a page of this site or of an allowed origin, or from no page. Browsers send `Origin` with
 * each POST, and `Sec-Fetch-Site` (https://w3c.github.io/webappsec-fetch-metadata/). A page can set neither.
 */
function isOfThisSite({ headers, url }: DownloadRequest, origins: ReadonlySet<string>): boolean {
  const origin = headers.get("origin");
  if (origin !== null && origins.has(origin)) return true;
  const site = headers.get("sec-fetch-site");
  // A sibling domain ("same-site") may belong to another owner.
  if (site !== null) return site === "same-origin";
  if (origin === null) return true;
  const host = headers.get("host") ?? (URL.canParse(url) ? new URL(url).host : undefined);
  return URL.canParse(origin) && new URL(origin).host === host;
}

/** Returns the path and the query. The page resolves them against the URL of its POST. */
function asPath(url: string): string {
  return url.startsWith("/") || !URL.canParse(url) ? url : url.slice(new URL(url).origin.length);
}

/** Adds a random parameter: otherwise tickets that are issued within one second would be the same link. */
function withNumber(url: string): string {
  const number = encodeBase64Url(crypto.getRandomValues(new Uint8Array(12)));
  return `${url}${url.includes("?") ? "&" : "?"}ticket=${number}`;
}
