import { setTimeout as delay } from "node:timers/promises";
import { percentile } from "../../harness/statistics.ts";
import type { Expected, LoadOf, Target } from "../../harness/protocol.ts";
import type { LoadConnection } from "../connection.ts";
import { closeAll, isExpected, openAll, unexpected } from "../connections.ts";
import { Countdown } from "../countdown.ts";
import type { PreparedLoad } from "../prepared-load.ts";

/**
 * Requests at a steady rate, however slow the server is. A request that finds no free connection waits for one, and that is
 * part of its time.
 */
export async function preparePaced(target: Target, expected: Expected, load: LoadOf<"paced">): Promise<PreparedLoad> {
  const failure = new Countdown(1);
  const free: LoadConnection[] = [];
  const waiting: number[] = [];
  const begun = new Map<LoadConnection, number>();
  let times: number[] = [];
  const begin = (connection: LoadConnection, since: number): void => {
    begun.set(connection, since);
    connection.send();
  };
  const connections = await openAll(load.connections, target, (self) => ({
    onEnd: (response) => {
      if (!isExpected(response, expected)) return failure.fail(unexpected(response));
      const connection = self();
      times.push((performance.now() - begun.get(connection)!) / 1000);
      const next = waiting.shift();
      if (next === undefined) free.push(connection);
      else begin(connection, next);
    },
    onError: (error) => failure.fail(error),
  }));
  free.push(...connections);
  const pace = async (start: number): Promise<void> => {
    for (let sent = 0; ; await Promise.race([delay(1), failure.done])) {
      const now = performance.now();
      if (now - start > load.seconds * 1000) return;
      for (const due = ((now - start) / 1000) * load.perSecond; sent < due; sent++) {
        const connection = free.pop();
        if (connection) begin(connection, now);
        else waiting.push(now);
      }
    }
  };
  return {
    async run() {
      times = [];
      const start = performance.now();
      await pace(start);
      // Those that are still waiting had to wait as long as they have so far.
      const now = performance.now();
      const busy = connections.filter((connection) => !free.includes(connection)).map((one) => begun.get(one)!);
      const all = [...times, ...[...busy, ...waiting].map((since) => (now - since) / 1000)];
      const latency = { median: percentile(all, 0.5), p99: percentile(all, 0.99) };
      const bodyBytes = times.length * expected.bodyBytes;
      return { requests: times.length, bodyBytes, seconds: (now - start) / 1000, latency };
    },
    close: () => closeAll(connections),
  };
}
