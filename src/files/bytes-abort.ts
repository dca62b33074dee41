/** Calls `listener` once when `signal` aborts, or now if it has. Gives a function that stops listening. */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (signal?.aborted) listener();
  else signal?.addEventListener("abort", listener, { once: true });
  return () => signal?.removeEventListener("abort", listener);
}

/**
 * What `pending` gives, or the reason of `signal` as soon as it aborts, also where the operation takes no notice of it.
 * What comes too late is passed to `discard`.
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
