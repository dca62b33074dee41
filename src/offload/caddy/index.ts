import type { OffloadBackend } from "../contract.ts";
import { caddyConfiguration } from "./configuration.ts";
import { OffloadedDownloadResponse } from "../offloaded-download-response.ts";
import { rawBytes } from "../target-encoding.ts";

export interface CaddyOptions {
  /**
   * The file to which the generated configuration writes the access log, for `caddyLog()` of `downloadview/deliveries`.
   * Default: no such log.
   */
  readonly log?: string;
}

/**
 * Describes Caddy 2.6 or later with the generated configuration, which sends the file that `X-Accel-Redirect` names. The
 * field holds a path, which Caddy uses as it is. Some versions decode a URL there and others do not.
 *
 * @example
 * ```ts
 * import { download, LocalFile, smartDownloadMiddleware } from "downloadview";
 * import { caddy } from "downloadview/caddy";
 *
 * const middleware = smartDownloadMiddleware({
 *   backend: caddy(),
 *   rules: [{ sourceDir: "/srv/media", destinationDir: "/srv/media" }],
 * });
 * const response = download(new LocalFile("/srv/media/a b.pdf"));
 * const result = await middleware(response, new Request("http://localhost/"));
 * console.assert(result.headers.get("X-Accel-Redirect") === "/srv/media/a b.pdf");
 * ```
 */
export function caddy(options: CaddyOptions = {}): OffloadBackend {
  const backend: OffloadBackend = {
    name: "caddy",
    header: "X-Accel-Redirect",
    target: "path",
    encode: rawBytes,
    status: 200,
    options: [],
    omits: [],
    loses: [],
    // Caddy compares If-Range with its own validators, and the configuration replaces those only when the head is written.
    ignoresIfRange: true,
    limits: {
      "broken-streams":
        "Before version 2.8, if a stream breaks and its length is unknown, Caddy ends it as if it were whole. Declare the " +
        "length of generated files, or write them to a file first.",
      names: "The application sends files whose name ends in white space.",
    },
    streamed: {},
    respond: (source, { encoded }) => new OffloadedDownloadResponse(source, backend, { [backend.header]: encoded }),
    configuration: (configuration) => caddyConfiguration(configuration, options),
  };
  return backend;
}
