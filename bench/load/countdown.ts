/** A promise that resolves when something has happened often enough, or rejects. */
export class Countdown {
  readonly done: Promise<void>;
  #remaining: number;
  #resolve: () => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor(count: number) {
    this.#remaining = count;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // A connection may fail while nobody waits: whoever waits next hears of it.
    this.done.catch(() => {});
  }

  count(): void {
    if (--this.#remaining === 0) this.#resolve();
  }

  fail(error: Error): void {
    this.#reject(error);
  }
}
