import { ImproperlyConfiguredError, UpstreamError } from "../../errors.ts";
import { onAbort, untilAborted } from "../../files/abort.ts";
import type { NodeStream } from "../../files/byte-source.ts";
import { startTimer, within } from "../../files/remote/body.ts";
import { streamLike } from "./body.ts";

/** How long requests to an object store may take. The limits of `HTTPFile` are the same. */
export interface ObjectLimits {
  /** Milliseconds within which a response must begin, including the SDK's retries. Default: 30 000. Uploads have no limit. */
  readonly timeout?: number | undefined;
  /** Milliseconds within which the next bytes of a body must arrive, once they are requested. Default: 30 000. */
  readonly idleTimeout?: number | undefined;
}

export interface KnownLimits {
  readonly timeout: number;
  readonly idleTimeout: number;
}

/** @throws {ImproperlyConfiguredError} for an invalid limit */
export function objectLimits({ timeout = 30_000, idleTimeout = 30_000 }: ObjectLimits): KnownLimits {
  for (const [name, limit] of Object.entries({ timeout, idleTimeout })) {
    if (!(limit > 0)) throw new ImproperlyConfiguredError(`${name} has to be a positive number, not ${limit}`);
  }
  return { timeout, idleTimeout };
}

/**
 * Resolves with the result of `ask`, if it comes in time. The signal that `ask` gets aborts when the time is over or when
 * `signal` aborts. After the result, it still follows `signal`.
 *
 * @param discard frees a result that comes too late: some SDKs take no signal
 * @throws {UpstreamError} 504 when the time is over
 */
export async function withinTime<T>(
  milliseconds: number,
  signal: AbortSignal | undefined,
  ask: (signal: AbortSignal) => Promise<T>,
  discard: (late: T) => unknown = () => undefined,
): Promise<T> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  onAbort(signal, () => controller.abort(signal?.reason));
  const timer = startTimer(milliseconds, () => controller.abort(new UpstreamError(504, "Upstream took too long")));
  try {
    return await untilAborted(ask(controller.signal), controller.signal, discard);
  } finally {
    clearTimeout(timer);
  }
}

/** Wraps a body so that it fails with 504, and is freed, if the store stalls. The reader may be as slow as it likes. */
export function idleLimited(body: NodeStream, idleTimeout: number): NodeStream {
  return streamLike(body, async function* () {
    const chunks = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await nextWithin(idleTimeout, chunks, body);
      if (done) return;
      yield value;
    }
  });
}

async function nextWithin(
  milliseconds: number,
  chunks: AsyncIterator<Uint8Array>,
  body: NodeStream,
): Promise<IteratorResult<Uint8Array>> {
  try {
    return await within(milliseconds, chunks.next());
  } catch (error) {
    body.destroy();
    throw error;
  }
}
