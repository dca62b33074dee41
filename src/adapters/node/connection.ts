import type { ServerResponse } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";

/** The connection under a Node response: what it is, when it ends, and how it is broken. Web runtimes load this, too. */

/** The HTTP/2 stream under a response of the compatibility API, which does not report when it was reset. */
export function http2Stream(
  response: ServerResponse & { readonly stream?: ServerHttp2Stream },
): ServerHttp2Stream | undefined {
  const { stream } = response;
  return typeof stream === "object" && "rstCode" in stream ? stream : undefined;
}

/** The connection of a response, also while the response waits in line behind that of an earlier request. */
export function socketOf({ socket, req }: ServerResponse): Socket | undefined {
  return socket ?? req?.socket ?? undefined;
}

/** Whether a client can no longer get anything by this response: the client left, or the response was ended. */
export function isGone(response: ServerResponse): boolean {
  return response.writableEnded || hasLeft(response);
}

/** Whether the client left. */
export function hasLeft(response: ServerResponse): boolean {
  const stream = http2Stream(response);
  if (stream) return stream.destroyed || stream.aborted || stream.closed;
  return response.destroyed || socketOf(response)?.destroyed === true;
}

/** Whether an error says no more than that the client left. */
export function isOfLeaving(error: unknown, response: ServerResponse): boolean {
  return error instanceof Error && error.name === "AbortError" && hasLeft(response);
}

/**
 * Calls `listener` once when the connection is over: the response or its HTTP/2 stream was closed, the client reset the
 * stream, or the connection was closed while the response waited in line on it. Returns a function that stops listening.
 */
export function onConnectionEnd(response: ServerResponse, listener: () => void): () => void {
  const stream = http2Stream(response);
  const forget = stream || response.socket ? undefined : onSocketClose(response.req?.socket, end);
  // After RST_STREAM(NO_ERROR), an HTTP/2 stream whose body has not ended is aborted and never closed.
  stream?.once("aborted", end).once("close", end);
  if (!stream) response.once("close", end);

  function stop(): void {
    forget?.();
    stream?.off("aborted", end).off("close", end);
    if (!stream) response.off("close", end);
  }
  function end(): void {
    stop();
    listener();
  }
  return stop;
}

type Listeners = Set<() => void>;
const listenersOf = new WeakMap<Socket, Listeners>();

// One listener a socket: a client may send a thousand requests at once, and Node warns of more than ten listeners.
function onSocketClose(socket: Socket | undefined, listener: () => void): (() => void) | undefined {
  if (typeof socket?.once !== "function") return undefined;
  const listeners = listenersOf.get(socket) ?? follow(socket);
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function follow(socket: Socket): Listeners {
  const listeners: Listeners = new Set();
  listenersOf.set(socket, listeners);
  socket.once("close", () => {
    for (const listener of listeners) listener();
  });
  return listeners;
}

/**
 * Whether a response has no room for more after a `write` that returned `flushed`. `undefined` is not `false`: code that
 * replaces `write` often returns nothing. Node's own response knows.
 */
export function mustDrain(response: ServerResponse, flushed: unknown): boolean {
  if (typeof flushed === "boolean") return !flushed;
  return response.writableNeedDrain && typeof socketOf(response)?.destroySoon === "function";
}

/** RFC 9113 §7. A number, so that an application of HTTP/1 doesn't load the module that names it. */
const internalError = 2;

/**
 * Ends a response that can no longer be completed so that it cannot look whole: what was written goes out, the rest is
 * missing. Where only the end of the connection marks the end of the body (HTTP/1.0), that would look like success: such
 * a connection is reset.
 */
export function breakConnection(response: ServerResponse, length: number | undefined, error: unknown): void {
  const socket = socketOf(response);
  const stream = http2Stream(response);
  // One of many on the connection, which goes on (RFC 9113 §5.4.2). At once, it would overtake what was just written.
  if (stream) setImmediate(() => stream.close(internalError));
  else if (!response.socket || typeof socket?.destroySoon !== "function") breakWithoutSocket(response, error);
  else if (length === undefined && !response.chunkedEncoding) socket.resetAndDestroy();
  else socket.destroySoon();
}

function breakWithoutSocket(response: ServerResponse, error: unknown): void {
  const isStandIn = typeof socketOf(response)?.destroySoon !== "function";
  response.destroy();
  // A wrapper for serverless functions waits for the end of the response, or for an error: it must not wait for ever.
  if (isStandIn && response.listenerCount("error") > 0) response.emit("error", error);
}
