import type { DownloadHandler } from "../../responses/handler.ts";
import { apacheConfiguration } from "./configuration.ts";
import type { OffloadBackend } from "../contract.ts";
import { OffloadedDownloadResponse } from "../offloaded-download-response.ts";
import type { OffloadRule } from "../rule.ts";
import { sendfileHandler, sendfileParts, type SendfileOptions } from "../sendfile-response.ts";
import { percentEncoded, rawBytes, type TargetEncoding } from "../target-encoding.ts";

export interface ApacheOptions {
  /**
   * Whether mod_xsendfile decodes the path (`XSendFileUnescape`, in 1.0 and in Debian's 0.12 from Debian 13 on).
   * Default `false`: the path is sent as it is, and the generated configuration turns decoding off if the module has the
   * directive. If you write the configuration yourself, add `XSendFileUnescape Off` from Debian 13 on. Without it, Apache
   * may send another file.
   */
  readonly unescape?: boolean;
  /** The folder of Apache's modules, for the generated configuration. Default `/usr/lib/apache2/modules`, as on Debian. */
  readonly modules?: string;
  /**
   * The file to which the generated configuration logs how each download ends, for `apacheLog()` of `downloadview/deliveries`.
   * Default: no such log.
   */
  readonly log?: string;
}

/**
 * Describes Apache 2.4 with mod_xsendfile, which sends the file that `X-Sendfile` names.
 *
 * @example
 * ```ts
 * import { download, LocalFile, smartDownloadMiddleware } from "downloadview";
 * import { apache } from "downloadview/apache";
 *
 * const middleware = smartDownloadMiddleware({
 *   backend: apache(),
 *   rules: [{ sourceDir: "/srv/media", destinationDir: "/mnt/media" }],
 * });
 * const response = download(new LocalFile("/srv/media/a b.pdf"));
 * const result = await middleware(response, new Request("http://localhost/"));
 * console.assert(result.headers.get("X-Sendfile") === "/mnt/media/a b.pdf");
 * ```
 */
export function apache(options: ApacheOptions = {}): OffloadBackend {
  const backend: OffloadBackend = {
    name: "apache",
    header: "X-Sendfile",
    target: "path",
    encode: options.unescape ? percentEncoded : unlessEscaped,
    status: 200,
    options: [],
    omits: [],
    // mod_xsendfile removes the field and does not restore it: the client would not decode the bytes.
    loses: ["content-encoding"],
    ignoresIfRange: false,
    limits: {
      "content-encoding":
        "The application sends files that have a Content-Encoding: mod_xsendfile would remove the field.",
      names: "The application sends files whose name ends in white space or contains a percent-escape.",
    },
    streamed: {},
    respond: (source, { encoded }) => new OffloadedDownloadResponse(source, backend, { [backend.header]: encoded }),
    configuration: (configuration) => apacheConfiguration(configuration, options),
  };
  return backend;
}

// If the configuration does not turn decoding off, `%2e%2e/` in a name leads to another user's file.
const unlessEscaped: TargetEncoding = (target) => (/%[\da-f]{2}/i.test(target) ? undefined : rawBytes(target));

/**
 * A response that makes Apache send the file at a path.
 *
 * @example
 * ```ts
 * import { XSendfileResponse } from "downloadview/apache";
 *
 * const response = new XSendfileResponse({ filePath: "/srv/media/report.pdf", attachment: false });
 * console.assert(response.headers.get("X-Sendfile") === "/srv/media/report.pdf");
 * ```
 */
export class XSendfileResponse extends OffloadedDownloadResponse {
  constructor(options: SendfileOptions) {
    // Without `unlessEscaped`: the application may not have the file, so it could not send it in Apache's place.
    super(...sendfileParts({ ...apache(), encode: rawBytes }, options));
  }
}

/**
 * Wraps a handler so that Apache sends its downloads, by one rule that applies to this handler only.
 * @throws {ImproperlyConfiguredError} if the rule can never work
 *
 * @example
 * ```ts
 * import { PathDownloadView } from "downloadview";
 * import { xSendfile } from "downloadview/apache";
 *
 * const handler = xSendfile(PathDownloadView.asView({ path: "/srv/media/manual.pdf" }), {
 *   sourceDir: "/srv/media",
 *   destinationDir: "/srv/media",
 * });
 * const result = await handler(new Request("http://localhost/"), { params: {}, native: undefined });
 * console.assert(result.headers.get("X-Sendfile") === "/srv/media/manual.pdf");
 * ```
 */
export function xSendfile<C>(
  handler: DownloadHandler<C>,
  { unescape = false, ...rule }: Omit<OffloadRule, "backend"> & Pick<ApacheOptions, "unescape">,
): DownloadHandler<C> {
  return sendfileHandler(handler, rule, apache({ unescape }));
}
