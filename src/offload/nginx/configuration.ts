import { ImproperlyConfiguredError } from "../../errors.ts";
import { handOffFields } from "../../http/hand-off.ts";
import { authorizePath, decidedFields, publicFolder } from "../auth-request/configuration-parts.ts";
import type { CompiledRule } from "../compiled-rule.ts";
import type { NginxOptions } from "./index.ts";
import { bracketed, folderOf, indented, lines, type ServerConfiguration } from "../server-configuration.ts";

/** Fields that say how to treat the response. nginx's own errors carry them as well. */
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

/** Fields that describe the file. Only the file carries them. */
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

/** Writes nginx's configuration. Comments in it say why each line is there. */
export function nginxConfiguration(configuration: ServerConfiguration, options: NginxOptions): string {
  const title = "# Made by `downloadview config nginx`. Make it again when a rule changes.";
  const { rules, part, pid } = configuration;
  if (configuration.locations)
    return lines(`${title} Include it in server { }.`, locationsAlone(configuration, options), "");
  const http = lines(
    ...rules.map((rule, at) => remoteUpstream(rule, at, options)),
    applicationUpstream(configuration),
    ...maps(configuration),
    server(configuration, options),
  );
  if (part) return lines(`${title} Include it in http { }.`, http, "");
  const types = ["# The application sets the type of each file. The brackets make a missing table no error."];
  return lines(
    title,
    pid !== undefined && `pid ${quoted(pid)};`,
    "events { }",
    "http {",
    indented(lines(...types, "include /etc/nginx/mime.type[s];", http), "  "),
    "}",
    "",
  );
}

/** For an existing server block. It has no `map` and no `upstream`, which nginx allows in http { } only. */
function locationsAlone(configuration: ServerConfiguration, options: NginxOptions): string {
  const { rules, authRequest } = configuration;
  if (authRequest) {
    throw new ImproperlyConfiguredError(
      "Inside of server { } nginx can't check that the answer to its question is one of authorizeDownloads(), as that takes " +
        "a map: print without --locations, with --part",
    );
  }
  const at = rules.findIndex((rule) => rule.signedFor !== undefined);
  if (at !== -1 && options.resolver === undefined) {
    throw new ImproperlyConfiguredError(
      `Offload rule ${at}: presigned needs a DNS server, because inside server { } nginx looks up the host itself. Write ` +
        'nginx({ resolver: "127.0.0.53" }), or print the configuration without --locations',
    );
  }
  return lines(
    "#",
    "# The location that passes requests to the application should have these lines:",
    ...applicationLines("$http_host").map((line) => `#   ${line}`),
    "# It must not have: proxy_ignore_headers X-Accel-Redirect, proxy_pass_header X-Accel-Redirect, proxy_cache for downloads.",
    ...rules.map((rule, at) => location(rule, at, options, false)).map((place) => `\n${place}`),
    "",
    ...errorLocations(configuration),
  );
}

/** The locations of nginx's own errors. They drop the fields that the application set for the file. */
function errorLocations({ rules, authRequest }: ServerConfiguration): string[] {
  if (authRequest) return authorizedErrors();
  const own = [
    "location @downloadview_refused { add_header Cache-Control no-store always; return 403; }",
    "location @downloadview_missing { add_header Cache-Control no-store always; return 404; }",
  ];
  const remote = [
    "location @downloadview_failed { add_header Cache-Control no-store always; return 502; }",
    "location @downloadview_unsatisfied {",
    "  add_header Content-Range $upstream_http_content_range always;",
    "  add_header Cache-Control no-store always;",
    "  return 416;",
    "}",
  ];
  return rules.some(isRemote) ? [...own, ...remote] : own;
}

function maps({ rules, authRequest }: ServerConfiguration): string[] {
  return [
    "# $http_host is empty over HTTP/3, and in an HTTP/1.0 request without Host.",
    'map $http_host $downloadview_host { "" $host; default $http_host; }',
    ...(authRequest ? rules.map(authorizedFolder) : []),
    ...(authRequest || rules.every(isRemote)
      ? []
      : [
          "# If the file is replaced between the application's stat and nginx's, it is sent with nginx's ETag. This needs an",
          "# application's ETag in nginx's form. An ETag in another form is sent as it is.",
          String.raw`map $upstream_http_etag $downloadview_etag { "~^\"[0-9a-f]+-[0-9a-f]+\"$" $sent_http_etag; default $upstream_http_etag; }`,
        ]),
  ];
}

