/** Admits a number of tasks at a time. The others wait in line. */
export class Semaphore {
  readonly #max: number;
  readonly #waiting: (() => void)[] = [];
  #inside = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Resolves when there is room; undefined if there is room now. The caller calls {@link leave}, whatever happens. */
  enter(): Promise<void> | undefined {
    if (this.#inside >= this.#max) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#inside += 1;
    return undefined;
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#inside -= 1;
  }
}
