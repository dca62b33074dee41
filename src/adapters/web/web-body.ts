import type { ServerResponse } from "node:http";
import { hasLeft, onConnectionEnd } from "../node/connection.ts";
import { ownBytes } from "../../files/content.ts";
import {
  bodyLength,
  closeBody,
  readBody,
  type ReadableBody,
  type RenderedResponse,
} from "../../responses/rendered-response.ts";
import type { DownloadRequest } from "../../responses/handler.ts";
import { limitRate } from "../../responses/limit-rate.ts";
import { inSmallPieces, watchReader } from "../slow-readers.ts";
import { FileChunks } from "./file-chunks.ts";
import { withLength } from "./web-runtime.ts";

/** As much of the server's own response as says that it has ended, whatever became of the body. */
export interface Outgoing {
  readonly destroyed?: boolean;
  once(event: "close", listener: () => void): unknown;
}

/** Makes the stream of a source. `onTakeOver` is called if something else than the source sends the body. */
export type MakeStream = (
  source: UnderlyingDefaultSource<Uint8Array>,
  onTakeOver: () => void,
) => ReadableStream<Uint8Array>;

export interface WebBodyOptions {
  /** Whose `signal` aborts when the client leaves. It is asked for by streams alone: most servers make it when it is. */
  readonly request?: DownloadRequest | undefined;
  readonly outgoing?: Outgoing | undefined;
  readonly makeStream?: MakeStream | undefined;
}

/** A body as the constructor of `Response` takes it. */
export function webBody(rendered: RenderedResponse, options: WebBodyOptions): BodyInit | null {
  const { body, status, delivery } = rendered;
  if (body.kind === "none") {
    delivery.finish(status, 0);
    return null;
  }
  // Runtimes do not report how far they sent bytes. A download with `onFinish` or a listener is therefore a stream.
  if (
    body.kind === "content" &&
    body.content.kind === "bytes" &&
    !rendered.limitRate &&
    !delivery.isWatched &&
    !rendered.slowReaders &&
    !options.makeStream
  ) {
    void closeBody(body);
    return ownBytes(body.content) as Uint8Array<ArrayBuffer>;
  }
  return withLength(bodyStream(rendered, body, options), bodyLength(body));
}

/** What servers and runtimes pass beside a request. */
export interface RuntimeInfo {
  /** \@hono/node-server: Node's response. */
  readonly outgoing?: unknown;
  /** Deno. */
  readonly completed?: unknown;
}

/**
 * The server's own response. On Deno, its promise `completed` stands for it: it settles when the response was delivered or the
 * client left, also if the application sent another response than ours.
 */
export function outgoingOf(info: RuntimeInfo | undefined, request?: Request): Outgoing | undefined {
  const { completed, outgoing = nodeResponseOf(request) } = info ?? {};
  if (isOutgoing(outgoing)) return outgoing;
  if (!(completed instanceof Promise)) return undefined;
  return { once: (_event, listener) => completed.then(listener, listener) };
}

/** srvx keeps Node's response on the request. */
function nodeResponseOf(request: (Request & { readonly runtime?: { node?: { res?: unknown } } }) | undefined): unknown {
  return request?.runtime?.node?.res;
}

function isOutgoing(value: unknown): value is Outgoing {
  return typeof value === "object" && value !== null && "once" in value;
}

/**
 * Calls `listener` when the server's own response is over, also if something else has ended it meanwhile, such as a timeout.
 * Node does not close a response that waits in line behind that of an earlier request when their connection closes: there, the
 * connection is listened to.
 */
export function onOutgoingEnd(outgoing: Outgoing, listener: () => void): void {
  const isOver = isNodeResponse(outgoing) ? hasLeft(outgoing) : outgoing.destroyed;
  if (isOver) queueMicrotask(listener);
  else if (isNodeResponse(outgoing)) onConnectionEnd(outgoing, listener);
  else outgoing.once("close", listener);
}

