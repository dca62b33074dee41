import { createHash } from "node:crypto";
import { ownOf } from "../harness/fixtures.ts";
import type { Check, CheckedResponse } from "../harness/protocol.ts";
import { Connection, type ConnectionEvents, formatRequest } from "./connection.ts";

/** One response, looked at closely: what a server answers, before it is measured. */
export async function check({ port, path, headers, headOnly }: Check): Promise<CheckedResponse> {
  const { response, events } = gather(headOnly);
  const connection = await Connection.open(port, formatRequest(ownOf(path, 0), headers), events);
  connection.send();
  return response.finally(() => connection.close());
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
