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
  const request = formatRequest(target.path, target.headers);
  const openOne = async (): Promise<Connection> => {
    const connection: Connection = await Connection.open(
      target.port,
      request,
      events(() => connection),
      options,
    );
    return connection;
  };
  return Promise.all(Array.from({ length: count }, openOne));
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
