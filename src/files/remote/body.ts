import { IncompleteBodyError, UpstreamError } from "../../errors.ts";

export interface BodyBounds {
  /** Milliseconds until the next piece must be there, once it is asked for. */
  readonly idleTimeout: number;
  /** A file that is longer is not served, or not to its end. */
  readonly maxBytes: number;
}

/**
 * A body that fails when it stalls or grows too large, and lets go of `body` then. Whoever is slow to read it may take
 * their time.
 */
export function boundedBody(
  body: ReadableStream<Uint8Array>,
  { idleTimeout, maxBytes }: BodyBounds,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const letGo = (reason: unknown): Promise<void> => reader.cancel(reason).catch(() => undefined);
  let left = maxBytes;
  async function pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const { done, value } = await within(idleTimeout, reader.read());
    if (done) return controller.close();
    left -= value.byteLength;
    if (left < 0) throw new IncompleteBodyError("Upstream sends too much");
    controller.enqueue(value);
  }
  return new ReadableStream(
    {
      pull: (controller) =>
        pull(controller).catch((error: unknown) => {
          void letGo(error);
          throw error;
        }),
      cancel: letGo,
    },
    { highWaterMark: 0 },
  );
}

/** @throws {UpstreamError} 504 when `pending` takes longer */
export function within<T>(milliseconds: number, pending: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = startTimer(milliseconds, () => reject(new UpstreamError(504, "Upstream stalled")));
    pending.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** What is longer than a timer can run would fire at once. */
const longestTimer = 2 ** 31 - 1;

export function startTimer(milliseconds: number, expire: () => void): ReturnType<typeof setTimeout> {
  return setTimeout(expire, Math.min(milliseconds, longestTimer));
}
