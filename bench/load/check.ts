import { createHash } from "node:crypto";
import type { Check, CheckedResponse } from "../harness/protocol.ts";
import type { ConnectionEvents } from "./connection.ts";
import { closeAll, openAll } from "./connections.ts";

/** One response, looked at closely: what a server answers, before it is measured. */
export async function check({ headOnly, ...target }: Check): Promise<CheckedResponse> {
  const { response, events } = gather(headOnly);
  const [connection] = await openAll(1, target, () => events);
  connection?.send();
  return response.finally(() => closeAll(connection ? [connection] : []));
}

function gather(headOnly: boolean): { response: Promise<CheckedResponse>; events: ConnectionEvents } {
  const digest = createHash("sha256");
  let events: ConnectionEvents | undefined;
  const response = new Promise<CheckedResponse>((resolve, reject) => {
    events = {
      onHead: ({ status, text }) => headOnly && resolve({ status, head: text }),
      onBody: (bytes) => digest.update(bytes),
      onEnd: ({ status, text, bodyBytes }) => resolve({ status, head: text, bodyBytes, digest: digest.digest("hex") }),
      onRead: () => !headOnly,
      onError: reject,
    };
  });
  return { response, events: events! };
}
