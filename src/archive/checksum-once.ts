/** A computation that all callers with the same key share. It is aborted when no caller waits any more. */
interface Shared {
  readonly result: Promise<number>;
  readonly stop: AbortController;
  waiting: number;
}

const underWay = new Map<string, Shared>();

/** Calls `compute` once for all callers that ask for `key` at the same time. `signal` ends the waiting of one caller. */
export function checksumOnce(
  key: string,
  compute: (signal: AbortSignal) => Promise<number>,
  signal: AbortSignal,
): Promise<number> {
  const shared = underWay.get(key) ?? begin(key, compute);
  shared.waiting += 1;
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      reject(signal.reason);
      shared.waiting -= 1;
      if (shared.waiting > 0) return;
      forget(key, shared);
      shared.stop.abort(signal.reason);
    };
    if (signal.aborted) return leave();
    signal.addEventListener("abort", leave, { once: true });
    const settled = (): void => signal.removeEventListener("abort", leave);
    shared.result.then(resolve, reject).finally(settled);
  });
}

function begin(key: string, compute: (signal: AbortSignal) => Promise<number>): Shared {
  const stop = new AbortController();
  const shared: Shared = { result: compute(stop.signal), stop, waiting: 0 };
  underWay.set(key, shared);
  const settled = (): void => forget(key, shared);
  shared.result.then(settled, settled);
  return shared;
}

function forget(key: string, shared: Shared): void {
  if (underWay.get(key) === shared) underWay.delete(key);
}