function isNodeResponse(outgoing: Outgoing): outgoing is ServerResponse {
  return "req" in outgoing && "off" in outgoing;
}

/**
 * A stream that reads nothing before it is pulled and frees everything when it is cancelled. A response that is never read
 * leaves no file open.
 */
function bodyStream(
  { status, delivery, limitRate: rate, slowReaders }: RenderedResponse,
  body: ReadableBody,
  { request, outgoing, makeStream = pulledStream }: WebBodyOptions,
): ReadableStream<Uint8Array> {
  let signal: AbortSignal | undefined;
  const chunks = chunksOf(body, rate, slowReaders !== undefined);
  let sent = 0;
  let hasEnded = false;
  let isWaiting = false;
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const end = (): void => {
    void abort();
    controller?.error(new Error("The client reads too slowly"));
  };
  let unwatch: (() => void) | undefined;
  // From the first read on: a watched stream that is dropped unread could never be collected.
  const watch = (): void => {
    if (slowReaders) unwatch ??= watchReader(slowReaders, { taken: () => sent, isWaiting: () => isWaiting }, end);
  };

  const leave = (): void => {
    hasEnded = true;
    unwatch?.();
    signal?.removeEventListener("abort", onAbort);
    dropped?.unregister(body);
  };
  const abort = (error?: unknown): Promise<void> => {
    leave();
    // A source that fails since the client left is no failure.
    if (signal?.aborted) delivery.abort(status, sent);
    else delivery.abort(status, sent, error);
    if (chunks instanceof FileChunks) void chunks.return();
    return closeBody(body);
  };
  const onAbort = (): void => void abort();
  const follow = (): AbortSignal | undefined => {
    signal = request?.signal;
    signal?.addEventListener("abort", onAbort, { once: true });
    return signal;
  };
  // If the server's own response may send the body, its end says the same. Then the signal is asked for when the stream is read.
  if (makeStream === pulledStream) follow();
  // Middleware may have put another response in the place of this one.
  if (outgoing) onOutgoingEnd(outgoing, () => void (hasEnded || abort()));

  const stream = makeStream(
    {
      start(its) {
        // Only for a reader that is watched: a stream that is dropped half read is collected only if nothing refers to it.
        if (slowReaders) controller = its;
      },
      async pull(controller) {
        if (makeStream !== pulledStream && signal === undefined && follow()?.aborted) {
          await abort();
          throw request?.signal?.reason;
        }
        try {
          isWaiting = false;
          watch();
          const { done, value } = await chunks.next();
          // Cancelled or aborted meanwhile: the controller takes no more.
          if (hasEnded) return;
          if (done) {
            leave();
            await closeBody(body);
            delivery.finish(status, sent);
            controller.close();
          } else {
            sent += value.byteLength;
            isWaiting = true;
            controller.enqueue(value);
          }
        } catch (error) {
          if (hasEnded) return;
          // No framework reports the error of a body whose head was sent.
          if (!signal?.aborted) console.error(error);
          await abort(error);
          throw error;
        }
      },
      cancel: () => abort(),
    },
    leave,
  );
  dropped?.register(stream, abort, body);
  return stream;
}

function pulledStream(source: UnderlyingDefaultSource<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream(source, { highWaterMark: 0 });
}

/** Frees what a stream holds that was read to its middle and then forgotten, neither read on nor cancelled. */
const dropped =
  typeof FinalizationRegistry === "undefined"
    ? undefined
    : new FinalizationRegistry<() => Promise<void>>((abort) => void abort());

function chunksOf(
  body: ReadableBody,
  rate: RenderedResponse["limitRate"],
  isWatched: boolean,
): FileChunks | AsyncGenerator<Uint8Array> {
  if (rate) return limitRate(readBody(body), rate);
  if (isWatched) return inSmallPieces(readBody(body));
  const content = body.kind === "content" ? body.content : undefined;
  return content?.kind === "seekable" ? new FileChunks(content) : readBody(body);
}
