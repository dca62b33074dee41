import type { HeaderFields } from "../../http/header-fields.ts";
import type { DownloadResponse } from "../../responses/download-response.ts";
import { withMiddleware, type DownloadHandler } from "../../responses/handler.ts";
import type { OffloadBackend } from "../contract.ts";
import { nginxConfiguration } from "./configuration.ts";
import { OffloadedDownloadResponse } from "../offloaded-download-response.ts";
import type { OffloadRule } from "../rule.ts";
import { smartDownloadMiddleware } from "../smart-download-middleware.ts";
import { percentEncoded } from "../target-encoding.ts";
import { sourceNamed, type ServerDownloadOptions } from "../undescribed-file.ts";

export interface NginxOptions {
  /**
   * Fields of the application's own, such as `X-Test`, that the generated configuration is to restore: nginx drops all
   * but a few when it sends a file in the application's place. The usual ones are restored without being named.
   */
  readonly headers?: readonly string[];
  /**
   * Fields of a remote storage that clients must not see, such as `x-amz-meta-owner`: nginx can't hide fields by a prefix.
   * The usual ones of S3, Google Cloud Storage, Azure and Swift are hidden without being named.
   */
  readonly hidden?: readonly string[];
  /**
   * Whether nginx has the module mod_zip: then it makes a ZIP itself if every member matches a rule and has a declared
   * CRC-32, of S3 or of the entry. Default false.
   *
   * mod_zip does not check whether a member is still the version that was described: use it for files that never change.
   */
  readonly archives?: boolean;
  /** The DNS server that nginx asks for the hosts of remote storages. Default: their addresses as it starts. */
  readonly resolver?: string;
  /** The certificate authorities that a remote storage is checked against. Default: where Debian has them. */
  readonly trustedCertificates?: string;
}

/**
 * nginx 1.5.9 or later, by `X-Accel-Redirect`.
 * @see https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ignore_headers
 *
 * @example
 * ```ts
 * import { download, LocalFile, smartDownloadMiddleware } from "downloadview";
 * import { nginx } from "downloadview/nginx";
 *
 * const middleware = smartDownloadMiddleware({
 *   backend: nginx(),
 *   rules: [{ sourceDir: "/srv/media", destinationUrl: "/_downloads/" }],
 * });
 * const response = download(new LocalFile("/srv/media/a b.pdf"));
 * const result = await middleware(response, new Request("http://localhost/"));
 * console.assert(result.headers.get("X-Accel-Redirect") === "/_downloads/a%20b.pdf");
 * ```
 */
export function nginx(options: NginxOptions = {}): OffloadBackend {
  const backend: OffloadBackend = {
    name: "nginx",
    header: "X-Accel-Redirect",
    target: "url",
    encode: percentEncoded,
    status: 200,
    options: ["expires", "withBuffering", "limitRate", "presigned"],
    // nginx adds its own beside it.
    omits: ["accept-ranges"],
    loses: [],
    ignoresIfRange: false,
    ownEntityTag: /^"[0-9a-f]+-[0-9a-f]+"$/,
    limits: {},
    // What the application streams, nginx would otherwise collect on its disk.
    streamed: { "X-Accel-Buffering": "no" },
    respond: (source, { encoded: redirectUrl, rule, signedUrl }) => {
      const { expires, withBuffering, limitRate = source.limitRate } = rule;
      // Named one by one: to spread them takes V8 microseconds, on each request.
      const response = new XAccelRedirectResponse({ redirectUrl, expires, withBuffering, limitRate, source, backend });
      if (signedUrl !== undefined) response.headers.set("X-Remote-Url", signedUrl);
      return response;
    },
    complete: addCharset,
    archives: options.archives ?? false,
    configuration: (configuration) => nginxConfiguration(configuration, options),
  };
  return backend;
}

export interface XAccelRedirectOptions extends Omit<ServerDownloadOptions, "limitRate"> {
  /** The internal URL of the file, percent-encoded. */
  redirectUrl: string;
  /** The response to put in the place of, in place of everything that describes one. */
  source?: DownloadResponse | undefined;
  /** Default: `nginx()`. */
  backend?: OffloadBackend | undefined;
  /** See {@link OffloadRule}. */
  expires?: OffloadRule["expires"] | undefined;
  withBuffering?: boolean | undefined;
  limitRate?: number | false | undefined;
}

/**
 * Has nginx send the file at an internal URL.
 *
 * @example
 * ```ts
 * import { XAccelRedirectResponse } from "downloadview/nginx";
 *
 * const response = new XAccelRedirectResponse({ redirectUrl: "/_downloads/report.pdf", limitRate: 100_000 });
 * console.assert(response.headers.get("X-Accel-Redirect") === "/_downloads/report.pdf");
 * console.assert(response.getFilename() === "report.pdf");
 * ```
 */
export class XAccelRedirectResponse extends OffloadedDownloadResponse {
  constructor(options: XAccelRedirectOptions) {
    const { source = sourceOf(options), backend = nginx() } = options;
    super(source, backend, accelFields(options));
  }
}

// The limit is nginx's.
function sourceOf({ limitRate: _, ...presentation }: XAccelRedirectOptions): DownloadResponse {
  return sourceNamed(nameIn(presentation.redirectUrl), presentation);
}

function accelFields({
  redirectUrl,
  expires,
  withBuffering,
  limitRate,
}: XAccelRedirectOptions): Record<string, string> {
  const fields: Record<string, string> = { "X-Accel-Redirect": redirectUrl };
  if (expires !== undefined) fields["X-Accel-Expires"] = expiry(expires);
  if (withBuffering !== undefined) fields["X-Accel-Buffering"] = withBuffering ? "yes" : "no";
  // nginx reads a number here: "off" is not one.
  if (limitRate !== undefined) fields["X-Accel-Limit-Rate"] = String(limitRate || 0);
  return fields;
}

/**
 * A handler whose downloads nginx sends, for one rule that holds for this handler alone.
 * @throws {ImproperlyConfiguredError} for a rule that cannot work
 *
 * @example
 * ```ts
 * import { LocalFile, PathDownloadView } from "downloadview";
 * import { xAccelRedirect } from "downloadview/nginx";
 *
 * const handler = xAccelRedirect(PathDownloadView.asView({ path: "/srv/media/manual.pdf" }), {
 *   sourceDir: "/srv/media",
 *   destinationUrl: "/_downloads/",
 * });
 * const result = await handler(new Request("http://localhost/"), { params: {}, native: undefined });
 * console.assert(result.headers.get("X-Accel-Redirect") === "/_downloads/manual.pdf");
 * ```
 */
export function xAccelRedirect<C>(
  handler: DownloadHandler<C>,
  { headers, ...rule }: Omit<OffloadRule, "backend"> & Pick<NginxOptions, "headers">,
): DownloadHandler<C> {
  const backend = nginx(headers === undefined ? {} : { headers });
  return withMiddleware(handler, smartDownloadMiddleware({ backend, rules: [rule] }));
}

function expiry(expires: number | Date | false): string {
  return expires instanceof Date ? `@${Math.floor(expires.getTime() / 1000)}` : String(expires || 0);
}

function nameIn(redirectUrl: string): string {
  const segment = redirectUrl.split(/[?#]/, 1).join("").split("/").pop() ?? "";
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

// Those who set the field themselves know better.
function addCharset(fields: HeaderFields): void {
  const [, charset] = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(fields.get("Content-Type") ?? "") ?? [];
  if (charset !== undefined && !fields.has("X-Accel-Charset")) fields.append("X-Accel-Charset", charset);
}
