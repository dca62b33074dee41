/** A computation that all who ask for the same key at the same time share. It is aborted when none of them waits any more. */
interface Shared {
  readonly result: Promise<number>;
  readonly stop: AbortController;
  waiting: number;
}

const underWay = new Map<string, Shared>();

/** What `compute` returns, once for all who ask for `key` at the same time. `signal` ends the waiting of one of them. */
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
