import { ownOf } from "../../harness/fixtures.ts";
import type { Expected, LoadOf, Pick, Target } from "../../harness/protocol.ts";
import { formatRequest } from "../connection.ts";
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
    close: () => closeAll(connections),
  };
}

/** The requests that are sent one after the other. Undefined if each connection sends its own. */
function requestsOf({ path, headers }: Target, pick: Pick | undefined): (() => string) | undefined {
  if (!pick) return undefined;
  const requests = Array.from({ length: pick.of }, (_, number) => formatRequest(ownOf(path, number), headers));
  const numberOf = pickerOf(pick);
  return () => requests[numberOf()]!;
}
