import type { DownloadFile } from "../files/download-file.ts";
import type { DownloadRequest } from "./handler.ts";
import { announcedTransfer, outcomeAbout } from "./transfer.ts";

/**
 * How a download ended.
 *
 * - `completed`: the kernel took every byte of the response that the client was promised. A 304, a 404 or the answer to
 *   HEAD completes with its head.
 * - `handedOver`: a proxy, a CDN or a storage was told to send the file (offload, redirect). `bytesSent` is 0. Whether
 *   the client gets the file is unknown: do not delete it, and do not count it as delivered. `deliveries()` of
 *   `downloadview/deliveries` learns it from the server's log, and reports the real end instead.
 * - `aborted`: the client left first.
 * - `failed`: the source or the application failed; see `error`.
 */
export interface DownloadOutcome {
  readonly kind: "completed" | "handedOver" | "aborted" | "failed";
  readonly status: number;
  /** Bytes of the body that the connection took. */
  readonly bytesSent: number;
  /** Whether `kind` is `"completed"`. */
  readonly completed: boolean;
  /**
   * Whether the client has every byte of this version of the file, with the ranges that it got before. Undefined unless
   * `deliveries()` follows the download.
   */
  readonly hasWhole?: boolean;
  /** Why the download failed. Undefined unless `kind` is `"failed"`. */
  readonly error?: unknown;
}

/**
 * Called once when a download has ended. It may be asynchronous: the download does not wait for it. If it throws or
 * rejects, the error is written to the console and the download goes on.
 */
export type OnFinish = (outcome: DownloadOutcome) => unknown;

/**
 * What subscribers of the `downloadview:*` channels of `node:diagnostics_channel` get: the file and the request, and at
 * the end of a download its {@link DownloadOutcome}.
 *
 * | channel | published |
 * | --- | --- |
 * | `downloadview:start` | before the file is opened; no outcome yet |
 * | `downloadview:finish` | `kind` is `"completed"` or `"handedOver"` |
 * | `downloadview:abort` | `kind` is `"aborted"` |
 * | `downloadview:error` | `kind` is `"failed"` |
 *
 * The same download is traced on the `TracingChannel` `downloadview:download`: `start` and `end` around the moment at which it
 * begins, `asyncStart` and `asyncEnd` when it has ended, `error` before these if it failed. All events of one download get
 * the same object, which has the outcome once it has ended.
 */
export interface DownloadMessage extends Partial<DownloadOutcome> {
  readonly file: DownloadFile | undefined;
  readonly request: DownloadRequest;
}

/** Follows one response from its start to its last byte, and reports the end exactly once. */
export interface Delivery {
  /** Whether anything wants to know how the download ends: `onFinish`, or a subscriber of a channel. */
  readonly isWatched: boolean;
  /** Runs what makes the response, in the context that a subscriber of the tracing channel has bound to the download. */
  run<T>(render: () => T): T;
  /** From now on {@link finish} means that a proxy, a CDN or a storage was told to send the file. */
  handOver(): void;
  /** Everything was sent. */
  finish(status: number, bytesSent: number): void;
  /** The client left before everything was sent, or, with an `error`, the source failed. */
  abort(status: number, bytesSent: number, error?: unknown): void;
}

/**
 * Starts to follow a download. Publishes on `downloadview:start` now. At the end it publishes on exactly one of
 * `downloadview:finish`, `downloadview:abort` and `downloadview:error`, and calls `onFinish`.
 */
export function startDelivery(request: DownloadRequest, file: DownloadFile | undefined, onFinish?: OnFinish): Delivery {
  if (channels?.start?.hasSubscribers) channels.start.publish({ file, request } satisfies DownloadMessage);
  return new FollowedDelivery(request, file, onFinish);
}

const stages = { completed: "finish", handedOver: "finish", aborted: "abort", failed: "error" } as const;

class FollowedDelivery implements Delivery {
  readonly #request: DownloadRequest;
  readonly #file: DownloadFile | undefined;
  readonly #onFinish: OnFinish | undefined;
  #isHandedOver = false;
  #ended = false;
  /** The one object of all events of the tracing channel. Undefined while no one listens to it. */
  #traced: TracedDownload | undefined;

