/** Calls `listener` once when `signal` aborts, or now if it has aborted. Returns a function that stops listening. */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (signal?.aborted) listener();
  else signal?.addEventListener("abort", listener, { once: true });
  return () => signal?.removeEventListener("abort", listener);
}

/**
 * Settles as `pending` does, or rejects with the reason of `signal` as soon as it aborts, even if the operation ignores the
 * signal. A result that comes later is passed to `discard`.
 */
export function untilAborted<T>(pending: Promise<T>, signal: AbortSignal, discard: (late: T) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = onAbort(signal, () => {
      reject(signal.reason as Error);
      pending.then(discard).catch(() => undefined);
    });
    pending.then(resolve, reject).finally(stop);
  });
}
