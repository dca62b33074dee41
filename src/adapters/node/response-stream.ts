import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { HeaderFields } from "../../http/header-fields.ts";
import type { Delivery } from "../../responses/delivery.ts";
import type { DownloadResult } from "../../responses/handler.ts";
import { limitRate } from "../../responses/limit-rate.ts";
import { renderResult } from "../../responses/render.ts";
import { closeBody, readBody, type RenderedResponse } from "../../responses/rendered-response.ts";
import { throughMiddleware } from "../application.ts";
import { mergeInto, type HeadTarget } from "../fields.ts";
import { hasLeft, isGone, onConnectionEnd } from "./connection.ts";
import type { NodeDownloadRequest } from "./request.ts";
import { writeRendered } from "./write.ts";

/** A response for frameworks that send responses themselves. */
export interface StreamResponse {
  readonly status: number;
  readonly fields: HeaderFields;
  /** The body, also where it is empty. */
  readonly stream: ResponseStream;
}

/** Node throws once the head is sent: the body is closed then. If a timeout has responded, that is no failure of the download. */
async function mergedFields(
  target: HeadTarget,
  rendered: RenderedResponse,
  response: ServerResponse,
): Promise<HeaderFields> {
  try {
    return mergeInto(target, rendered);
  } catch (error) {
    rendered.delivery.abort(rendered.status, 0, isGone(response) ? undefined : error);
    await closeBody(rendered.body);
    throw error;
  }
}

/**
 * Renders a result, once the application's middleware has seen it.
 * @param native - what stands for the request in `addMiddleware`
 * @param target - the framework's own head; what must go from it is gone afterwards
 * @throws {DownloadError} also for a source that fails at its first byte
 */
export async function streamResponse(
  result: DownloadResult | Promise<DownloadResult>,
  request: NodeDownloadRequest,
  native: IncomingMessage,
  target: HeadTarget,
): Promise<StreamResponse> {
  const final = await throughMiddleware(result, request, native);
  const rendered = await renderResult(final, request);
  const fields = await mergedFields(target, rendered, request.response);
  const stream = new ResponseStream(rendered, fields.has("Content-Type"));
  stream.followResponse(request.response);
  return { status: rendered.status, fields, stream };
}

/**
 * A rendered body as a Node stream, for frameworks that set status and header fields themselves. Piped to the response, the
 * response's own writer sends the bytes: it knows their length, and breaks the connection if the body ends early. Piped to
 * another stream, such as a compressor, it is an ordinary stream.
 */
export class ResponseStream extends Readable {
  readonly #rendered: RenderedResponse;
  readonly #hasType: boolean;
  #chunks: AsyncGenerator<Uint8Array> | undefined;
  #sent = 0;
  /** Whether the writer has taken over: the body and its delivery are its own then. */
  #isTakenOver = false;
  #failure: unknown;

  constructor(rendered: RenderedResponse, hasType: boolean) {
    super();
    this.#rendered = { ...rendered, headers: [], delivery: this.#follow(rendered.delivery) };
    this.#hasType = hasType;
  }

  #follow(delivery: Delivery): Delivery {
    return {
      isWatched: delivery.isWatched,
      run: (render) => delivery.run(render),
      handOver: () => delivery.handOver(),
      finish: (status, bytesSent) => delivery.finish(status, bytesSent),
      abort: (status, bytesSent, error) => {
        this.#failure = error;
        delivery.abort(status, bytesSent, error);
        // Before the response closes: frameworks log the error of a stream that fails, and drop one that is closed.
        if (error !== undefined && this.#isTakenOver) this.destroy(asError(error));
      },
    };
  }

  /** Frees the body when the response is over, also if the framework never read it. */
  followResponse(response: ServerResponse): void {
    if (hasLeft(response)) this.#leave(undefined);
    else onConnectionEnd(response, () => this.#isTakenOver || this.destroy());
  }

  override pipe<T extends NodeJS.WritableStream>(destination: T, options?: { end?: boolean }): T {
    if (this.#chunks || !isResponse(destination)) return super.pipe(destination, options);
    void this.#writeTo(destination);
    return destination;
  }

  async #writeTo(response: ServerResponse): Promise<void> {
    this.#isTakenOver = true;
    // Frameworks set a type for a stream. A response such as 412 has no content for a type to describe.
    if (!this.#hasType && !response.headersSent) response.removeHeader("Content-Type");
    // No bytes went through this stream, but a pipeline waits for its `end`, before the response is closed.
    response.once("finish", () => this.emit("end"));
    try {
      await writeRendered({ ...this.#rendered, status: response.statusCode }, response);
      this.destroy(asError(this.#failure));
    } catch (error) {
      this.destroy(asError(error));
    }
  }

  override _read(): void {
    if (this.#isTakenOver) return;
    this.#chunks ??= chunksOf(this.#rendered);
    this.#chunks.next().then(
      ({ done, value }) => {
        if (done) this.#rendered.delivery.finish(this.#rendered.status, this.#sent);
        else this.#sent += value.byteLength;
        this.push(done ? null : value);
      },
      (error: unknown) => this.destroy(asError(error)),
    );
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    if (!this.#isTakenOver) this.#leave(error ?? undefined);
    callback(error);
  }

  #leave(error: Error | undefined): void {
    const { body, status, delivery } = this.#rendered;
    // Frameworks drop a body of nothing unread, and send the head: that is all there was to send.
    if (body.kind === "none" && !error) delivery.finish(status, 0);
    else delivery.abort(status, this.#sent, error);
    void closeBody(body);
  }
}

async function* chunksOf({ body, limitRate: rate }: RenderedResponse): AsyncGenerator<Uint8Array> {
  if (body.kind === "none") return;
  yield* rate ? limitRate(readBody(body), rate) : readBody(body);
}

function isResponse(destination: NodeJS.WritableStream): destination is ServerResponse & NodeJS.WritableStream {
  return "writeHead" in destination && "removeHeader" in destination;
}

function asError(error: unknown): Error | undefined {
  return error === undefined || error instanceof Error ? error : new Error("The body failed", { cause: error });
}
