import { untilAborted } from "../abort.ts";
import { allowedUrl, refusedUpstream, type RemotePolicy } from "./policy.ts";

/** The parts of an upstream's response that are used. A fetch `Response` has them. */
export interface RemoteResponse
  extends Pick<Response, "status" | "headers">, Partial<Pick<Response, "redirected" | "url">> {
  readonly body: ReadableStream<Uint8Array> | null;
}

/** Sends one request without following redirects. The global `fetch` does so with `redirect: "manual"`. */
export type RemoteFetch = (url: string, init: RequestInit) => Promise<RemoteResponse>;

/** A request to an upstream. `headers` has all header fields that are sent. */
export interface RemoteRequest extends RequestInit {
  readonly method: "GET" | "HEAD";
  readonly headers: Headers;
  readonly signal: AbortSignal;
}

export interface RemoteRoute {
  readonly fetch: RemoteFetch;
  readonly policy: RemotePolicy;
}

const maxRedirects = 10;

/**
 * Requests `location` and follows its redirects. The policy must allow each URL.
 *
 * @throws {UpstreamError} 502 for a URL that is not allowed, for redirects in a circle, and for too many
 */
export async function followRedirects(
  location: string,
  request: RemoteRequest,
  { fetch: send, policy }: RemoteRoute,
): Promise<RemoteResponse> {
  const asked = new Set<string>();
  let url = allowedUrl(location, policy);
  for (let { headers } = request; ;) {
    asked.add(url.href);
    const init: RequestInit = { ...request, headers, redirect: "manual" };
    const response = await untilAborted(Promise.resolve(send(url.href, init)), request.signal, discardBody);
    const target = redirectTarget(response);
    if (target === undefined) return await checkFollowed(response, policy);
    await discardBody(response);
    const next = allowedUrl(target, policy, url);
    assertRedirectable(next, asked, request);
    if (next.origin !== url.origin) headers = withoutCredentials(headers);
    url = next;
  }
}

/** Returns the Location of a redirect that a GET or HEAD follows (RFC 9110 §15.4), or undefined. */
function redirectTarget({ status, headers }: RemoteResponse): string | undefined {
  const location = [301, 302, 303, 307, 308].includes(status) ? headers.get("location") : null;
  return location === null ? undefined : fromUtf8(location);
}

/** Decodes UTF-8 in a header value: servers send it as bytes, and each byte arrives as one character. */
export function fromUtf8(text: string): string {
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  try {
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return text;
  }
}

function assertRedirectable(next: URL, asked: ReadonlySet<string>, { redirect = "follow" }: RemoteRequest): void {
  if (redirect !== "follow") throw refusedUpstream(next.href, "requestInit has redirects not followed");
  if (asked.has(next.href)) throw refusedUpstream(next.href, "redirects lead in a circle");
  if (asked.size > maxRedirects) throw refusedUpstream(next.href, `more than ${maxRedirects} redirects`);
}

/** Checks the final URL, in case the application's `fetch` followed redirects by itself. */
async function checkFollowed(response: RemoteResponse, policy: RemotePolicy): Promise<RemoteResponse> {
  try {
    if (response.redirected && response.url) allowedUrl(response.url, policy);
    return response;
  } catch (error) {
    await discardBody(response);
    throw error;
  }
}

/** Fields that hold no secret. Any other field may hold one: servers use their own names for API keys. */
const harmlessFields = new Set([
  "accept",
  "accept-encoding",
  "accept-language",
  "if-match",
  "if-unmodified-since",
  "range",
  "user-agent",
]);

/** Keeps the header fields that may be sent to another origin (RFC 9110 §15.4). */
function withoutCredentials(headers: Headers): Headers {
  return new Headers([...headers].filter(([name]) => harmlessFields.has(name)));
}

/** Cancels the body of a response that is not read. */
export async function discardBody({ body }: RemoteResponse): Promise<void> {
  await body?.cancel().catch(() => undefined);
}
