import type { IncomingMessage, ServerResponse } from "node:http";
import type { DownloadRequest, DownloadResult } from "../../responses/handler.ts";
import { renderResult } from "../../responses/render.ts";
import { throughMiddleware } from "../app-middleware.ts";
import { mergeHead } from "./merge-head.ts";
import { writeRendered } from "./write.ts";

/**
 * Answers a request with a result, once the application's middleware has seen it.
 * @returns an error that broke the response after its head was sent, for a log; undefined if there was none
 * @throws {DownloadError} while nothing has been sent yet
 */
export async function answer(
  result: DownloadResult | Promise<DownloadResult>,
  downloadRequest: DownloadRequest,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<unknown> {
  const final = await throughMiddleware(result, downloadRequest, request);
  return writeRendered(mergeHead(await renderResult(final, downloadRequest), response), response);
}
