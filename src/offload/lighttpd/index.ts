import type { DownloadHandler } from "../../responses/handler.ts";
import type { OffloadBackend } from "../contract.ts";
import { lighttpdConfiguration } from "./configuration.ts";
import { OffloadedDownloadResponse } from "../offloaded-download-response.ts";
import type { OffloadRule } from "../rule.ts";
import { sendfileHandler, sendfileParts, type SendfileOptions } from "../sendfile-response.ts";
import { percentEncoded } from "../target-encoding.ts";

export interface LighttpdOptions {
  /**
   * The file to which the generated configuration logs how each download ends, for `lighttpdLog()` of `downloadview/deliveries`.
   * Default: no such log.
   */
  readonly log?: string;
}

/**
 * Describes lighttpd 1.4, which sends the file that `X-Sendfile` names.
 *
 * @example
 * ```ts
 * import { download, LocalFile, smartDownloadMiddleware } from "downloadview";
 * import { lighttpd } from "downloadview/lighttpd";
 *
 * const middleware = smartDownloadMiddleware({
 *   backend: lighttpd(),
 *   rules: [{ sourceDir: "/srv/media", destinationDir: "/srv/media" }],
 * });
 * const response = download(new LocalFile("/srv/media/a b.pdf"));
 * const result = await middleware(response, new Request("http://localhost/"));
 * console.assert(result.headers.get("X-Sendfile") === "/srv/media/a%20b.pdf");
 * ```
 */
export function lighttpd(options: LighttpdOptions = {}): OffloadBackend {
  const backend: OffloadBackend = {
    name: "lighttpd",
    header: "X-Sendfile",
    target: "path",
    encode: percentEncoded,
    status: 200,
    options: [],
    omits: [],
    loses: [],
    ignoresIfRange: false,
    limits: {
      errors: "lighttpd sends the file even with an error status, so only this package may set X-Sendfile.",
      "several-ranges": "lighttpd answers several ranges with one range that covers them all.",
    },
    streamed: {},
    respond: (source, { encoded }) => new OffloadedDownloadResponse(source, backend, { [backend.header]: encoded }),
    configuration: (configuration) => lighttpdConfiguration(configuration, options),
  };
  return backend;
}

/**
 * A response that makes lighttpd send the file at a path.
 *
 * @example
 * ```ts
 * import { XSendfileResponse } from "downloadview/lighttpd";
 *
 * const response = new XSendfileResponse({ filePath: "/srv/media/a b.pdf" });
 * console.assert(response.headers.get("X-Sendfile") === "/srv/media/a%20b.pdf");
 * ```
 */
export class XSendfileResponse extends OffloadedDownloadResponse {
  constructor(options: SendfileOptions) {
    super(...sendfileParts(lighttpd(), options));
  }
}

/**
 * Wraps a handler so that lighttpd sends its downloads, by one rule that applies to this handler only.
 * @throws {ImproperlyConfiguredError} if the rule can never work
 *
 * @example
 * ```ts
 * import { PathDownloadView } from "downloadview";
 * import { xSendfile } from "downloadview/lighttpd";
 *
 * const handler = xSendfile(PathDownloadView.asView({ path: "/srv/media/manual.pdf" }), {
 *   sourceDir: "/srv/media",
 *   destinationDir: "/srv/media",
 * });
 * const result = await handler(new Request("http://localhost/"), { params: {}, native: undefined });
 * console.assert(result.headers.get("X-Sendfile") === "/srv/media/manual.pdf");
 * ```
 */
export function xSendfile<C>(handler: DownloadHandler<C>, rule: Omit<OffloadRule, "backend">): DownloadHandler<C> {
  return sendfileHandler(handler, rule, lighttpd());
}
