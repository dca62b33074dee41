/** Content that remembers its own failure, which is the caller's and not the store's. */
export class WatchedContent {
  readonly #chunks: AsyncGenerator<Uint8Array>;
  failed = false;
  reason: unknown;

  constructor(chunks: AsyncGenerator<Uint8Array>) {
    this.#chunks = chunks;
  }

  async *read(): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#chunks;
    } catch (error) {
      this.failed = true;
      this.reason = error;
      throw error;
    }
  }

  async release(): Promise<void> {
    await this.#chunks.return(undefined);
  }
}
