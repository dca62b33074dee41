import { setTimeout as delay } from "node:timers/promises";
import { ownOf } from "../../harness/fixtures.ts";
import type { Expected, LoadOf, Pick, Target } from "../../harness/protocol.ts";
import { formatRequest, type LoadConnection } from "../connection.ts";
import { closeAll, isExpected, openAll, unexpected } from "../connections.ts";
import { Countdown } from "../countdown.ts";
import { pickerOf } from "../picker.ts";
import type { PreparedLoad } from "../prepared-load.ts";

/** Connections that are kept alive, each of which has had one answer before the clock starts. */
export async function prepareRequests(
  target: Target,
  expected: Expected,
  load: LoadOf<"requests">,
): Promise<PreparedLoad> {
  let round = new Countdown(load.connections);
  let requests = 0;
  let deadline = 0;
  const least = load.pick?.distribution === "each" ? load.pick.of : 0;
  const next = requestsOf(target, load.pick);
  const others = load.inFlight ? await openInFlight(load.inFlight, target) : [];
  const connections = await openAll(load.connections, target, (self) => ({
    onEnd: (response) => {
      requests++;
      if (!isExpected(response, expected)) round.fail(unexpected(response));
      else if (requests < least || performance.now() < deadline) self().send(next?.());
      else round.count();
    },
    onError: (error) => round.fail(error),
  }));
  const send = (): Promise<void> => {
    round = new Countdown(load.connections);
    for (const connection of connections) connection.send(next?.());
    return round.done;
  };
  await send();
  return {
    async run() {
      const start = performance.now();
      deadline = start + load.seconds * 1000;
      requests = 0;
      await send();
      return { requests, bodyBytes: requests * expected.bodyBytes, seconds: (performance.now() - start) / 1000 };
    },
    close: () => closeAll([...connections, ...others]),
  };
}

/** The requests that are sent one after the other. Undefined if each connection sends its own. */
function requestsOf({ path, headers }: Target, pick: Pick | undefined): (() => string) | undefined {
  if (!pick) return undefined;
  const requests = Array.from({ length: pick.of }, (_, number) => formatRequest(ownOf(path, number), headers));
  const numberOf = pickerOf(pick);
  return () => requests[numberOf()]!;
}

/** Clients that have asked for a large range each, and have read its first bytes. */
async function openInFlight(count: number, target: Target): Promise<LoadConnection[]> {
  const begun = new Countdown(count);
  const headers = { ...target.headers, Range: "bytes=65536-" };
  const connections = await openAll(
    count,
    { ...target, headers },
    () => ({
      onHead: ({ status }) => (status === 206 ? begun.count() : begun.fail(new Error(`answered ${status} to a range`))),
      onEnd: (response) => begun.fail(unexpected(response)),
      onRead: () => false,
      onError: (error) => begun.fail(error),
    }),
    { slow: true },
  );
  // All at once, the answers of some servers come after more than a minute.
  for (const [at, connection] of connections.entries()) {
    connection.send();
    if (at % 100 === 99) await delay(20);
  }
  await begun.done;
  // The server goes on until the system's buffers are full.
  await delay(500 + count / 10);
  return connections;
}
