import { ownOf } from "../harness/fixtures.ts";
import type { Expected, Target } from "../harness/protocol.ts";
import { Connection, type ConnectionEvents, formatRequest } from "./connection.ts";
import type { FinishedResponse } from "./response-reader.ts";

/** Opens connections to the same target. Each one's events know it as `self()`. */
export function openAll(
  count: number,
  target: Target,
  events: (self: () => Connection) => ConnectionEvents,
  options?: { slow: boolean },
): Promise<Connection[]> {
  const openOne = async (at: number): Promise<Connection> => {
    const connection: Connection = await Connection.open(
      target.port,
      formatRequest(ownOf(target.path, at), target.headers),
      events(() => connection),
      options,
    );
    return connection;
  };
  return Promise.all(Array.from({ length: count }, (_, at) => openOne(at)));
}

export function closeAll(connections: readonly Connection[]): void {
  for (const connection of connections) connection.close();
}

export function isExpected(response: FinishedResponse, expected: Expected): boolean {
  return response.status === expected.status && response.bodyBytes === expected.bodyBytes;
}

export function unexpected({ status, bodyBytes }: FinishedResponse): Error {
  return new Error(`answered ${status} with ${bodyBytes} bytes`);
}
