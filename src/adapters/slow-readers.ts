import type { SlowReaders } from "../responses/rendered-response.ts";

/** A transfer as far as it can be seen from this side. */
export interface WatchedReader {
  /** Bytes that the connection took. */
  taken(): number;
  /** Whether bytes wait for the connection to take them. Else the client has all that there is. */
  isWaiting(): boolean;
}

/** Milliseconds between two looks. */
const interval = 1000;
/** Milliseconds of waiting over which the rate is measured. */
const window = 30_000;

interface Watch {
  readonly limits: SlowReaders;
  readonly reader: WatchedReader;
  readonly end: () => void;
  taken: number;
  /** Milliseconds of waiting in which nothing was taken. */
  idle: number;
  /** Milliseconds of waiting, and bytes that were taken in them. */
  waited: number;
  got: number;
}

const watches = new Set<Watch>();
let timer: ReturnType<typeof setInterval> | undefined;
let last = 0;

/**
 * Calls `end` once if the client reads too slowly. Returns a function that stops watching. One timer serves all transfers,
 * and none runs without one.
 */
export function watchReader(limits: SlowReaders, reader: WatchedReader, end: () => void): () => void {
  const watch: Watch = { limits, reader, end, taken: reader.taken(), idle: 0, waited: 0, got: 0 };
  watches.add(watch);
  if (timer === undefined) {
    last = performance.now();
    timer = setInterval(look, interval);
    (timer as { unref?(): void }).unref?.();
  }
  return () => stop(watch);
}

function stop(watch: Watch): void {
  watches.delete(watch);
  if (watches.size > 0) return;
  clearInterval(timer);
  timer = undefined;
}

function look(): void {
  const now = performance.now();
  // A process that was stopped, or that was busy, has not looked: that time is not the client's.
  const passed = Math.min(now - last, 2 * interval);
  last = now;
  for (const watch of watches) {
    if (!isTooSlow(watch, passed)) continue;
    stop(watch);
    watch.end();
  }
}

function isTooSlow(watch: Watch, passed: number): boolean {
  const { limits, reader } = watch;
  const taken = reader.taken();
  const got = taken - watch.taken;
  watch.taken = taken;
  if (!reader.isWaiting()) {
    watch.idle = 0;
    return false;
  }
  watch.idle = got > 0 ? 0 : watch.idle + passed;
  watch.waited += passed;
  watch.got += got;
  if (limits.idle !== undefined && watch.idle >= limits.idle * 1000) return true;
  if (watch.waited < window) return false;
  const isBelow = (watch.got * 1000) / watch.waited < (limits.minimumRate ?? 0);
  watch.waited = 0;
  watch.got = 0;
  return isBelow;
}

/** Bytes of a chunk of which it is not known how much the connection has taken, until it has taken all. */
const smallPiece = 64 * 1024;

/**
 * The same bytes in pieces that a slow client takes in time: where a chunk counts only once it was taken whole, one of a
 * megabyte would look as if its client took nothing.
 */
export async function* inSmallPieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.byteLength; at += smallPiece) yield chunk.subarray(at, at + smallPiece);
  }
}
