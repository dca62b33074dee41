import { UpstreamError } from "../errors.ts";
import { onAbort, untilAborted } from "./bytes-abort.ts";

/** Where a remote file is, and how it is asked for. */
export interface Upstream {
  readonly url: string;
  readonly requestInit: RequestInit;
  readonly fetch: typeof fetch;
  /** Milliseconds until the header section of the answer must be there. */
  readonly timeout: number;
}

/**
 * Sends one request. Nothing of the client's request is in it.
 *
 * @throws {UpstreamError} 502 if there is no answer, 504 if it takes too long
 * @throws the reason of `signal`, which goes on to cut the body short after the answer has come
 */
export async function requestUpstream(
  upstream: Upstream,
  method: "GET" | "HEAD",
  fields: Record<string, string>,
  signal: AbortSignal,
): Promise<Response> {
  signal.throwIfAborted();
  const controller = new AbortController();
  onAbort(signal, () => controller.abort(signal.reason));
  const timer = setTimeout(() => controller.abort(new UpstreamError(504, "Upstream took too long")), upstream.timeout);
  try {
    // Not upstream.fetch(): a worker's own fetch refuses to be called as a method of something else.
    const { fetch: send, url } = upstream;
    return await untilAborted(send(url, init(upstream, method, fields, controller)), controller.signal, discardBody);
  } catch (cause) {
    throw controller.signal.aborted ? controller.signal.reason : new UpstreamError(502, undefined, { cause });
  } finally {
    clearTimeout(timer);
  }
}

function init(
  { requestInit }: Upstream,
  method: string,
  fields: Record<string, string>,
  { signal }: AbortController,
): RequestInit {
  const headers = new Headers(requestInit.headers);
  // Lengths and ranges are of the bytes that are sent: fetch asks for gzip by itself, and takes it off unasked.
  headers.set("Accept-Encoding", "identity");
  for (const [name, value] of Object.entries(fields)) headers.set(name, value);
  return { ...requestInit, method, headers, signal, body: null };
}

/** Lets go of the body of an answer that is not going to be read. */
export async function discardBody({ body }: Response): Promise<void> {
  await body?.cancel().catch(() => undefined);
}
