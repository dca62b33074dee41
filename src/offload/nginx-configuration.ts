import { ImproperlyConfiguredError } from "../errors.ts";
import type { CompiledRule } from "./compiled-rule.ts";
import type { NginxOptions } from "./nginx.ts";
import { folderOf, indented, lines, type ServerConfiguration } from "./server-configuration.ts";

/** What says how to treat the response: it also goes with an error of nginx's own. */
const policyFields = [
  "Content-Security-Policy",
  "Content-Security-Policy-Report-Only",
  "X-Content-Type-Options",
  "X-Frame-Options",
  "X-Download-Options",
  "X-Permitted-Cross-Domain-Policies",
  "X-Robots-Tag",
  "Referrer-Policy",
  "Permissions-Policy",
  "Cross-Origin-Resource-Policy",
  "Cross-Origin-Embedder-Policy",
  "Cross-Origin-Opener-Policy",
  "Origin-Agent-Cluster",
  "Strict-Transport-Security",
  "Access-Control-Allow-Origin",
  "Access-Control-Allow-Credentials",
  "Access-Control-Expose-Headers",
  "Timing-Allow-Origin",
  "Reporting-Endpoints",
  "Vary",
  "X-Request-Id",
  "X-Correlation-Id",
  "RateLimit",
  "RateLimit-Policy",
  "Server-Timing",
] as const;

/** What describes the file: it goes with the file alone. */
const fileFields = [
  "ETag",
  "Last-Modified",
  "Content-Encoding",
  "Content-Language",
  "Content-Location",
  "Repr-Digest",
  "Link",
  "Pragma",
  "Age",
] as const;

/** The server's configuration, with why each line is there. */
export function nginxConfiguration(configuration: ServerConfiguration, options: NginxOptions): string {
  const http = lines(
    ...configuration.rules.map((rule, at) => remoteUpstream(rule, at, options)),
    applicationUpstream(configuration),
    server(configuration, options),
  );
  const title = "# Made by `downloadview config nginx`. Make it again when a rule changes.";
  return configuration.part
    ? lines(`${title} Include it in http { }.`, http, "")
    : lines(title, "events { }", "http {", indented(http, "  "), "}", "");
}

function applicationUpstream({ app }: ServerConfiguration): string {
  return lines("upstream downloadview_app {", `  server ${app.host};`, "  keepalive 64;", "}");
}

function server({ rules, app, listen }: ServerConfiguration, options: NginxOptions): string {
  return lines(
    "server {",
    `  listen ${listen.host}:${listen.port};`,
    options.resolver !== undefined && `  resolver ${options.resolver};`,
    "",
    "  location / {",
    `    proxy_pass ${app.protocol}//downloadview_app;`,
    "    # Keeps connections to the application open.",
    "    proxy_http_version 1.1;",
    '    proxy_set_header Connection "";',
    "    proxy_set_header Host $http_host;",
    "    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
    "    proxy_set_header X-Forwarded-Proto $scheme;",
    "    # Content-Type says the charset already; nginx logs an error for each one that it has no table for.",
    "    proxy_ignore_headers X-Accel-Charset;",
    "    # The application limits what is uploaded to it.",
    "    client_max_body_size 0;",
    "  }",
    ...rules.map((rule, at) => `\n${indented(location(rule, at, options), "  ")}`),
    "}",
  );
}

function location(rule: CompiledRule, at: number, options: NginxOptions): string {
  return lines(
    "# With a slash at both ends: without the first of them, `/x../` would lead out of the folder.",
    `location ^~ ${quoted(`${rule.destination}/`)} {`,
    "  # Only the application leads here, no client does.",
    "  internal;",
    "  # nginx would send the file with an error of the application's, too.",
    '  if ($upstream_status !~ "200$") { return 403; }',
    indented(isRemote(rule) ? remoteFile(rule, at, options) : localFile(folderOf(rule) ?? "", options), "  "),
    "}",
    isRemote(rule) && remoteErrors(at),
  );
}

function localFile(folder: string, options: NginxOptions): string {
  return lines(
    `alias ${quoted(`${folder}/`)};`,
    "# The kernel sends the file, the head with its first bytes. By default nginx would read it.",
    "sendfile on;",
    "tcp_nopush on;",
    "# The application has decided on preconditions, with the ETag and Last-Modified that are restored below.",
    "if_modified_since off;",
    "etag off;",
    "# A compressed copy would have neither the length nor the ranges that the application promised.",
    "gzip off;",
    "# nginx drops all but a few fields of the application's. An empty one is not sent.",
    ...restored(options, (field) => `$upstream_http_${variable(field)}`),
  );
}

