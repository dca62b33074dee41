import type { ServerResponse } from "node:http";
import type { RenderedResponse } from "../../responses/rendered-response.ts";
import { trustedSocket } from "./trusted-socket.ts";
import { writeRendered } from "./write.ts";

type Source = UnderlyingDefaultSource<Uint8Array>;
type Result = ReadableStreamReadResult<Uint8Array>;

/**
 * A web stream for a server on Node that shows its own response beside the request, as \@hono/node-server does.
 *
 * Everything that reads it gets chunks of fresh memory, which may be kept, changed and queued. But if the server itself takes
 * a reader after it has sent the head of that response, the bytes go to no one else. A transform of middleware may take its
 * reader as late, when it is asked for its first chunk, so the caller is looked at. The bytes for a server go from the
 * response's own writer to the socket, and its reader returns none. So memory that is filled again, or that a cache shares, is
 * never shown to a consumer of the stream: what the writer does with it is decided chunk by chunk, as for any response of
 * `node:http`.
 */
export class ServerStream extends ReadableStream<Uint8Array> {
  readonly #rendered: RenderedResponse;
  readonly #response: ServerResponse;
  readonly #onTakeOver: () => void;

  /** `onTakeOver` is called if the writer takes over: the source is not pulled then. */
  constructor(source: Source, rendered: RenderedResponse, response: ServerResponse, onTakeOver: () => void) {
    super(source, { highWaterMark: 0 });
    this.#rendered = rendered;
    this.#response = response;
    this.#onTakeOver = onTakeOver;
  }

  // What pipes, tees or clones the stream does not call this method.
  override getReader(options?: ReadableStreamGetReaderOptions): never {
    const response = this.#response;
    const isSending = response.headersSent && !response.writableEnded && trustedSocket(response) !== undefined;
    if (options !== undefined || this.locked || !isSending || !isCalledByServer(this.getReader))
      return super.getReader(options as undefined) as never;
    // Locked, as by any reader.
    super.getReader();
    this.#onTakeOver();
    return new ServerReader(this.#rendered, response) as never;
  }
}

/** The packages that read a body to send it, and nothing else. In a bundle they are not told apart: copies are sent then. */
const servers = /[\\/]node_modules[\\/](?:@hono[\\/]node-server|srvx)[\\/]/;

/** Whether the code that called `method` is a server's. Asked once for a response. */
function isCalledByServer(method: (options?: ReadableStreamGetReaderOptions) => unknown): boolean {
  const stack = callerOf(method);
  const [caller] = typeof stack === "string" ? (/^\s+at .*$/m.exec(stack) ?? []) : [];
  return caller !== undefined && servers.test(caller);
}

/** A stack of one frame. An application may have stacks be something else than text, or have none. */
function callerOf(method: (options?: ReadableStreamGetReaderOptions) => unknown): unknown {
  const called: { stack?: unknown } = {};
  const { stackTraceLimit } = Error;
  // Ten frames would cost five times as much. Where intrinsics are frozen, `set` returns false.
  Reflect.set(Error, "stackTraceLimit", 1);
  try {
    Error.captureStackTrace(called, method);
    return called.stack;
  } finally {
    Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
  }
}

/** The reader that a server gets whose response was taken over: it ends when the response does. */
class ServerReader {
  readonly closed: Promise<undefined>;
  readonly #rendered: RenderedResponse;
  readonly #response: ServerResponse;
  #close!: (value: undefined) => void;
  #reading: Promise<Result> | undefined;

  constructor(rendered: RenderedResponse, response: ServerResponse) {
    this.#rendered = rendered;
    this.#response = response;
    this.closed = new Promise((resolve) => (this.#close = resolve));
  }

  read(): Promise<Result> {
    return (this.#reading ??= this.#send());
  }

  async #send(): Promise<Result> {
    const response = this.#response;
    try {
      const failure = await writeRendered({ ...this.#rendered, headers: [], status: response.statusCode }, response);
      // No framework reports the error of a body whose head was sent.
      if (failure !== undefined) console.error(failure);
    } finally {
      this.#close(undefined);
    }
    // A response that broke is not ended by its server as if it were whole.
    return response.writableFinished ? { done: true, value: undefined } : new Promise<never>(() => {});
  }

  async cancel(): Promise<void> {
    if (!this.#response.writableFinished) this.#response.destroy();
  }

  releaseLock(): void {}
}
