import type { HeaderFields } from "../../http/header-fields.ts";
import type { OffloadBackend } from "../contract.ts";
import { h2oConfiguration } from "./configuration.ts";
import { OffloadedDownloadResponse } from "../offloaded-download-response.ts";
import { percentEncoded } from "../target-encoding.ts";

export interface H2oOptions {
  /**
   * The Unix socket on which h2o sends requests to itself. Clients cannot reach it, but could request anything that h2o
   * serves on its ports. Default `/run/h2o-downloads.sock`.
   */
  readonly socket?: string;
  /** The user that h2o runs as, for the generated configuration. Default `www-data`. */
  readonly user?: string;
}

/**
 * Describes h2o 2.2 with mruby, which sends the file that `X-Reproxy-URL` names. h2o drops all other fields of such a
 * response. They therefore travel in the query of that URL, and the generated configuration restores them.
 * @see https://h2o.examp1e.net/configure/reproxy_directives.html
 *
 * @example
 * ```ts
 * import { download, LocalFile, smartDownloadMiddleware } from "downloadview";
 * import { h2o } from "downloadview/h2o";
 *
 * const middleware = smartDownloadMiddleware({
 *   backend: h2o({ socket: "/run/h2o.sock" }),
 *   rules: [{ sourceDir: "/srv/media", destinationUrl: "/_downloads/" }],
 * });
 * const response = download(new LocalFile("/srv/media/a b.pdf"));
 * const result = await middleware(response, new Request("http://localhost/"));
 * console.assert(result.headers.get("X-Reproxy-URL") === "http://[unix:/run/h2o.sock]/_downloads/a%20b.pdf");
 * ```
 */
export function h2o({ socket = "/run/h2o-downloads.sock", user = "www-data" }: H2oOptions = {}): OffloadBackend {
  const backend: OffloadBackend = {
    name: "h2o",
    header: "X-Reproxy-URL",
    target: "url",
    encode: percentEncoded,
    status: 307,
    options: [],
    omits: [],
    loses: [],
    ignoresIfRange: false,
    limits: {
      "broken-streams":
        "If a stream breaks and its length is unknown, h2o ends it as if it were whole. Declare the length of generated " +
        "files, or write them to a file first.",
      errors: "h2o sends the file even with an error status, so only this package may set X-Reproxy-URL.",
      "slow-clients":
        "h2o buffers the bytes that a slow client has not read yet in temporary files, up to twice the size of the file, " +
        "and has no setting that limits them. Behind a server that buffers, or for small files, this does not matter.",
    },
    streamed: {},
    respond: (source, { encoded }) =>
      new OffloadedDownloadResponse(source, backend, { "X-Reproxy-URL": `http://[unix:${socket}]${encoded}` }),
    complete: carryFields,
    configuration: (configuration) => h2oConfiguration(configuration, { socket, user }),
  };
  return backend;
}

const framing: ReadonlySet<string> = new Set(["x-reproxy-url", "content-length", "accept-ranges"]);

function carryFields(fields: HeaderFields): void {
  const query = [...fields]
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => !framing.has(name))
    .map(([name, value]) => `${name}=${bytesEncoded(value)}`);
  fields.set("X-Reproxy-URL", `${fields.get("X-Reproxy-URL")}?${query.join("&")}`);
}

// Each character of a value is a byte: U+00E9 is %E9, where `encodeURIComponent` would write the two bytes of UTF-8.
function bytesEncoded(value: string): string {
  return value.replaceAll(/[^\w.~-]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
