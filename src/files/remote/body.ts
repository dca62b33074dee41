import { IncompleteBodyError, UpstreamError } from "../../errors.ts";

/** The limits of a remote body. */
export interface BodyBounds {
  /** Maximum time to wait for the next chunk, in milliseconds. */
  readonly idleTimeout: number;
  /** Maximum length of the file, in bytes. */
  readonly maxBytes: number;
}

/**
 * Wraps `body` so that it fails if it stalls or becomes too large; `body` is then cancelled. Only the time that the
 * upstream takes is limited: a client may read slowly.
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

/**
 * Waits for `pending`, but no longer than `milliseconds`.
 *
 * @throws {UpstreamError} 504 if it takes longer
 */
export function within<T>(milliseconds: number, pending: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = startTimer(milliseconds, () => reject(new UpstreamError(504, "Upstream stalled")));
    pending.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** The maximum delay of a timer, in milliseconds. A timer with a longer delay fires at once. */
const maxTimer = 2 ** 31 - 1;

export function startTimer(milliseconds: number, expire: () => void): ReturnType<typeof setTimeout> {
  return setTimeout(expire, Math.min(milliseconds, maxTimer));
}
