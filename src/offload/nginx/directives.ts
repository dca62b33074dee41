import { ImproperlyConfiguredError } from "../../errors.ts";
import type { ServerConfiguration } from "../server-configuration.ts";
import type { NginxOptions } from "./index.ts";

/** The lines that the application's location needs. */
export function applicationLines({ rules }: ServerConfiguration, host: string): string[] {
  return [
    "# Keeps connections to the application open.",
    "proxy_http_version 1.1;",
    'proxy_set_header Connection "";',
    `proxy_set_header Host ${host};`,
    "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
    "proxy_set_header X-Forwarded-Proto $scheme;",
    "# Content-Type has the charset already. nginx would log an error for each charset that it does not know.",
    "proxy_ignore_headers X-Accel-Charset;",
    "# The application limits uploads itself.",
    "client_max_body_size 0;",
    // The middleware sends `X-Accel-Buffering: no` with streams. Without rules, there may be no middleware.
    ...(rules.length === 0 ? ["# A slow client must not fill the disk.", "proxy_max_temp_file_size 0;"] : []),
  ];
}

/** The line that logs a download, if the options name a log. */
export function logged({ log }: NginxOptions): string[] {
  return log === undefined ? [] : [`access_log ${quoted(log)} downloadview if=$downloadview_id;`];
}

/**
 * The lines that lead to the answers of nginx's own errors. By default its error page keeps fields that the application set for
 * the file: cookies and Cache-Control.
 */
export function missing(): string[] {
  return [
    "# No cache may store nginx's own errors.",
    "error_page 403 = @downloadview_refused;",
    "error_page 404 = @downloadview_missing;",
  ];
}

/** The lines that verify the certificate of a server that nginx asks. */
export function verified(hostname: string, { trustedCertificates }: NginxOptions): string[] {
  return [
    "proxy_ssl_server_name on;",
    `proxy_ssl_name ${hostname};`,
    "proxy_ssl_verify on;",
    "proxy_ssl_verify_depth 3;",
    `proxy_ssl_trusted_certificate ${trustedCertificates ?? "/etc/ssl/certs/ca-certificates.crt"};`,
  ];
}

/** Returns the name of a field as it stands in the names of nginx's variables. */
export function variable(field: string): string {
  return field.toLowerCase().replaceAll("-", "_");
}

/**
 * Quotes a string for nginx: a name may contain spaces, semicolons, quotes and braces.
 * @throws {ImproperlyConfiguredError} for a dollar sign, which nginx cannot escape
 */
export function quoted(text: string): string {
  if (text.includes("$")) {
    throw new ImproperlyConfiguredError(
      `A path for nginx must have no dollar sign, which would begin a variable, got ${JSON.stringify(text)}. Rename the folder`,
    );
  }
  return /^[\w/.~-]+$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
