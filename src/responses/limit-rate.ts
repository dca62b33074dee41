/** Pieces a second that a limited transfer is sent in. */
const stepsPerSecond = 10;

/**
 * Lets through at most `rate` bytes a second, evenly. Time that a slow client does not use is not made up for later. A rate that
 * is a function may change on the way.
 * @param now - milliseconds of a clock that never goes back
 */
export async function* limitRate(
  chunks: AsyncIterable<Uint8Array>,
  rate: number | (() => number),
  now: () => number = () => performance.now(),
  delay: (milliseconds: number) => Promise<unknown> = wait,
): AsyncGenerator<Uint8Array> {
  const rateNow = typeof rate === "function" ? rate : () => rate;
  let due = now();
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.byteLength;) {
      if (due > now()) await delay(due - now());
      const current = Math.max(1, rateNow());
      const piece = chunk.subarray(at, at + Math.max(1, Math.floor(current / stepsPerSecond)));
      yield piece;
      at += piece.byteLength;
      due = Math.max(due, now()) + (piece.byteLength / current) * 1000;
    }
  }
}

function wait(milliseconds: number): Promise<unknown> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
