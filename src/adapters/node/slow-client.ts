import type { ServerResponse } from "node:http";
import { debug } from "../../diagnostics.ts";
import type { SlowReaders } from "../../responses/rendered-response.ts";
import { watchReader } from "../slow-readers.ts";
import { http2Stream, socketOf } from "./connection.ts";

/** What a writer knows of the bytes of its response. */
export interface WrittenBytes {
  readonly response: ServerResponse;
  /** Bytes that the connection took. */
  readonly taken: number;
  /** Bytes that were written, and that the connection has not taken. */
  readonly waiting: number;
}

/** HTTP/2's error code of a stream that is no longer wanted (RFC 9113 §7). */
const cancelled = 8;

/** Ends the response of a client that reads too slowly. Returns a function that stops watching. */
export function watchClient(limits: SlowReaders, written: WrittenBytes): () => void {
  const { response } = written;
  const reader = { taken: () => takenBy(written), isWaiting: () => written.waiting > 0 };
  return watchReader(limits, reader, () => {
    debug(() => "a client reads too slowly: its download is ended");
    const stream = http2Stream(response);
    if (stream) stream.close(cancelled);
    else response.destroy();
  });
}

interface Handle {
  readonly writeQueueSize?: number;
}

// A chunk may take a slow client minutes. Of the one that is under way, libuv knows how much the kernel has taken: Node's own
// socket timeout looks at the same number.
function takenBy({ response, taken, waiting }: WrittenBytes): number {
  if (http2Stream(response)) return taken;
  const queued = (socketOf(response) as { readonly _handle?: Handle | null } | undefined)?.["_handle"]?.writeQueueSize;
  return typeof queued === "number" ? taken + Math.max(0, waiting - queued) : taken;
}