function applicationUpstream({ app: { hostname, port, socket } }: ServerConfiguration): string {
  const server = socket === undefined ? `${bracketed(hostname)}:${port}` : `unix:${socket}`;
  return lines("upstream downloadview_app {", `  server ${server};`, "  keepalive 64;", "}");
}

/** The lines that the application's location needs. */
function applicationLines(host: string): string[] {
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
  ];
}

function server(configuration: ServerConfiguration, options: NginxOptions): string {
  const { app, listen, serverName, tls } = configuration;
  return lines(
    "server {",
    `  listen ${listen.host}:${listen.port}${tls ? " ssl" : ""};`,
    "  # $host has this value if the client sends no Host.",
    `  server_name ${serverName};`,
    tls && `  ssl_certificate ${quoted(tls.certificate)};`,
    tls && `  ssl_certificate_key ${quoted(tls.key)};`,
    options.resolver !== undefined && `  resolver ${options.resolver};`,
    "",
    "  location / {",
    `    proxy_pass ${app.tls ? "https" : "http"}://downloadview_app;`,
    ...(app.tls ? verified(app.hostname, options).map((line) => `    ${line}`) : []),
    ...applicationLines("$downloadview_host").map((line) => `    ${line}`),
    "  }",
    ...places(configuration, options).map((place) => `\n${indented(place, "  ")}`),
    "",
    ...errorLocations(configuration).map((line) => `  ${line}`),
    "}",
  );
}

/** The locations of the files. */
function places(configuration: ServerConfiguration, options: NginxOptions): string[] {
  const { rules, authRequest } = configuration;
  return authRequest
    ? [askingLocation(configuration, options), ...rules.map((rule, at) => authorizedLocation(rule, at, options))]
    : rules.map((rule, at) => location(rule, at, options));
}

function location(rule: CompiledRule, at: number, options: NginxOptions, hasMaps: boolean = true): string {
  return lines(
    "# With a slash at both ends: without the one at the end, `/x../` would leave the folder.",
    `location ^~ ${quoted(`${rule.destination}/`)} {`,
    "  # Only the application can redirect here. Clients get a 404.",
    "  internal;",
    "  # nginx would send the file with an error status as well. And a storage that nginx has asked for the bytes must not",
    "  # name another file.",
    '  if ($upstream_status !~ "^(?!.*200 :).*200$") { return 403; }',
    indented(
      isRemote(rule)
        ? remoteFile(rule, hasMaps ? at : undefined, options)
        : localFile(folderOf(rule) ?? "", options, hasMaps),
      "  ",
    ),
    "}",
  );
}

function localFile(folder: string, options: NginxOptions, hasMaps: boolean): string {
  return lines(
    `alias ${quoted(`${folder}/`)};`,
    "# The kernel sends the file, and the head in one packet with the first bytes. By default nginx reads the file.",
    "sendfile on;",
    "tcp_nopush on;",
    "# The application has evaluated the preconditions, with the ETag and Last-Modified that are restored below.",
    "if_modified_since off;",
    hasMaps ? "etag on;" : "etag off;",
    "# A compressed copy would not have the length and the ranges that the application announced.",
    "gzip off;",
    "# nginx drops most fields of the application's response. It does not send an empty field.",
    ...restored(options, (field) =>
      field === "ETag" && hasMaps ? "$downloadview_etag" : `$upstream_http_${variable(field)}`,
    ),
    ...missing(),
  );
}

// By default nginx's error page keeps fields that the application set for the file: cookies and Cache-Control.
function missing(): string[] {
  return [
    "# No cache may store nginx's own errors.",
    "error_page 403 = @downloadview_refused;",
    "error_page 404 = @downloadview_missing;",
  ];
}

