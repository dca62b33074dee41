import type { DownloadHandler } from "../../responses/handler.ts";
import { apacheConfiguration } from "./configuration.ts";
import type { OffloadBackend } from "../contract.ts";
import { OffloadedDownloadResponse } from "../offloaded-download-response.ts";
import type { OffloadRule } from "../rule.ts";
import { sendfileHandler, sendfileParts, type SendfileOptions } from "../sendfile-response.ts";
import { percentEncoded, rawBytes, type TargetEncoding } from "../target-encoding.ts";

export interface ApacheOptions {
  /**
   * Whether mod_xsendfile is to decode the path, by `XSendFileUnescape` (1.0, and 0.12 from Debian 13 on). Default `false`:
   * the path is sent as it is, and the generated configuration turns decoding off where the module knows of it. A
   * configuration of your own must say `XSendFileUnescape Off` from Debian 13 on; without it another file may be sent.
   */
  readonly unescape?: boolean;
  /** The folder of Apache's modules, for the generated configuration. Default: where Debian has them. */
  readonly modules?: string;
}

/**
 * Apache 2.4 with mod_xsendfile, by `X-Sendfile`.
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
    // mod_xsendfile takes it off for good: the bytes would be taken for those that they decode to.
    loses: ["content-encoding"],
    ignoresIfRange: false,
    limits: {
      "content-encoding": "What has a Content-Encoding is sent by the application: mod_xsendfile would lose it.",
      names: "A name that ends in white space or has a percent-escape in it is sent by the application.",
    },
    streamed: {},
    respond: (source, { encoded }) => new OffloadedDownloadResponse(source, backend, { [backend.header]: encoded }),
    configuration: (configuration) => apacheConfiguration(configuration, options),
  };
  return backend;
}

// Where the configuration doesn't turn decoding off, `%2e%2e/` in a name would lead to another user's file.
const unlessEscaped: TargetEncoding = (target) => (/%[\da-f]{2}/i.test(target) ? undefined : rawBytes(target));

/**
 * Has Apache send the file at a path.
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
    // There may be no application behind it that could send the file in Apache's place.
    super(...sendfileParts({ ...apache(), encode: rawBytes }, options));
  }
}

/**
 * A handler whose downloads Apache sends, for one rule that holds for this handler alone.
 * @throws {ImproperlyConfiguredError} for a rule that cannot work
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
