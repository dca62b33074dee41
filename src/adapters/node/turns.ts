/** Lets so many in at a time; the others wait in line. */
export class Turns {
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];
  #inside = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** To be followed by {@link leave}, whatever happens. */
  enter(): Promise<void> | undefined {
    if (this.#inside >= this.#most) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#inside += 1;
    return undefined;
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#inside -= 1;
  }
}
