import { IncompleteBodyError, isDownloadError, UpstreamError } from "../../errors.ts";
import { onAbort } from "../bytes-abort.ts";

export interface ResumeOptions {
  /** Where to begin. Default 0. */
  start?: number;
  /** The last byte, where it is known: a body that ends before it without an error broke as well. */
  end?: number | undefined;
  /** How often a body that broke is asked for again. Default 3. */
  attempts?: number;
  signal?: AbortSignal;
}

/**
 * The bytes that `openAt` gives, asked for again from where they broke. It has to see to it that what it opens is the
 * same version each time, and to throw a `FileChangedError` otherwise.
 *
 * @throws {FileChangedError} and any other error that trying again cannot mend, as `openAt` threw it
 * @throws {IncompleteBodyError} if the body broke once more than there are `attempts`
 */
export async function* resumeReading(
  openAt: (position: number) => AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>,
  { start = 0, end, attempts = 3, signal }: ResumeOptions = {},
): AsyncGenerator<Uint8Array> {
  let position = start;
  for (let attempt = 0; ; attempt += 1) {
    try {
      for await (const chunk of await openAt(position)) {
        position += chunk.byteLength;
        yield chunk;
      }
      if (end === undefined || position > end) return;
      throw new Error(`The body ended ${end + 1 - position} bytes early`);
    } catch (error) {
      // Nothing is missing of a body that fails after its last byte: what it says of itself is wrong.
      const complete = end !== undefined && position > end;
      if (attempt >= attempts || complete || isFinal(error, signal)) throw failureOf(error, signal);
    }
    await pause(attempt * pauseUnit, signal);
  }
}

/** A connection that broke is made again at once; a server that goes on failing gets some time, in milliseconds. */
const pauseUnit = 200;

function isFinal(error: unknown, signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true || (isDownloadError(error) && !(error instanceof UpstreamError));
}

function failureOf(cause: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return signal.reason;
  return isDownloadError(cause) ? cause : new IncompleteBodyError("Upstream ended early", { cause });
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  if (milliseconds === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      stop();
      resolve();
    }, milliseconds);
    const stop = onAbort(signal, () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    });
  });
}
