import { debug, reasonOf } from "../diagnostics.ts";
import { untilAborted } from "../files/abort.ts";
import { readContent } from "../files/content.ts";
import type { DownloadFile, OpenFile, OpenOptions } from "../files/download-file.ts";
import { startTimer } from "../files/remote/body.ts";

/**
 * Reads an original for one making. If the original sends nothing for too long, it calls `onIdle`, which must abort the signal. Each
 * step fails as soon as the signal aborts, even if the original ignores the signal and never answers.
 */
export class OriginalReads {
  readonly #idleTimeout: number;
  readonly #signal: AbortSignal;
  readonly #onIdle: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isWaiting = false;

  /** @param idleTimeout milliseconds. Infinity: no limit */
  constructor(idleTimeout: number, signal: AbortSignal, onIdle: () => void) {
    this.#idleTimeout = idleTimeout;
    this.#signal = signal;
    this.#onIdle = onIdle;
  }

  open(source: DownloadFile, options: OpenOptions): Promise<OpenFile> {
    return this.#until(source.open({ ...options, signal: this.#signal }), (late) => late.close());
  }

  async *chunks(opened: OpenFile): AsyncGenerator<Uint8Array> {
    const chunks = readContent(await this.#until(opened.content()));
    for (;;) {
      const { done, value } = await this.#until(chunks.next());
      if (done) return;
      yield value;
    }
  }

  /** Closes the original. All its bytes are here by now, or something else has failed before. */
  async close(opened: OpenFile): Promise<void> {
    await this.#until(opened.close()).catch((error: unknown) => debug(() => `Closing failed: ${reasonOf(error)}`));
  }

  async #until<T>(pending: Promise<T>, discard: (late: T) => unknown = () => undefined): Promise<T> {
    this.#isWaiting = true;
    this.#startTimer();
    try {
      return await untilAborted(pending, this.#signal, discard);
    } finally {
      this.#isWaiting = false;
    }
  }

  // All steps share one timer. Between two steps it fires without effect: the original does not answer for a slow disk or reader.
  #startTimer(): void {
    if (this.#timer) this.#timer.refresh();
    else if (this.#idleTimeout !== Infinity) {
      this.#timer = startTimer(this.#idleTimeout, () => this.#isWaiting && this.#onIdle()).unref();
    }
  }

  /** Stops the timer. */
  end(): void {
    clearTimeout(this.#timer);
  }
}
