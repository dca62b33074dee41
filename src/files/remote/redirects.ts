import { untilAborted } from "../bytes-abort.ts";
import { allowedUrl, refusedUpstream, type RemotePolicy } from "./policy.ts";

/** What is needed of the answer of another server. */
export interface RemoteResponse
  extends Pick<Response, "status" | "headers">, Partial<Pick<Response, "redirected" | "url">> {
  readonly body: ReadableStream<Uint8Array> | null;
}

/** Sends one request and follows no redirect. The global `fetch` is one, if it is told so. */
export type RemoteFetch = (url: string, init: RequestInit) => Promise<RemoteResponse>;

/** A request of ours: its headers are all that is sent. */
export interface RemoteRequest extends RequestInit {
  readonly method: "GET" | "HEAD";
  readonly headers: Headers;
  readonly signal: AbortSignal;
}

export interface RemoteRoute {
  readonly fetch: RemoteFetch;
  readonly policy: RemotePolicy;
}

const mostRedirects = 10;

/**
 * Asks for `location`, and where it redirects to, each of which the policy has to allow.
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

/** `Location` of an answer that a GET or HEAD follows (RFC 9110 §15.4). */
function redirectTarget({ status, headers }: RemoteResponse): string | undefined {
  const location = [301, 302, 303, 307, 308].includes(status) ? headers.get("location") : null;
  return location === null ? undefined : fromUtf8(location);
}

/** Servers send names as bytes of UTF-8, which arrive as one character each. */
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
  if (asked.size > mostRedirects) throw refusedUpstream(next.href, `more than ${mostRedirects} redirects`);
}

/** A fetch of the application's own may have followed redirects by itself: what came of it must not be served either. */
async function checkFollowed(response: RemoteResponse, policy: RemotePolicy): Promise<RemoteResponse> {
  try {
    if (response.redirected && response.url) allowedUrl(response.url, policy);
    return response;
  } catch (error) {
    await discardBody(response);
    throw error;
  }
}

/** Fields that are nobody's secret. Any other may be one: servers have their own names for keys. */
const harmlessFields = new Set([
  "accept",
  "accept-encoding",
  "accept-language",
  "if-match",
  "if-unmodified-since",
  "range",
  "user-agent",
]);

/** What another origin may see of a request (RFC 9110 §15.4). */
function withoutCredentials(headers: Headers): Headers {
  return new Headers([...headers].filter(([name]) => harmlessFields.has(name)));
}

/** Lets go of the body of an answer that is not going to be read. */
export async function discardBody({ body }: RemoteResponse): Promise<void> {
  await body?.cancel().catch(() => undefined);
}
