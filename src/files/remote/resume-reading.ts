import { IncompleteBodyError, isDownloadError, UpstreamError } from "../../errors.ts";
import { onAbort } from "../abort.ts";

export interface ResumeOptions {
  /** Position of the first byte. Default 0. */
  start?: number;
  /** Position of the last byte, if known. A body that ends before it counts as broken. */
  end?: number | undefined;
  /** Maximum number of retries. Default 3. */
  attempts?: number;
  signal?: AbortSignal;
}

/**
 * Yields the bytes of a body. If the body breaks, opens it again at the position where it broke.
 *
 * @param openAt opens the body at a position. It must throw a `FileChangedError` if the file has another version than before
 * @throws {FileChangedError} and any other error of `openAt` for which a retry is useless
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
      // All bytes arrived, so a retry cannot help: the announced length is wrong.
      const complete = end !== undefined && position > end;
      if (attempt >= attempts || complete || isFinal(error, signal)) throw failureOf(error, signal);
    }
    await pause(attempt * pauseUnit, signal);
  }
}

/** The first retry is immediate. Each later one waits this many milliseconds longer. */
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
