import { startDelivery } from "./delivery.ts";
import { isDownloadResponse, isProxiedDownloadResponse, type DownloadRequest, type DownloadResult } from "./handler.ts";
import type { RenderOptions } from "./render.ts";
import type { RenderedResponse } from "./rendered-response.ts";
import { renderWebResponse } from "./web-response.ts";

/** Renders whatever a handler answered. */
export function renderResult(
  result: DownloadResult,
  request: DownloadRequest,
  options?: RenderOptions,
): Promise<RenderedResponse> {
  if (isDownloadResponse(result)) return result.render(request, options);
  if (isProxiedDownloadResponse(result)) return result.render(request, options);
  return Promise.resolve(renderWebResponse(result, startDelivery(request, undefined)));
}