  constructor(request: DownloadRequest, file: DownloadFile | undefined, onFinish: OnFinish | undefined) {
    this.#request = request;
    this.#file = file;
    this.#onFinish = onFinish;
  }

  get isWatched(): boolean {
    return this.#onFinish !== undefined || isTraced() || ends.some((stage) => channels?.[stage]?.hasSubscribers);
  }

  run<T>(render: () => T): T {
    if (!tracing || this.#traced || !isTraced()) return render();
    const traced: TracedDownload = { file: this.#file, request: this.#request };
    this.#traced = traced;
    try {
      return tracing.start.runStores(traced, render);
    } finally {
      tracing.end.publish(traced);
    }
  }

  handOver(): void {
    this.#isHandedOver = true;
  }

  finish(status: number, bytesSent: number): void {
    if (this.#isHandedOver) this.#end({ kind: "handedOver", status, bytesSent: 0, completed: false });
    else this.#end({ kind: "completed", status, bytesSent, completed: true });
  }

  abort(status: number, bytesSent: number, error?: unknown): void {
    if (error === undefined) this.#end({ kind: "aborted", status, bytesSent, completed: false });
    else this.#end({ kind: "failed", status, bytesSent, completed: false, error });
  }

  #end(outcome: DownloadOutcome): void {
    if (this.#ended) return;
    this.#ended = true;
    const channel = channels?.[stages[outcome.kind]];
    if (channel?.hasSubscribers)
      channel.publish({ file: this.#file, request: this.#request, ...outcome } satisfies DownloadMessage);
    if (this.#traced || isTraced()) this.#traceEnd(outcome);
    if (this.#onFinish) void call(this.#onFinish, outcomeAbout(outcome, announcedTransfer(this)));
  }

  #traceEnd(outcome: DownloadOutcome): void {
    if (!tracing) return;
    // A response without a download, such as a refusal, begins and ends at once.
    this.run(() => undefined);
    const traced = this.#traced;
    if (!traced) return;
    Object.assign(traced, outcome, { result: outcome });
    if (outcome.kind === "failed") tracing.error.publish(traced);
    tracing.asyncStart.publish(traced);
    tracing.asyncEnd.publish(traced);
  }
}

// The caller is a socket's event handler: there, a throw or a rejection would end the process.
async function call(onFinish: OnFinish, outcome: DownloadOutcome): Promise<void> {
  try {
    await onFinish(outcome);
  } catch (error) {
    console.error("downloadview: onFinish failed:", error);
  }
}

/** The status that an error stands for, for the outcome. */
export function statusOf(error: unknown): number {
  return typeof error === "object" && error !== null && "status" in error ? Number(error.status) : 500;
}

const ends = ["finish", "abort", "error"] as const;

type Stage = "start" | "finish" | "abort" | "error";
interface Channel {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
}

interface TracingChannel {
  readonly start: Channel & { runStores<T>(message: unknown, run: () => T): T };
  readonly end: Channel;
  readonly asyncStart: Channel;
  readonly asyncEnd: Channel;
  readonly error: Channel;
}

/** Grows to a message with the outcome. */
type TracedDownload = { -readonly [Name in keyof DownloadMessage]: DownloadMessage[Name] } & {
  result?: DownloadOutcome;
};

interface Diagnostics {
  channel(name: string): Channel;
  /** Node since 20, and not every runtime that has the module. */
  tracingChannel?(name: string): TracingChannel;
}

// Asked of the process rather than imported: a worker runtime has no such module, and this file runs there too.
const diagnostics = (
  globalThis as {
    process?: { getBuiltinModule?(name: string): Diagnostics | undefined };
  }
).process?.getBuiltinModule?.("node:diagnostics_channel");

const channels: Partial<Record<Stage, Channel>> | undefined = diagnostics && {
  start: diagnostics.channel("downloadview:start"),
  finish: diagnostics.channel("downloadview:finish"),
  abort: diagnostics.channel("downloadview:abort"),
  error: diagnostics.channel("downloadview:error"),
};

const tracing = diagnostics?.tracingChannel?.("downloadview:download");

function isTraced(): boolean {
  if (!tracing) return false;
  const { start, end, asyncStart, asyncEnd, error } = tracing;
  return (
    start.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    asyncStart.hasSubscribers ||
    end.hasSubscribers ||
    error.hasSubscribers
  );
}
