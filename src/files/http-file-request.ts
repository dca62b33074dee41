import { UpstreamError } from "../errors.ts";
import { onAbort } from "./bytes-abort.ts";

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
    return await untilAborted(
      upstream.fetch(upstream.url, init(upstream, method, fields, controller)),
      controller.signal,
    );
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
  return { ...requestInit, method, headers, signal };
}

/** Also for a `fetch` that does not look at its signal. An answer that comes too late is thrown away. */
function untilAborted(pending: Promise<Response>, signal: AbortSignal): Promise<Response> {
  return new Promise((resolve, reject) => {
    const stop = onAbort(signal, () => {
      reject(signal.reason);
      pending.then(discardBody, () => undefined);
    });
    pending.then(resolve, reject).finally(stop);
  });
}

/** Lets go of the body of an answer that is not going to be read. */
export async function discardBody({ body }: Response): Promise<void> {
  await body?.cancel().catch(() => undefined);
}
