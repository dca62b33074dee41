import {
  applyMiddleware,
  type DownloadMiddleware,
  type DownloadRequest,
  type DownloadResult,
  type ViewContext,
} from "../responses/handler.ts";
import type { DownloadResponse } from "../responses/download-response.ts";
import { refuseJSON } from "../serialization.ts";

/**
 * Several middleware as one. Each sees what the one before it made, until one answers with something that is no longer a
 * `DownloadResponse`.
 *
 * @example
 * ```ts
 * import { download, DownloadDispatcher, LocalFile, smartDownloadMiddleware } from "downloadview";
 * import { apache } from "downloadview/apache";
 * import { nginx } from "downloadview/nginx";
 *
 * const dispatcher = new DownloadDispatcher([
 *   smartDownloadMiddleware({ backend: nginx(), rules: [{ sourceDir: "/srv/a", destinationUrl: "/_a/" }] }),
 *   smartDownloadMiddleware({ backend: apache(), rules: [{ sourceDir: "/srv/b", destinationDir: "/srv/b" }] }),
 * ]);
 * const result = await dispatcher.dispatch(download(new LocalFile("/srv/b/1.pdf")), new Request("http://localhost/"));
 * console.assert(result.headers.get("X-Sendfile") === "/srv/b/1.pdf");
 * ```
 */
export class DownloadDispatcher {
  readonly middleware: readonly DownloadMiddleware[];

  constructor(middleware: readonly DownloadMiddleware[]) {
    this.middleware = middleware;
  }

  /** A middleware itself: it may be passed on without its object. */
  readonly dispatch = (
    response: DownloadResponse,
    request: DownloadRequest,
    context?: ViewContext,
  ): Promise<DownloadResult> => applyMiddleware(response, request, this.middleware, context);

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "middleware");
  }
}
