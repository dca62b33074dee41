/** How often a limited transfer moves a little, in a second. */
const stepsPerSecond = 10;

/**
 * Lets through at most `rate` bytes a second, evenly. What a slow reader did not take is not made up for later.
 * @param now - milliseconds of a clock that never goes back
 */
export async function* limitRate(
  chunks: AsyncIterable<Uint8Array>,
  rate: number,
  now: () => number = () => performance.now(),
  delay: (milliseconds: number) => Promise<unknown> = wait,
): AsyncGenerator<Uint8Array> {
  const step = Math.max(1, Math.floor(rate / stepsPerSecond));
  let due = now();
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.byteLength; at += step) {
      const piece = chunk.subarray(at, at + step);
      if (due > now()) await delay(due - now());
      yield piece;
      due = Math.max(due, now()) + (piece.byteLength / rate) * 1000;
    }
  }
}

function wait(milliseconds: number): Promise<unknown> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