function restored({ headers = [] }: NginxOptions, valueOf: (field: string) => string): string[] {
  return [
    ...fileFields.map((field) => `add_header ${field} ${valueOf(field)};`),
    ...[...policyFields, ...headers].map((field) => `add_header ${field} ${valueOf(field)} always;`),
  ];
}

/** Where nginx asks whether a client may have a file. */
function askingLocation({ app }: ServerConfiguration, options: NginxOptions): string {
  return lines(
    "# authorizeDownloads() answers here.",
    `location = ${authorizePath} {`,
    "  internal;",
    `  proxy_pass ${app.tls ? "https" : "http"}://downloadview_app;`,
    ...(app.tls ? verified(app.hostname, options).map((line) => `  ${line}`) : []),
    ...applicationLines("$downloadview_host").map((line) => `  ${line}`),
    "  # Of the original request the application gets the head. What a client sends under these names is replaced.",
    "  proxy_pass_request_body off;",
    '  proxy_set_header Content-Length "";',
    "  proxy_set_header X-Original-Method $request_method;",
    "  proxy_set_header X-Original-URI $request_uri;",
    "}",
  );
}

/** The folder of a rule, for an answer of authorizeDownloads() that allows a file; else a folder that can't be there. */
function authorizedFolder(rule: CompiledRule, at: number): string {
  const { folder } = publicFolder(rule, at);
  return `map $downloadview_status $downloadview_folder_${at} { 204 ${quoted(`${folder}/`)}; default /dev/null/; }`;
}

