import { isDownloadError } from "../errors.ts";
import { closeBody, readBody, type ReadableBody } from "../responses/body.ts";
import type { DownloadHandler, DownloadRequest, DownloadResult } from "../responses/handler.ts";
import { limitRate } from "../responses/limit-rate.ts";
import { renderResult } from "../responses/render-result.ts";
import type { RenderedResponse } from "../responses/rendered-response.ts";

export interface FetchContext {
  /** The parameters of the route, such as `{ path }`. */
  params?: Readonly<Record<string, string | undefined>>;
}

export type FetchHandler = (request: Request, context?: FetchContext) => Promise<Response>;

/**
 * Mounts a handler wherever `fetch` handlers run: Bun, Deno, Workers, Next.js routes, Hono, h3. Errors of downloads
 * become responses; any other error is thrown on.
 *
 * @example
 * ```ts
 * import { VirtualDownloadView, VirtualFile } from "downloadview";
 * import { toFetchHandler } from "downloadview/fetch";
 *
 * const view = VirtualDownloadView.asView({ getFile: () => new VirtualFile("hello", { name: "hello.txt" }) });
 * const response = await toFetchHandler(view)(new Request("http://localhost/"));
 * console.assert((await response.text()) === "hello");
 * ```
 */
export function toFetchHandler(handler: DownloadHandler<Request>): FetchHandler {
  return async (request, context = {}) => {
    try {
      const result = await handler(request, { params: context.params ?? {}, native: request });
      return await toResponse(result, request);
    } catch (error) {
      if (isDownloadError(error)) return error.getResponse();
      throw error;
    }
  };
}

/**
 * The web `Response` of a result, for an ordinary handler that returns one.
 * @throws {DownloadError} where there is nothing to send
 *
 * @example
 * ```ts
 * import { download } from "downloadview";
 * import { toResponse } from "downloadview/fetch";
 *
 * const request = new Request("http://localhost/");
 * const response = await toResponse(download("hello", { name: "hello.txt" }), request);
 * console.assert(response.headers.get("content-length") === "5");
 * ```
 */
export async function toResponse(
  result: DownloadResult | Promise<DownloadResult>,
  request: DownloadRequest,
): Promise<Response> {
  const awaited = await result;
  if (awaited instanceof Response) return awaited;
  return webResponse(await renderResult(awaited, request, { lazy: true }), request.signal);
}

async function webResponse(rendered: RenderedResponse, signal?: AbortSignal): Promise<Response> {
  const init = { status: rendered.status, headers: pairs(rendered.headers) };
  return new Response(await webBody(rendered, signal), init);
}

async function webBody(rendered: RenderedResponse, signal?: AbortSignal): Promise<BodyInit | null> {
  const { body, status, delivery } = rendered;
  switch (body.kind) {
    case "none":
      delivery.finish(status, 0);
      return null;
    case "bytes":
      if (rendered.limitRate) return bodyStream(rendered, body, signal);
      delivery.finish(status, body.bytes.byteLength);
      return body.bytes as Uint8Array<ArrayBuffer>;
    default:
      return bodyStream(rendered, body, signal);
  }
}

/**
 * A stream that reads nothing before it is pulled and frees everything when it is cancelled, so that a response that
 * nobody reads leaves nothing open. A source that is open already gives its first bytes now: if it fails, it fails
 * with a status.
 */
async function bodyStream(
  { status, delivery, limitRate: rate }: RenderedResponse,
  body: ReadableBody,
  signal?: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const chunks = rate ? limitRate(readBody(body), rate) : readBody(body);
  let first = isOpenedWhenRead(body) ? undefined : await firstChunk(chunks, body, status, delivery);
  let sent = 0;

  const abort = (error?: unknown): Promise<void> => {
    signal?.removeEventListener("abort", onAbort);
    delivery.abort(status, sent, error);
    return closeBody(body);
  };
  const onAbort = (): void => void abort();
  signal?.addEventListener("abort", onAbort, { once: true });

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await (first ?? chunks.next());
          first = undefined;
          if (done) {
            signal?.removeEventListener("abort", onAbort);
            await closeBody(body);
            delivery.finish(status, sent);
            controller.close();
          } else {
            sent += value.byteLength;
            controller.enqueue(value);
          }
        } catch (error) {
          await abort(error);
          throw error;
        }
      },
      cancel: () => abort(),
    },
    { highWaterMark: 0 },
  );
}

function isOpenedWhenRead(body: ReadableBody): boolean {
  return (body.kind === "file" || body.kind === "multipart") && body.file.prepare !== undefined;
}

async function firstChunk(
  chunks: AsyncGenerator<Uint8Array>,
  body: ReadableBody,
  status: number,
  delivery: RenderedResponse["delivery"],
): Promise<IteratorResult<Uint8Array>> {
  try {
    return await chunks.next();
  } catch (error) {
    await closeBody(body);
    delivery.abort(status, 0, error);
    throw error;
  }
}

function pairs(raw: readonly string[]): [string, string][] {
  const headers: [string, string][] = [];
  for (let at = 0; at < raw.length; at += 2) headers.push([raw[at] ?? "", raw[at + 1] ?? ""]);
  return headers;
}
