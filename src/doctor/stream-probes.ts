import { setTimeout as delay } from "node:timers/promises";
import { openReply, type Route } from "./ask.ts";
import { largeLayout } from "./probes.ts";

/** How a stream that pauses and then breaks arrived. */
export interface StreamArrival {
  readonly status: number;
  /** Milliseconds between the first byte of the body and its end. 0 if there was no byte. */
  readonly spread: number;
  /** Whether the client takes the body for complete. */
  readonly complete: boolean;
}

/** Reads a stream that breaks on purpose. */
export async function readBrokenStream(base: URL, path: string, route: Route): Promise<StreamArrival> {
  const response = await openReply(base, { path }, route);
  const status = response.statusCode ?? 0;
  let first: number | undefined;
  const spread = (): number => (first === undefined ? 0 : performance.now() - first);
  try {
    for await (const chunk of response) if ((chunk as Buffer).byteLength > 0) first ??= performance.now();
    return { status, spread: spread(), complete: true };
  } catch {
    return { status, spread: spread(), complete: false };
  }
}

/**
 * Reads the first bytes of the large body, pauses, and reads on until it is clear whether the application was kept waiting.
 * @param pause - in milliseconds
 * @returns when the application made each part, in milliseconds since the first one. Empty if that did not become clear
 * within `maxTime` milliseconds
 */
export async function readSlowly(
  base: URL,
  path: string,
  route: Route,
  { pause, maxTime }: { readonly pause: number; readonly maxTime: number },
): Promise<number[]> {
  const signal = AbortSignal.any([AbortSignal.timeout(maxTime), ...(route.signal ? [route.signal] : [])]);
  const stamps = largeStamps();
  try {
    const response = await openReply(base, { path }, { ...route, signal });
    let begun = false;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      if (!begun) await delay(pause);
      begun = true;
      stamps.add(chunk);
      // Leaving the loop ends the response.
      if (wasKeptWaiting(stamps.times(), pause)) break;
    }
  } catch {
    return [];
  }
  return stamps.times();
}

/** Collects the stamps of the large body. A stamp may come in two chunks. */
function largeStamps(): { add(chunk: Buffer): void; times(): number[] } {
  const { stampLength, partLength } = largeLayout;
  const texts: string[] = [];
  let position = 0;
  const add = (chunk: Buffer): void => {
    const end = position + chunk.byteLength;
    for (let part = Math.floor(position / partLength); part * partLength < end; part += 1) {
      const from = Math.max(part * partLength, position);
      const to = Math.min(part * partLength + stampLength, end);
      if (from < to) texts[part] = (texts[part] ?? "") + chunk.toString("latin1", from - position, to - position);
    }
    position = end;
  };
  return { add, times: () => texts.filter((text) => text.length === stampLength).map(Number) };
}

/**
 * Whether the application was kept waiting until the client read on. `stamps` are the times at which it made the parts of
 * the large body.
 */
export function wasKeptWaiting(stamps: readonly number[], pause: number): boolean {
  return stamps.some((time, at) => time >= pause && time - (stamps[at - 1] ?? 0) >= pause / 2);
}

/** More than the buffers of the sockets on the way hold, in parts of the large body. */
const maxBuffered = 40;

/** Whether the application made more of the large body than sockets hold before the client read on. */
export function wasTakenEarly(stamps: readonly number[], pause: number): boolean {
  return stamps.filter((time) => time < pause).length > maxBuffered;
}
