import type { IncomingMessage, ServerResponse } from "node:http";
import type { DownloadRequest, DownloadResult } from "../../responses/handler.ts";
import { renderResult } from "../../responses/render-result.ts";
import { throughMiddleware } from "../app-middleware.ts";
import { mergeHead } from "./merge-head.ts";
import { writeRendered } from "./write.ts";

/**
 * Answers a request with a result, once the application's middleware has seen it.
 * @throws {DownloadError} while nothing has been sent yet
 */
export async function answer(
  result: DownloadResult | Promise<DownloadResult>,
  downloadRequest: DownloadRequest,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const final = await throughMiddleware(result, downloadRequest, request);
  await writeRendered(mergeHead(await renderResult(final, downloadRequest), response), response);
}
