import { setTimeout as delay } from "node:timers/promises";
import type { LoadOf, Target } from "../../harness/protocol.ts";
import { closeAll, openAll, unexpected } from "../connections.ts";
import { Countdown } from "../countdown.ts";
import type { PreparedLoad } from "../prepared-load.ts";

const READ_INTERVAL_MILLISECONDS = 500;

/** Readers that take one small buffer now and then, and none at all in the last third of the time. */
export async function prepareStalled(target: Target, load: LoadOf<"stalled">): Promise<PreparedLoad> {
  const failure = new Countdown(1);
  const third = (load.seconds * 1000) / 3;
  let bodyBytes = 0;
  const events = {
    onBody: (bytes: Buffer): void => void (bodyBytes += bytes.length),
    onEnd: (response: Parameters<typeof unexpected>[0]): void => failure.fail(unexpected(response)),
    onRead: () => false,
    onError: (error: Error): void => failure.fail(error),
  };
  const connections = await openAll(load.connections, target, () => events, { slow: true });
  return {
    async run() {
      const start = performance.now();
      for (const connection of connections) connection.send();
      const readers = setInterval(() => connections.forEach((one) => one.resume()), READ_INTERVAL_MILLISECONDS);
      await Promise.race([delay(2 * third), failure.done]).finally(() => clearInterval(readers));
      await Promise.race([delay(third), failure.done]);
      return { requests: load.connections, bodyBytes, seconds: (performance.now() - start) / 1000 };
    },
    close: () => closeAll(connections),
  };
}
