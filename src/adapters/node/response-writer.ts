import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { hasLeft, http2Stream, isGone, onConnectionEnd, socketOf } from "./connection.ts";
import { trustedSocket } from "./trusted-socket.ts";

/**
 * Writes the body of one response, and counts what the connection took.
 *
 * A response may be a substitute for Node's, such as that of a wrapper for serverless functions: its `write` may return undefined
 * and call back at once or never, it may have no socket, and emit `finish` alone. The writer needs no more of it than `pipe`.
 */
export class ResponseWriter {
  /** Bytes of the body that the connection took. */
  taken = 0;
  readonly response: ServerResponse;
  readonly #socket: Socket | undefined;
  readonly #onLeave: () => void;
  readonly #stop: () => void;
  #settle: ((done: boolean) => void) | undefined;
  #settleEnd: ((done: boolean) => void) | undefined;
  #ending: Promise<boolean> | undefined;
  #onTaken: (() => void) | undefined;
  #isOver = false;
  /** Bytes that were written, whether the connection took them or not. */
  #written = 0;

  /** `onLeave` is called if the connection ends before the response does. */
  constructor(response: ServerResponse, onLeave: () => void) {
    this.response = response;
    this.#socket = socketOf(response);
    this.#onLeave = onLeave;
    this.#stop = onConnectionEnd(response, () => this.#end());
  }

  /** Whether nothing more can be written. */
  get isOver(): boolean {
    return this.#isOver || isGone(this.response);
  }

  /** Bytes that were written, and that the connection has not taken. */
  get waiting(): number {
    return this.#written - this.taken;
  }

  /** Stops to listen. */
  stop(): void {
    this.#isOver = true;
    this.#stop();
  }

  /** Calls `listener` when the connection took all that was written. It never does if the client leaves first. */
  whenTaken(listener: () => void): void {
    if (this.taken === this.#written) listener();
    else this.#onTaken = listener;
  }

  #end(): void {
    if (this.#isOver) return;
    const isWhole = this.#settleEnd !== undefined && this.#isWholeAtEnd();
    this.stop();
    if (!isWhole) this.#onLeave();
    this.#settle?.(isWhole);
    this.#settleEnd?.(isWhole);
  }

  /** Whether a response that was ended is whole, though it was closed without a word of its end. */
  #isWholeAtEnd(): boolean {
    const stream = http2Stream(this.response);
    if (stream) return stream.writableFinished && stream.rstCode === 0 && !stream.aborted;
    // A stand-in that has no connection closes when it is done.
    return this.#tookAll() || this.#socket?.destroyed === undefined;
  }

  #tookAll(): boolean {
    return this.taken > 0 && this.taken === this.#written;
  }

  /**
   * Writes a chunk to Node's own socket. Resolves with `"reusable"` if the kernel took it and nothing else has had it: its
   * memory can be used again. With true if it was taken, and with false if the client left first.
   * @param socket - of `trustedSocket`
   * @param isLast - ends the response as well; {@link end} then waits for that
   */
  writeTrusted(chunk: Uint8Array, socket: Socket, isLast = false): Promise<boolean | "reusable"> {
    return new Promise((resolve) => {
      const { response } = this;
      // Outside of a cork, Node keeps what is written until the end of the turn.
      response.cork();
      this.#settle = resolve;
      this.#writeCounted(chunk, socket, (isTaken) => {
        // Asked once more, while the response still has its socket: what replaced a method meanwhile may have got the chunk.
        resolve(isTaken && trustedSocket(response) === socket ? "reusable" : isTaken);
      });
      if (isLast) void this.end();
      response.uncork();
    });
  }

  #writeCounted(chunk: Uint8Array, socket: Socket, taken?: (isTaken: boolean) => void): boolean {
    this.#written += chunk.byteLength;
    return this.response.write(chunk, (error) => {
      // For a write that was under way when the socket was destroyed, Node reports no error.
      const isTaken = !error && !socket.destroyed;
      if (isTaken) this.taken += chunk.byteLength;
      taken?.(isTaken);
      if (this.#tookAll()) this.#onTaken?.();
    });
  }

  /** Writes a chunk to any response, which may keep its memory. False if the client left before there was room for more. */
  write(chunk: Uint8Array): Promise<boolean> | true {
    const { response } = this;
    if (http2Stream(response)) return this.#writeToStream(chunk);
    const socket = trustedSocket(response);
    if (socket) return this.#writeCounted(chunk, socket) || this.#drained(0);
    this.#written += chunk.byteLength;
    const flushed: boolean | undefined = response.write(chunk);
    if (mustDrain(response, flushed)) return this.#drained(chunk.byteLength);
    this.taken += chunk.byteLength;
    return true;
  }

  // The body must not be ended before all of it was taken: if the client then resets the stream, Node emits no event.
  #writeToStream(chunk: Uint8Array): Promise<boolean> | true {
    const { response } = this;
    this.#written += chunk.byteLength;
    return new Promise((resolve) => {
      const settle = (done: boolean): void => {
        if (this.#settle !== settle) return;
        this.#settle = undefined;
        if (done) this.taken += chunk.byteLength;
        resolve(done);
      };
      this.#settle = settle;
      // A function that replaced `write` may drop the callback.
      const isReplaced = Object.hasOwn(response, "write");
      const flushed: unknown = isReplaced
        ? response.write(chunk)
        : response.write(chunk, (error) => settle(!error && !hasLeft(response)));
      if (!isReplaced) return;
      if (flushed === false) response.once("drain", () => settle(true));
      else settle(true);
    });
  }

  #drained(length: number): Promise<boolean> {
    return new Promise((resolve) => {
      const { response } = this;
      const settle = (done: boolean): void => {
        this.#settle = undefined;
        response.off("drain", drained);
        if (done) this.taken += length;
        resolve(done);
      };
      const drained = (): void => settle(true);
      response.once("drain", drained);
      this.#settle = settle;
    });
  }

  /** Ends the response, with a last chunk or none, unless it was ended. Resolves with true if the connection took all of it. */
  end(chunk?: Uint8Array): Promise<boolean> {
    this.#ending ??= new Promise((resolve) => {
      if (this.isOver) return resolve(false);
      const { response } = this;
      const length = chunk?.byteLength ?? 0;
      this.#settleEnd = resolve;
      this.#written += length;
      // HTTP/2's compatibility API emits it for a stream that was reset as well.
      if (!http2Stream(response)) response.once("finish", () => this.#finish(length, resolve));
      if (chunk) response.end(chunk);
      else response.end();
    });
    return this.#ending;
  }

  #finish(length: number, resolve: (done: boolean) => void): void {
    if (this.#isOver) return;
    // Node also emits it after the connection was destroyed, with bytes that were never sent.
    if (this.#socket?.destroyed === true && !this.#tookAll()) return this.#end();
    this.taken += length;
    this.stop();
    resolve(true);
  }
}

// `undefined` is not `false`: code that replaces `write` often returns nothing. Node's own response knows.
function mustDrain(response: ServerResponse, flushed: unknown): boolean {
  if (typeof flushed === "boolean") return !flushed;
  return response.writableNeedDrain && typeof socketOf(response)?.destroySoon === "function";
}
