import type { OffloadBackend } from "../contract.ts";
import { caddyConfiguration } from "./configuration.ts";
import { OffloadedDownloadResponse } from "../offloaded-download-response.ts";
import { rawBytes } from "../target-encoding.ts";

/**
 * Caddy 2.6 or later, by `X-Accel-Redirect` and the generated configuration. The field holds a path, which Caddy uses as
 * it is: a URL there is decoded by some versions and not by others.
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
export function caddy(): OffloadBackend {
  const backend: OffloadBackend = {
    name: "caddy",
    header: "X-Accel-Redirect",
    target: "path",
    encode: rawBytes,
    status: 200,
    options: [],
    omits: [],
    loses: [],
    // Its own validators are overwritten at the last moment, so that it must not look at them.
    ignoresIfRange: true,
    limits: {
      "broken-streams":
        "Before version 2.8 it ends a stream that breaks as if it were whole, unless its length is known. Say how long a " +
        "generated file is, or keep what is generated in a file.",
      names: "A name that ends in white space is sent by the application.",
    },
    streamed: {},
    respond: (source, { encoded }) => new OffloadedDownloadResponse(source, backend, { [backend.header]: encoded }),
    configuration: caddyConfiguration,
  };
  return backend;
}
