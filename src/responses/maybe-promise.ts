/** What is there already, or is still to come. */
export type MaybePromise<T> = T | Promise<T>;

/** By its shape: what an ORM or another realm gives may be no `Promise` of ours. */
export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof (value as PromiseLike<T> | undefined)?.then === "function";
}

/** Goes on with a value: at once where it is there already. On the way of every download each `await` counts. */
export function whenReady<T, U>(value: MaybePromise<T>, goOn: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return isPromise(value) ? value.then(goOn) : goOn(value);
}

type Ready<T extends readonly unknown[]> = { -readonly [K in keyof T]: Awaited<T[K]> };

/** The values of all, at once where all are there already. */
export function allReady<T extends readonly unknown[]>(values: T): MaybePromise<Ready<T>> {
  return values.some(isPromise) ? Promise.all(values) : (values as unknown as Ready<T>);
}

/** The promise of what `action` gives, or throws. Unlike an `async` function it adds nothing to one that is there. */
export function attempt<T>(action: () => MaybePromise<T>): Promise<T> {
  try {
    return Promise.resolve(action());
  } catch (error) {
    return Promise.reject(error);
  }
}
