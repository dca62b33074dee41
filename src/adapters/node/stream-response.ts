import type { IncomingMessage, ServerResponse } from "node:http";
import type { HeaderFields } from "../../http/header-fields.ts";
import { closeBody, type RenderedResponse } from "../../responses/rendered-response.ts";
import type { DownloadResult } from "../../responses/handler.ts";
import { renderResult } from "../../responses/render.ts";
import { throughMiddleware } from "../app-middleware.ts";
import { isGone } from "./connection.ts";
import { mergeInto, type HeadTarget } from "./merge-head.ts";
import type { NodeDownloadRequest } from "./request.ts";
import { ResponseStream } from "./response-stream.ts";

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
