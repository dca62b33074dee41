/** What is there already, or is still to come. */
export type MaybePromise<T> = T | Promise<T>;

/** What a user's own code gave: that of an ORM or of another realm may be no `Promise` of ours, and becomes one. */
export function given<T>(value: MaybePromise<T>): MaybePromise<T> {
  return isThenable(value) ? Promise.resolve(value) : value;
}

/** Goes on with a value: at once where it is there already. On the way of every download each `await` counts. */
export function whenReady<T, U>(value: MaybePromise<T>, goOn: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return value instanceof Promise ? value.then(goOn) : goOn(value);
}

/** The promise of what `action` gives, or throws. Unlike an `async` function it adds nothing to one that is there. */
export function attempt<T>(action: () => MaybePromise<T>): Promise<T> {
  try {
    return Promise.resolve(action());
  } catch (error) {
    return Promise.reject(error);
  }
}

// Asked of objects alone first: most of what is given is text or nothing, and to look for a method on that is slow.
function isThenable(value: unknown): boolean {
  const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
  return isObject && "then" in value && typeof value.then === "function";
}
