import type { DownloadFile } from "../files/download-file.ts";
import type { DownloadRequest } from "./handler.ts";

/** How a download ended. */
export interface DownloadOutcome {
  readonly status: number;
  /** Bytes of the body that were handed to the connection. */
  readonly bytesSent: number;
  /** Whether the client was sent all that it was promised. */
  readonly completed: boolean;
  readonly error?: unknown;
}

/** What subscribers of the `downloadview:*` channels of `node:diagnostics_channel` get. */
export interface DownloadMessage extends Partial<DownloadOutcome> {
  readonly file: DownloadFile | undefined;
  readonly request: DownloadRequest;
}

/** Follows one response from its making to its last byte, and tells of the end exactly once. */
export interface Delivery {
  finish(status: number, bytesSent: number): void;
  /** The client left, or the source broke, before everything was sent. */
  abort(status: number, bytesSent: number, error?: unknown): void;
}

/**
 * Begins to follow a download. `downloadview:start` is published now; then exactly one of `downloadview:finish`,
 * `downloadview:abort` (the client left) and `downloadview:error` (the source failed), and `onFinish` is called.
 */
export function startDelivery(
  request: DownloadRequest,
  file: DownloadFile | undefined,
  onFinish?: (outcome: DownloadOutcome) => void,
): Delivery {
  publish("start", { file, request });
  return new FollowedDelivery(request, file, onFinish);
}

class FollowedDelivery implements Delivery {
  readonly #request: DownloadRequest;
  readonly #file: DownloadFile | undefined;
  readonly #onFinish: ((outcome: DownloadOutcome) => void) | undefined;
  #ended = false;

  constructor(
    request: DownloadRequest,
    file: DownloadFile | undefined,
    onFinish: ((outcome: DownloadOutcome) => void) | undefined,
  ) {
    this.#request = request;
    this.#file = file;
    this.#onFinish = onFinish;
  }

  finish(status: number, bytesSent: number): void {
    this.#end("finish", { status, bytesSent, completed: true });
  }

  abort(status: number, bytesSent: number, error?: unknown): void {
    if (error === undefined) this.#end("abort", { status, bytesSent, completed: false });
    else this.#end("error", { status, bytesSent, completed: false, error });
  }

  #end(stage: Stage, outcome: DownloadOutcome): void {
    if (this.#ended) return;
    this.#ended = true;
    publish(stage, { file: this.#file, request: this.#request, ...outcome });
    this.#onFinish?.(outcome);
  }
}

type Stage = "start" | "finish" | "abort" | "error";
interface Channel {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
}

// Asked of the process rather than imported: a worker runtime has no such module, and this file runs there too.
const diagnostics = (
  globalThis as {
    process?: { getBuiltinModule?(name: string): { channel(name: string): Channel } | undefined };
  }
).process?.getBuiltinModule?.("node:diagnostics_channel");

const channels: Partial<Record<Stage, Channel>> | undefined = diagnostics && {
  start: diagnostics.channel("downloadview:start"),
  finish: diagnostics.channel("downloadview:finish"),
  abort: diagnostics.channel("downloadview:abort"),
  error: diagnostics.channel("downloadview:error"),
};

function publish(stage: Stage, message: DownloadMessage): void {
  const channel = channels?.[stage];
  if (channel?.hasSubscribers) channel.publish(message);
}
