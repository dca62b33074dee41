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
  let ended = false;
  const end = (completed: boolean, status: number, bytesSent: number, error?: unknown): void => {
    if (ended) return;
    ended = true;
    const outcome = { status, bytesSent, completed, ...(error === undefined ? {} : { error }) };
    publish(completed ? "finish" : error === undefined ? "abort" : "error", { file, request, ...outcome });
    onFinish?.(outcome);
  };
  return {
    finish: (status, bytesSent) => end(true, status, bytesSent),
    abort: (status, bytesSent, error) => end(false, status, bytesSent, error),
  };
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
