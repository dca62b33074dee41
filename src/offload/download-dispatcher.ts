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
 * Runs several middleware in order. Each receives the result of the one before it. The first that returns anything but a
 * `DownloadResponse` ends the chain.
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

  /** Runs the chain. It is bound to this object, so that it can be passed on as a middleware itself. */
  readonly dispatch = (
    response: DownloadResponse,
    request: DownloadRequest,
    context?: ViewContext,
  ): Promise<DownloadResult> => applyMiddleware(response, request, this.middleware, context);

  /** @throws {TypeError} always: a client must not see the internal state. */
  toJSON(): never {
    return refuseJSON(this, "middleware");
  }
}
