import type { HeaderFields } from "../../http/header-fields.ts";
import type { OffloadBackend } from "../contract.ts";
import { h2oConfiguration } from "./configuration.ts";
import { OffloadedDownloadResponse } from "../offloaded-download-response.ts";
import { percentEncoded } from "../target-encoding.ts";

export interface H2oOptions {
  /**
   * The socket on which h2o talks to itself. Whatever h2o can be redirected to on its own ports, clients can ask for as
   * well; this they cannot reach. Default `/run/h2o-downloads.sock`.
   */
  readonly socket?: string;
  /** The user that h2o runs as, for the generated configuration. Default `www-data`. */
  readonly user?: string;
}

/**
 * h2o 2.2 with mruby, by `X-Reproxy-URL`. h2o forgets all fields of a response that it takes over, so they travel in the
 * query of that URL, and the generated configuration puts them back.
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
        "It ends a stream that breaks as if it were whole, unless its length is known. Say how long a generated file is, or " +
        "keep what is generated in a file.",
      errors: "It sends a file with whatever status an application gives, so nothing but this package may name one.",
      "slow-clients":
        "It keeps what a slow client has not taken yet in temporary files, up to twice the size of the file, and has no " +
        "setting that limits them. Behind a server that buffers, or for small files, this does not matter.",
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
