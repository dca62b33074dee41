import { setTimeout as delay } from "node:timers/promises";
import type { Expected, LoadOf, Target } from "../../harness/protocol.ts";
import { closeAll, isExpected, openAll, unexpected } from "../connections.ts";
import { Countdown } from "../countdown.ts";
import type { PreparedLoad } from "../prepared-load.ts";

/** How long a server needs to fill the system's buffers of paused readers. */
const FILL_MILLISECONDS = 200;

/**
 * Downloads too long to be waited for. The clock starts and stops with every reader paused and the system's buffers
 * full, so that the bytes that were read are as many as the server wrote meanwhile.
 */
export async function prepareCutDownloads(
  target: Target,
  expected: Expected,
  load: LoadOf<"cut-downloads">,
): Promise<PreparedLoad> {
  const failure = new Countdown(1);
  let reading = false;
  let requests = 0;
  let bodyBytes = 0;
  const connections = await openAll(load.connections, target, (self) => ({
    onBody: (bytes) => void (bodyBytes += bytes.length),
    onEnd: (response) => {
      requests++;
      if (isExpected(response, expected)) self().send();
      else failure.fail(unexpected(response));
    },
    onRead: () => reading,
    onError: (error) => failure.fail(error),
  }));
  for (const connection of connections) connection.send();
  await Promise.race([delay(FILL_MILLISECONDS), failure.done]);
  return {
    async run() {
      bodyBytes = 0;
      reading = true;
      const start = performance.now();
      for (const connection of connections) connection.resume();
      await Promise.race([delay(load.seconds * 1000), failure.done]);
      reading = false;
      const seconds = (performance.now() - start) / 1000;
      await delay(FILL_MILLISECONDS);
      return { requests, bodyBytes, seconds };
    },
    close: () => closeAll(connections),
  };
}