function restored({ headers = [] }: NginxOptions, valueOf: (field: string) => string): string[] {
  return [
    ...fileFields.map((field) => `add_header ${field} ${valueOf(field)};`),
    ...[...policyFields, ...headers].map((field) => `add_header ${field} ${valueOf(field)} always;`),
  ];
}

function isRemote(rule: CompiledRule): boolean {
  return rule.signedFor !== undefined || folderOf(rule) === undefined;
}

function remoteUpstream(compiled: CompiledRule, at: number, { resolver }: NginxOptions): string | false {
  if (!isRemote(compiled) || resolver !== undefined) return false;
  const { rule } = compiled;
  const { protocol, hostname, port } = new URL(rule.sourceUrl ?? "");
  return lines(
    "# Its addresses are looked up once, as nginx starts; with a resolver, as they change.",
    `upstream downloadview_remote_${at} {`,
    `  server ${hostname}:${port || (protocol === "https:" ? 443 : 80)};`,
    "  keepalive 64;",
    "}",
  );
}

// A storage's own fields would stand beside those of the application, and its errors tell of the storage.
const hiddenFields = ["Content-Disposition", "Content-Type", "Cache-Control", "Expires", "Set-Cookie"] as const;

function remoteFile({ rule, signedFor }: CompiledRule, at: number, options: NginxOptions): string {
  const url = new URL(rule.sourceUrl ?? "");
  const host = options.resolver === undefined ? `downloadview_remote_${at}` : url.host;
  const own = [...policyFields, ...(options.headers ?? [])];
  return lines(
    "# The fields of the application are out of reach once the storage has answered.",
    ...own.map((field, number) => `set $downloadview_${number} $upstream_http_${variable(field)};`),
    ...(signedFor === undefined ? [] : signedPath(url)),
    "proxy_http_version 1.1;",
    signedFor === undefined
      ? `proxy_pass ${url.protocol}//${host}${url.pathname.replace(/\/*$/, "/")};`
      : `proxy_pass ${url.protocol}//${host}$downloadview_path;`,
    ...(url.protocol === "https:" ? verified(url, options) : []),
    "# Of what the client sent, the storage gets the range and nothing else: no cookie, no credentials.",
    "proxy_pass_request_headers off;",
    "proxy_pass_request_body off;",
    `proxy_set_header Host ${url.host};`,
    'proxy_set_header Connection "";',
    'proxy_set_header Content-Length "";',
    "proxy_set_header Range $http_range;",
    "proxy_set_header If-Range $http_if_range;",
    "# A slow client must not fill the disk.",
    "proxy_max_temp_file_size 0;",
    "# What the storage says of these, the application has said already: both would be sent.",
    ...hiddenFields.map((field) => `proxy_hide_header ${field};`),
    ...own.map((field) => `proxy_hide_header ${field};`),
    ...own.map((field, number) => `add_header ${field} $downloadview_${number} always;`),
    "# An error page of the storage tells of its keys and buckets.",
    "proxy_intercept_errors on;",
    `error_page 400 401 403 404 405 = @downloadview_missing_${at};`,
    `error_page 500 501 502 503 504 = @downloadview_failed_${at};`,
  );
}

function remoteErrors(at: number): string {
  return lines(
    `location @downloadview_missing_${at} { return 404; }`,
    `location @downloadview_failed_${at} { return 502; }`,
  );
}

function signedPath(url: URL): string[] {
  const origin = url.origin.replaceAll(/[.[\]]/g, String.raw`\$&`);
  return [
    "# Only to this storage: a field that got past the application must not send nginx anywhere else.",
    "# By its name: a capture by number would be encoded once more.",
    `if ($upstream_http_x_remote_url !~ "^${origin}(?<downloadview_path>/.*)$") { return 403; }`,
  ];
}

function verified(url: URL, { trustedCertificates }: NginxOptions): string[] {
  return [
    "proxy_ssl_server_name on;",
    `proxy_ssl_name ${url.hostname};`,
    "proxy_ssl_verify on;",
    "proxy_ssl_verify_depth 3;",
    `proxy_ssl_trusted_certificate ${trustedCertificates ?? "/etc/ssl/certs/ca-certificates.crt"};`,
  ];
}

function variable(field: string): string {
  return field.toLowerCase().replaceAll("-", "_");
}

/**
 * A string of nginx's: a name may hold spaces, semicolons, quotes and braces.
 * @throws {ImproperlyConfiguredError} for a dollar sign, which there is no way to write
 */
function quoted(text: string): string {
  if (text.includes("$")) {
    throw new ImproperlyConfiguredError(`nginx takes the dollar sign in ${text} for a variable: rename the folder`);
  }
  return /^[\w/.~-]+$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