/** A folder that clients ask nginx for, which nginx sends if the application says so. */
function authorizedLocation(rule: CompiledRule, at: number, options: NginxOptions): string {
  const { url } = publicFolder(rule, at);
  const fields = [...decidedFields, ...(options.headers ?? [])];
  return lines(
    `location ^~ ${quoted(url)} {`,
    "  # The application is asked about the URL of the client. An error page or a rewrite that leads here would send",
    "  # another file than the one that it was asked about.",
    `  if ($request_uri !~ ${quotedPattern(`^(?:https?://[^/?#]*)?${url.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)}`)}) { return 404; }`,
    `  auth_request ${authorizePath};`,
    "  auth_request_set $downloadview_status $upstream_http_x_download_status;",
    "  auth_request_set $downloadview_type $upstream_http_content_type;",
    ...fields.map((field, number) => `  auth_request_set $downloadview_${number} $upstream_http_${variable(field)};`),
    "  limit_except GET { deny all; }",
    "  # A folder that is missing unless authorizeDownloads() has answered: auth_request takes any 2xx for a yes, a page of the application too.",
    `  alias $downloadview_folder_${at};`,
    "  autoindex off;",
    "  sendfile on;",
    "  tcp_nopush on;",
    "  gzip off;",
    "  # The application names the type. nginx must not name another, nor put one around several ranges.",
    "  types { }",
    '  default_type "";',
    "  max_ranges 1;",
    "  add_header Content-Type $downloadview_type;",
    ...fields.map((field, number) => `  add_header ${field} $downloadview_${number};`),
    "  # nginx's own errors, and what the application refuses, are not the file.",
    "  error_page 403 = @downloadview_refused;",
    "  error_page 404 = @downloadview_missing;",
    "}",
  );
}

/** A refusal under the status that the application meant: auth_request itself knows 401 and 403 alone. */
function authorizedErrors(): string[] {
  return [
    "location @downloadview_refused {",
    "  add_header Cache-Control no-store always;",
    ...[404, 405, 410, 429, 503].map((status) => `  if ($downloadview_status = ${status}) { return ${status}; }`),
    "  return 403;",
    "}",
    "location @downloadview_missing { add_header Cache-Control no-store always; return 404; }",
  ];
}

/** A pattern in nginx's quotes. */
function quotedPattern(pattern: string): string {
  return `"${pattern.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

function isRemote(rule: CompiledRule): boolean {
  return rule.signedFor !== undefined || folderOf(rule) === undefined;
}

function remoteUpstream(compiled: CompiledRule, at: number, { resolver }: NginxOptions): string | false {
  if (!isRemote(compiled) || resolver !== undefined) return false;
  const { rule } = compiled;
  const { protocol, hostname, port } = new URL(rule.sourceUrl ?? "");
  return lines(
    "# nginx looks up the addresses once, when it starts. With a resolver, it looks them up again when they expire.",
    `upstream downloadview_remote_${at} {`,
    `  server ${hostname}:${port || (protocol === "https:" ? 443 : 80)};`,
    "  keepalive 64;",
    "}",
  );
}

/** Fields of the storage's response that nginx drops. It keeps those that describe the bytes. */
const hiddenFields = [
  // The application has sent these itself: the client would get both.
  "Content-Disposition",
  "Content-Type",
  "Cache-Control",
  "Expires",
  "Set-Cookie",
  // They give orders to the client, or to servers between nginx and the client.
  "Set-Cookie2",
  "Location",
  "Refresh",
  "Clear-Site-Data",
  "Alt-Svc",
  "Service-Worker-Allowed",
  "SourceMap",
  "Link",
  "NEL",
  "Report-To",
  "Accept-CH",
  "Origin-Trial",
  "Speculation-Rules",
  "WWW-Authenticate",
  "Proxy-Authenticate",
  "Surrogate-Control",
  "CDN-Cache-Control",
  "Access-Control-Allow-Methods",
  "Access-Control-Allow-Headers",
  "Access-Control-Max-Age",
  // They describe the storage.
  "Server-Timing",
  "Via",
  "X-Powered-By",
  "X-Cache",
  "x-amz-request-id",
  "x-amz-id-2",
  "x-amz-version-id",
  "x-amz-bucket-region",
  "x-amz-storage-class",
  "x-amz-expiration",
  "x-amz-restore",
  "x-amz-replication-status",
  "x-amz-tagging-count",
  "x-amz-mp-parts-count",
  "x-amz-missing-meta",
  "x-amz-delete-marker",
  "x-amz-object-lock-mode",
  "x-amz-object-lock-retain-until-date",
  "x-amz-object-lock-legal-hold",
  "x-amz-server-side-encryption",
  "x-amz-server-side-encryption-aws-kms-key-id",
  "x-amz-server-side-encryption-bucket-key-enabled",
  "x-amz-server-side-encryption-customer-algorithm",
  "x-amz-server-side-encryption-customer-key-md5",
  "x-amz-checksum-crc32",
  "x-amz-checksum-crc32c",
  "x-amz-checksum-crc64nvme",
  "x-amz-checksum-sha1",
  "x-amz-checksum-sha256",
  "x-amz-checksum-type",
  "x-amz-website-redirect-location",
  "x-amz-cf-id",
  "x-amz-cf-pop",
  "x-goog-generation",
  "x-goog-metageneration",
  "x-goog-hash",
  "x-goog-storage-class",
  "x-goog-stored-content-encoding",
  "x-goog-stored-content-length",
  "x-goog-expiration",
  "x-guploader-uploadid",
  "x-guploader-response-body-transformations",
  "x-ms-request-id",
  "x-ms-client-request-id",
  "x-ms-version",
  "x-ms-version-id",
  "x-ms-is-current-version",
  "x-ms-creation-time",
  "x-ms-blob-type",
  "x-ms-lease-status",
  "x-ms-lease-state",
  "x-ms-lease-duration",
  "x-ms-server-encrypted",
  "x-ms-encryption-key-sha256",
  "x-ms-encryption-scope",
  "x-ms-access-tier",
  "x-ms-access-tier-inferred",
  "x-ms-last-access-time",
  "x-ms-tag-count",
  "x-ms-copy-id",
  "x-ms-copy-source",
  "x-ms-copy-status",
  "x-ms-copy-progress",
  "x-ms-copy-completion-time",
  "x-ms-or-policy-id",
  "X-Trans-Id",
  "X-Openstack-Request-Id",
  "X-Timestamp",
] as const;

const accelFields = handOffFields.filter((field) => field.startsWith("X-Accel-"));

function remoteFile({ rule, signedFor }: CompiledRule, at: number | undefined, options: NginxOptions): string {
  const url = new URL(rule.sourceUrl ?? "");
  const host = options.resolver === undefined && at !== undefined ? `downloadview_remote_${at}` : url.host;
  const own = [...policyFields, ...(options.headers ?? [])];
  const hidden = new Map(
    [...handOffFields, ...hiddenFields, ...(options.hidden ?? []), ...own].map((field) => [field.toLowerCase(), field]),
  );
  return lines(
    "# Once the storage has answered, the fields of the application can no longer be read.",
    ...own.map((field, number) => `set $downloadview_${number} $upstream_http_${variable(field)};`),
    "# One range only. To several ranges a storage answers with its own Content-Type, which has the boundary between the",
    "# parts, and nginx would drop it.",
    'set $downloadview_range "";',
    'if ($http_range ~ "^bytes=[0-9]*-[0-9]*$") { set $downloadview_range $http_range; }',
    ...(signedFor === undefined ? [] : signedPath(url)),
    "proxy_http_version 1.1;",
    signedFor === undefined
      ? `proxy_pass ${url.protocol}//${host}${url.pathname.replace(/\/*$/, "/")};`
      : `proxy_pass ${url.protocol}//${host}$downloadview_path;`,
    ...(url.protocol === "https:" ? verified(url.hostname, options) : []),
    "# The storage gets the client's Range and If-Range and nothing else: no cookie, no credentials.",
    "proxy_pass_request_headers off;",
    "proxy_pass_request_body off;",
    `proxy_set_header Host ${url.host};`,
    'proxy_set_header Connection "";',
    'proxy_set_header Content-Length "";',
    "proxy_set_header Range $downloadview_range;",
    "proxy_set_header If-Range $http_if_range;",
    "# A slow client must not fill the disk.",
    "proxy_max_temp_file_size 0;",
    "# A cache would store the file under the client's URL, which may be another file for another user.",
    "proxy_cache off;",
    "# A storage must not redirect nginx to another file: without this line, nginx obeys its X-Accel-Redirect.",
    `proxy_ignore_headers ${accelFields.join(" ")};`,
    "# Only the storage's fields that describe the bytes reach the client.",
    "proxy_headers_hash_max_size 2048;",
    "proxy_headers_hash_bucket_size 128;",
    ...[...hidden.values()].map((field) => `proxy_hide_header ${field};`),
    ...own.map((field, number) => `add_header ${field} $downloadview_${number} always;`),
    "# An error page or a redirect of the storage contains its keys and buckets.",
    "proxy_intercept_errors on;",
    `error_page 400 401 403 404 405 410 = @downloadview_missing;`,
    `error_page 416 = @downloadview_unsatisfied;`,
    `error_page 300 301 302 303 304 305 307 308 402 406 407 408 409 411 412 413 414 415 417 421 422 423 424 425 426 = @downloadview_failed;`,
    `error_page 428 429 431 451 500 501 502 503 504 505 506 507 508 510 511 = @downloadview_failed;`,
  );
}

function signedPath(url: URL): string[] {
  const origin = url.origin.replaceAll(/[.[\]]/g, String.raw`\$&`);
  return [
    "# Only this storage: a field that an attacker got past the application must not send nginx to another host.",
    "# A named capture: nginx would encode a numbered one once more.",
    `if ($upstream_http_x_remote_url !~ "^${origin}(?<downloadview_path>/.*)$") { return 403; }`,
  ];
}

function verified(hostname: string, { trustedCertificates }: NginxOptions): string[] {
  return [
    "proxy_ssl_server_name on;",
    `proxy_ssl_name ${hostname};`,
    "proxy_ssl_verify on;",
    "proxy_ssl_verify_depth 3;",
    `proxy_ssl_trusted_certificate ${trustedCertificates ?? "/etc/ssl/certs/ca-certificates.crt"};`,
  ];
}

function variable(field: string): string {
  return field.toLowerCase().replaceAll("-", "_");
}

/**
 * Quotes a string for nginx: a name may contain spaces, semicolons, quotes and braces.
 * @throws {ImproperlyConfiguredError} for a dollar sign, which nginx cannot escape
 */
function quoted(text: string): string {
  if (text.includes("$")) {
    throw new ImproperlyConfiguredError(
      `A path for nginx must have no dollar sign, which would begin a variable, got ${JSON.stringify(text)}. Rename the folder`,
    );
  }
  return /^[\w/.~-]+$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
