import { isDownloadError, UpstreamError } from "../../errors.ts";
import { onAbort } from "../bytes-abort.ts";
import { announcedSize, partStart } from "./answer.ts";
import { boundedBody, startTimer, type BodyBounds } from "./body.ts";
import { refusedUpstream } from "./policy.ts";
import { discardBody, followRedirects, type RemoteResponse, type RemoteRoute } from "./redirects.ts";

/** Where a remote file is, and how it is asked for. */
export interface Upstream extends RemoteRoute, BodyBounds {
  readonly url: string;
  readonly requestInit: RequestInit;
  /** Milliseconds until the header section of the answer must be there, redirects included. */
  readonly timeout: number;
}

/**
 * Sends one request. Nothing of the client's request is in it.
 *
 * @throws {UpstreamError} 502 if there is no answer or one that is refused, 504 if it takes too long
 * @throws the reason of `signal`, which goes on to cut the body short after the answer has come
 */
export async function requestUpstream(
  upstream: Upstream,
  method: "GET" | "HEAD",
  fields: Record<string, string>,
  signal: AbortSignal,
): Promise<RemoteResponse> {
  signal.throwIfAborted();
  const controller = new AbortController();
  onAbort(signal, () => controller.abort(signal.reason));
  const timer = startTimer(upstream.timeout, () => controller.abort(new UpstreamError(504, "Upstream took too long")));
  const headers = fieldsOf(upstream.requestInit, fields);
  try {
    const request = { ...upstream.requestInit, method, headers, signal: controller.signal, body: null };
    return await bounded(await followRedirects(upstream.url, request, upstream), upstream);
  } catch (cause) {
    if (controller.signal.aborted) throw controller.signal.reason;
    throw isDownloadError(cause) ? cause : new UpstreamError(502, undefined, { cause });
  } finally {
    clearTimeout(timer);
  }
}

/** Of one connection (RFC 9110 §7.6.1) or one message, so that a client's fields, passed on as they are, do no harm. */
const fieldsOfTheConnection = [
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** Which part is asked for, and on what condition, is not for others to say: the answer would be to another question. */
const fieldsOfOurs = ["if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "range"];

function fieldsOf({ headers: init }: RequestInit, fields: Record<string, string>): Headers {
  const headers = new Headers(init);
  for (const name of [...fieldsOfTheConnection, ...fieldsOfOurs]) headers.delete(name);
  // Lengths and ranges are of the bytes that are sent: fetch asks for gzip by itself, and takes it off unasked.
  headers.set("Accept-Encoding", "identity");
  for (const [name, value] of Object.entries(fields)) headers.set(name, value);
  return headers;
}

/** @throws {UpstreamError} for a file that is said to be larger than it may be */
async function bounded(response: RemoteResponse, bounds: Upstream): Promise<RemoteResponse> {
  const { status, headers, body } = response;
  if (status < 200 || status > 299) return response;
  const size = announcedSize(response) ?? 0;
  if (size > bounds.maxBytes) {
    await discardBody(response);
    throw refusedUpstream(bounds.url, `it has ${size} bytes, more than the ${bounds.maxBytes} of maxBytes`);
  }
  const maxBytes = bounds.maxBytes - partStart(response);
  return { status, headers, body: body && boundedBody(body, { idleTimeout: bounds.idleTimeout, maxBytes }) };
}
