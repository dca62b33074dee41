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
   * Further fields that the generated configuration restores, such as `X-Test`: nginx drops most fields when it sends a file
   * in the application's place. Default: the fields of HTTP and of browser policies, which are always restored.
   */
  readonly headers?: readonly string[];
  /**
   * Further fields of a remote storage that clients must not see, such as `x-amz-meta-owner`: nginx can't hide fields by a
   * prefix. Default: the system fields of S3, Google Cloud Storage, Azure and Swift, which are always hidden.
   */
  readonly hidden?: readonly string[];
  /**
   * Whether nginx has the module mod_zip. If it has, nginx makes a ZIP itself when every member matches a rule and has a
   * CRC-32 that S3 or the entry declares. Default false.
   *
   * mod_zip does not check that a member is still the version that the list describes. Use it for files that never change.
   */
  readonly archives?: boolean;
  /** The DNS server for the hosts of remote storages. Default: nginx looks up their addresses once, when it starts. */
  readonly resolver?: string;
  /**
   * The file to which the generated configuration logs how each download ends, for `nginxLog()` of `downloadview/deliveries`.
   * Default: no such log. In the locations of downloads, it replaces the access log of the server around them.
   */
  readonly log?: string;
  /**
   * The file of the certificate authorities that nginx verifies a remote storage with.
   * Default `/etc/ssl/certs/ca-certificates.crt`, as on Debian.
   */
  readonly trustedCertificates?: string;
}

/**
 * Describes nginx 1.5.9 or later, which sends the file that `X-Accel-Redirect` names.
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
    // nginx adds the field itself.
    omits: ["accept-ranges"],
    loses: [],
    ignoresIfRange: false,
    ownEntityTag: /^"[0-9a-f]+-[0-9a-f]+"$/,
    limits: {},
    // By default nginx collects a streamed response on its disk.
    streamed: { "X-Accel-Buffering": "no" },
    respond: (source, { encoded: redirectUrl, rule, signedUrl }) => {
      const { expires, withBuffering, limitRate = source.limitRate } = rule;
      // Named one by one: spreading them costs microseconds on each request.
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
  /** The response to replace. It is used instead of all options that describe a response. */
  source?: DownloadResponse | undefined;
  /** Default `nginx()`. */
  backend?: OffloadBackend | undefined;
  /** See {@link OffloadRule}. */
  expires?: OffloadRule["expires"] | undefined;
  withBuffering?: boolean | undefined;
  limitRate?: number | false | undefined;
}

/**
 * A response that makes nginx send the file at an internal URL.
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

// Without `limitRate`: nginx applies it.
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
  // nginx expects a number here, not "off".
  if (limitRate !== undefined) fields["X-Accel-Limit-Rate"] = String(limitRate || 0);
  return fields;
}

/**
 * Wraps a handler so that nginx sends its downloads, by one rule that applies to this handler only.
 * @throws {ImproperlyConfiguredError} if the rule can never work
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

// The application's own X-Accel-Charset wins.
function addCharset(fields: HeaderFields): void {
  const [, charset] = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(fields.get("Content-Type") ?? "") ?? [];
  if (charset !== undefined && !fields.has("X-Accel-Charset")) fields.append("X-Accel-Charset", charset);
}
