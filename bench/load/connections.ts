import { ownOf } from "../harness/fixtures.ts";
import type { Expected, Target } from "../harness/protocol.ts";
import { Connection, type ConnectionEvents, formatRequest, type LoadConnection } from "./connection.ts";
import { openHttp2 } from "./http2-connection.ts";
import type { FinishedResponse } from "./response-reader.ts";

/** Opens connections to the same target. Each one's events know it as `self()`. */
export function openAll(
  count: number,
  target: Target,
  events: (self: () => LoadConnection) => ConnectionEvents,
  options: { slow?: boolean } = {},
): Promise<LoadConnection[]> {
  if (target.protocol === "http2") return openHttp2(count, target, events).then(registered);
  const secure = target.protocol === "https";
  const openOne = async (at: number): Promise<LoadConnection> => {
    const connection: LoadConnection = await Connection.open(
      target.port,
      formatRequest(ownOf(target.path, at), target.headers),
      events(() => connection),
      { ...options, secure },
    );
    open.add(connection);
    return connection;
  };
  return inBatches(count, openOne);
}

/** As many at a time as the queue of a listening socket takes: Linux drops those beyond, which try again a second later. */
const BATCH = 128;

async function inBatches<T>(count: number, openOne: (at: number) => Promise<T>): Promise<T[]> {
  const opened: T[] = [];
  while (opened.length < count) {
    const length = Math.min(BATCH, count - opened.length);
    const first = opened.length;
    opened.push(...(await Promise.all(Array.from({ length }, (_, at) => openOne(first + at)))));
  }
  return opened;
}

export function closeAll(connections: Iterable<LoadConnection>): void {
  for (const connection of connections) {
    open.delete(connection);
    connection.close();
  }
}

/** Closes also what a load left open that failed while it was being made ready. */
export function closeEverything(): void {
  closeAll(open);
}

const open = new Set<LoadConnection>();

function registered(connections: LoadConnection[]): LoadConnection[] {
  for (const connection of connections) open.add(connection);
  return connections;
}

export function isExpected(response: FinishedResponse, expected: Expected): boolean {
  return response.status === expected.status && response.bodyBytes === expected.bodyBytes;
}

export function unexpected({ status, bodyBytes }: FinishedResponse): Error {
  return new Error(`answered ${status} with ${bodyBytes} bytes`);
}
