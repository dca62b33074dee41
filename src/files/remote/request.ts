import { isDownloadError, UpstreamError } from "../../errors.ts";
import { onAbort } from "../abort.ts";
import { announcedSize, partStart } from "./answer.ts";
import { boundedBody, startTimer, type BodyBounds } from "./body.ts";
import { refusedUpstream } from "./policy.ts";
import { discardBody, followRedirects, type RemoteResponse, type RemoteRoute } from "./redirects.ts";

/** The URL of a remote file, and the options of its requests. */
export interface Upstream extends RemoteRoute, BodyBounds {
  readonly url: string;
  readonly requestInit: RequestInit;
  /** Maximum time until the header section of the response arrives, redirects included, in milliseconds. */
  readonly timeout: number;
}

/**
 * Sends one request. It contains no part of the client's request.
 *
 * @throws {UpstreamError} 502 if there is no response or the policy refuses it, 504 if it takes too long
 * @throws the reason of `signal`. The signal also aborts the body, after this function has returned
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

/** Fields of one connection (RFC 9110 §7.6.1) or one message, in case the application passes on the client's fields. */
const connectionFields = [
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

/** Callers cannot set Range or preconditions: the response would answer a different request than the client's. */
const reservedFields = ["if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "range"];

function fieldsOf({ headers: init }: RequestInit, fields: Record<string, string>): Headers {
  const headers = new Headers(init);
  for (const name of [...connectionFields, ...reservedFields]) headers.delete(name);
  // By default fetch requests gzip and decodes it. Lengths and ranges would then not match the decoded bytes.
  headers.set("Accept-Encoding", "identity");
  for (const [name, value] of Object.entries(fields)) headers.set(name, value);
  return headers;
}

/** @throws {UpstreamError} if the announced size is larger than `maxBytes` */
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
