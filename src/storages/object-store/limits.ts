import { ImproperlyConfiguredError, UpstreamError } from "../../errors.ts";
import { onAbort, untilAborted } from "../../files/bytes-abort.ts";
import type { NodeStream } from "../../files/bytes.ts";
import { startTimer, within } from "../../files/remote/body.ts";
import { streamLike } from "./body.ts";

/** How long an object store may take. The same limits as those of `HTTPFile`. */
export interface ObjectLimits {
  /** Milliseconds until an answer must have begun, the SDK's own retries included. Default 30 000. Uploads have no limit. */
  readonly timeout?: number | undefined;
  /** Milliseconds within which the next piece of a body must come, while it is waited for. Default 30 000. */
  readonly idleTimeout?: number | undefined;
}

export interface KnownLimits {
  readonly timeout: number;
  readonly idleTimeout: number;
}

/** @throws {ImproperlyConfiguredError} for a limit that can't hold */
export function objectLimits({ timeout = 30_000, idleTimeout = 30_000 }: ObjectLimits): KnownLimits {
  for (const [name, limit] of Object.entries({ timeout, idleTimeout })) {
    if (!(limit > 0)) throw new ImproperlyConfiguredError(`${name} has to be a positive number, not ${limit}`);
  }
  return { timeout, idleTimeout };
}

/**
 * What `ask` resolves to, if that is within the time. Its signal aborts when the time is over or `signal` aborts, and goes
 * on to follow `signal` after the answer has come.
 *
 * @param discard frees an answer that comes too late: not every SDK takes a signal
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

/** The same body, which fails with 504 and is freed when it stalls. Whoever is slow to read it may take their time. */
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
