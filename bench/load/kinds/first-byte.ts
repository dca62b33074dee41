import { median } from "../../harness/statistics.ts";
import type { Expected, LoadOf, Target } from "../../harness/protocol.ts";
import { isExpected, openAll, unexpected } from "../connections.ts";
import { Countdown } from "../countdown.ts";
import type { PreparedLoad } from "../prepared-load.ts";

/** One request after the other on one connection, each timed from its sending to the first byte of the body. */
export async function prepareFirstByte(
  target: Target,
  expected: Expected,
  load: LoadOf<"first-byte">,
): Promise<PreparedLoad> {
  let ended = new Countdown(1);
  let sent = 0;
  let firstByte = 0;
  const [connection] = await openAll(1, target, () => ({
    onBody: () => (firstByte ||= performance.now()),
    onEnd: (response) => (isExpected(response, expected) ? ended.count() : ended.fail(unexpected(response))),
    onError: (error) => ended.fail(error),
  }));
  const request = async (): Promise<number> => {
    ended = new Countdown(1);
    firstByte = 0;
    sent = performance.now();
    connection?.send();
    await ended.done;
    return (firstByte - sent) / 1000;
  };
  await request();
  return {
    async run() {
      const start = performance.now();
      const times: number[] = [];
      for (let i = 0; i < load.requests; i++) times.push(await request());
      const seconds = (performance.now() - start) / 1000;
      const bodyBytes = load.requests * expected.bodyBytes;
      return { requests: load.requests, bodyBytes, seconds, firstByteSeconds: median(times) };
    },
    close: () => connection?.close(),
  };
}
