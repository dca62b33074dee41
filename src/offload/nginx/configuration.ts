import { ImproperlyConfiguredError } from "../../errors.ts";
import { offloadFields } from "../../http/offload-fields.ts";
import { authorizePath, decidedFields, publicFolder, publicStore } from "../auth-request/configuration-parts.ts";
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
    ...logFormat(options),
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
  const { rules } = configuration;
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
    ...applicationLines(configuration, "$http_host").map((line) => `#   ${line}`),
    ...logFormat(options).map((line, at) => `# ${at === 0 ? "http { } must have:" : "  "} ${line}`),
    "# It must not have: proxy_ignore_headers X-Accel-Redirect, proxy_pass_header X-Accel-Redirect, proxy_cache for downloads.",
    ...places(configuration, options, false).map((place) => `\n${place}`),
    "",
    ...errorLocations(configuration, options),
  );
}

/** The locations of nginx's own errors. They drop the fields that the application set for the file. */
function errorLocations({ rules, authRequest }: ServerConfiguration, options: NginxOptions): string[] {
  const answer = (name: string, status: number, ...more: readonly string[]): string[] => [
    `location @downloadview_${name} {`,
    ...[...more, "add_header Cache-Control no-store always;", ...logged(options)].map((line) => `  ${line}`),
    `  return ${status};`,
    "}",
  ];
  const meant = authRequest
    ? [404, 405, 410, 429, 503].map((status) => `if ($downloadview_status = ${status}) { return ${status}; }`)
    : [];
  return [
    ...answer("refused", 403, ...meant),
    ...answer("missing", 404),
    ...(authRequest ? answer("changed", 412) : []),
    ...(rules.some(isRemote)
      ? [
          ...answer("failed", 502),
          ...answer("unsatisfied", 416, "add_header Content-Range $upstream_http_content_range always;"),
        ]
      : []),
  ];
}

/** How nginx logs a download: only what it knows itself, and the id, which is the application's. */
function logFormat({ log }: NginxOptions): string[] {
  if (log === undefined) return [];
  const line =
    '{"id":"$downloadview_id","status":"$status","bytes":"$body_bytes_sent","range":"$sent_http_content_range","end":"$request_completion"}';
  return [`log_format downloadview escape=json '${line}';`];
}

function logged({ log }: NginxOptions): string[] {
  return log === undefined ? [] : [`access_log ${quoted(log)} downloadview if=$downloadview_id;`];
}

function maps({ rules, authRequest }: ServerConfiguration): string[] {
  return [
    "# $http_host is empty over HTTP/3, and in an HTTP/1.0 request without Host.",
    'map $http_host $downloadview_host { "" $host; default $http_host; }',
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
function applicationLines({ rules }: ServerConfiguration, host: string): string[] {
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
    ...applicationLines(configuration, "$downloadview_host").map((line) => `    ${line}`),
    "  }",
    ...places(configuration, options).map((place) => `\n${indented(place, "  ")}`),
    "",
    ...errorLocations(configuration, options).map((line) => `  ${line}`),
    "}",
  );
}

/** The locations of the files. */
function places(configuration: ServerConfiguration, options: NginxOptions, hasMaps: boolean = true): string[] {
  const { rules, authRequest } = configuration;
  if (!authRequest) return rules.map((rule, at) => location(rule, at, options, hasMaps));
  return [
    askingLocation(configuration, options, hasMaps),
    ...rules.map((rule, at) => authorizedLocations(rule, at, options, hasMaps)),
  ];
}

function location(rule: CompiledRule, at: number, options: NginxOptions, hasMaps: boolean = true): string {
  return lines(
    "# With a slash at both ends: without the one at the end, `/x../` would leave the folder.",
    `location ^~ ${quoted(`${rule.destination}/`)} {`,
    "  # Only the application can redirect here. Clients get a 404.",
    "  internal;",
    ...(options.log === undefined ? [] : ["  set $downloadview_id $upstream_http_x_download_id;"]),
    "  # nginx would send the file with an error status as well. And a storage that nginx has asked for the bytes must not",
    "  # name another file.",
    '  if ($upstream_status !~ "^(?!.*200 :).*200$") { return 403; }',
    ...logged(options).map((line) => `  ${line}`),
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
function askingLocation(configuration: ServerConfiguration, options: NginxOptions, hasUpstream: boolean): string {
  const { app } = configuration;
  const unnamed = app.socket === undefined ? app.origin : `http://unix:${app.socket}:`;
  return lines(
    "# authorizeDownloads() answers here.",
    `location = ${authorizePath} {`,
    "  internal;",
    `  proxy_pass ${hasUpstream ? `${app.tls ? "https" : "http"}://downloadview_app` : unnamed};`,
    ...(app.tls ? verified(app.hostname, options).map((line) => `  ${line}`) : []),
    ...applicationLines(configuration, hasUpstream ? "$downloadview_host" : "$http_host").map((line) => `  ${line}`),
    "  # Of the original request the application gets the head. What a client sends under these names is replaced.",
    "  proxy_pass_request_body off;",
    '  proxy_set_header Content-Length "";',
    "  proxy_set_header X-Original-Method $request_method;",
    "  proxy_set_header X-Original-URI $request_uri;",
    "}",
  );
}

/** Where clients ask nginx for the files of a rule, and the location that sends them once the application has agreed. */
function authorizedLocations(rule: CompiledRule, at: number, options: NginxOptions, hasUpstream: boolean): string {
  const isFetched = isRemote(rule);
  const url = isFetched ? publicStore(rule, at) : publicFolder(rule, at).url;
  const fields = authorizedFields(options);
  return lines(
    `location ^~ ${quoted(url)} {`,
    `  auth_request ${authorizePath};`,
    "  auth_request_set $downloadview_status $upstream_http_x_download_status;",
    "  auth_request_set $downloadview_decided $upstream_http_x_download_path;",
    isFetched && "  auth_request_set $downloadview_remote $upstream_http_x_remote_url;",
    "  auth_request_set $downloadview_type $upstream_http_content_type;",
    options.log !== undefined && "  auth_request_set $downloadview_id $upstream_http_x_download_id;",
    ...logged(options).map((line) => `  ${line}`),
    ...fields.map((field, number) => `  auth_request_set $downloadview_${number} $upstream_http_${variable(field)};`),
    "  limit_except GET { deny all; }",
    ...missing().map((line) => `  ${line}`),
    "  # Only try_files comes after the question: there is no such file.",
    "  root /dev/null;",
    `  try_files /none @downloadview_authorized_${at};`,
    "}",
    `location @downloadview_authorized_${at} {`,
    "  # auth_request takes any 2xx for a yes, a page of the application too: only authorizeDownloads() sends these fields.",
    "  # The second is the path that it has decided on. A rewrite or an error page may have led here from another.",
    String.raw`  set $downloadview_answer "$downloadview_status\n$downloadview_decided\n$uri";`,
    String.raw`  if ($downloadview_answer !~ "^204\n([^\n]*[^\n/])\n\1$") { return 403; }`,
    ...logged(options).map((line) => `  ${line}`),
    indented(
      isFetched ? authorizedObject(rule, hasUpstream ? at : undefined, options) : authorizedFile(rule, at),
      "  ",
    ),
    "  add_header Content-Type $downloadview_type;",
    ...fields.map((field, number) => `  add_header ${field} $downloadview_${number};`),
    "}",
  );
}

function authorizedFields({ headers = [] }: NginxOptions): readonly string[] {
  return [...new Set([...decidedFields, ...policyFields, ...headers])];
}

function authorizedFile(rule: CompiledRule, at: number): string {
  const { url, folder } = publicFolder(rule, at);
  return lines(
    ...missing(),
    `rewrite ${quotedPattern(`^${escaped(url.slice(0, -1))}(/.*)$`)} $1 break;`,
    `root ${quoted(folder === "" ? "/" : folder)};`,
    "autoindex off;",
    "sendfile on;",
    "tcp_nopush on;",
    "gzip off;",
    "# The application names the type. nginx must not name another, nor put one around several ranges.",
    "types { }",
    'default_type "";',
    "max_ranges 1;",
  );
}

/** An object that nginx fetches from the URL that the storage has signed. */
function authorizedObject({ rule }: CompiledRule, at: number | undefined, options: NginxOptions): string {
  const url = new URL(rule.sourceUrl ?? "");
  const conditions = ["If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"];
  return lines(
    ...signedPath(url, "$downloadview_remote"),
    ...fetching(url, at, options),
    `proxy_pass ${url.protocol}//${storeHost(url, at, options)}$downloadview_path;`,
    "# The URL is signed for GET alone. Of a HEAD nginx sends the head.",
    "proxy_method GET;",
    "# The storage evaluates the preconditions.",
    ...conditions.map((field) => `proxy_set_header ${field} $http_${variable(field)};`),
    ...hiding(authorizedFields(options), options),
    ...storeErrors([]),
    "error_page 412 = @downloadview_changed;",
  );
}

/** A pattern in nginx's quotes. */
function quotedPattern(pattern: string): string {
  return `"${pattern.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
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

const accelFields = offloadFields.filter((field) => field.startsWith("X-Accel-"));

function remoteFile({ rule, signedFor }: CompiledRule, at: number | undefined, options: NginxOptions): string {
  const url = new URL(rule.sourceUrl ?? "");
  const host = storeHost(url, at, options);
  const own = [...policyFields, ...(options.headers ?? [])];
  return lines(
    "# Once the storage has answered, the fields of the application can no longer be read.",
    ...own.map((field, number) => `set $downloadview_${number} $upstream_http_${variable(field)};`),
    ...(signedFor === undefined ? [] : signedPath(url, "$upstream_http_x_remote_url")),
    ...fetching(url, at, options),
    signedFor === undefined
      ? `proxy_pass ${url.protocol}//${host}${url.pathname.replace(/\/*$/, "/")};`
      : `proxy_pass ${url.protocol}//${host}$downloadview_path;`,
    ...hiding(own, options),
    ...own.map((field, number) => `add_header ${field} $downloadview_${number} always;`),
    ...storeErrors([304, 412]),
  );
}

/** The host that nginx connects to: an upstream, or a name that its resolver looks up. */
function storeHost(url: URL, at: number | undefined, { resolver }: NginxOptions): string {
  return resolver === undefined && at !== undefined ? `downloadview_remote_${at}` : url.host;
}

/** How nginx asks the storage: without anything of the client but its range. */
function fetching(url: URL, at: number | undefined, options: NginxOptions): string[] {
  return [
    "# One range only. To several ranges a storage answers with its own Content-Type, which has the boundary between the",
    "# parts, and nginx would drop it.",
    'set $downloadview_range "";',
    'if ($http_range ~ "^bytes=[0-9]*-[0-9]*$") { set $downloadview_range $http_range; }',
    "proxy_http_version 1.1;",
    ...(url.protocol === "https:" ? verified(url.hostname, options) : []),
    "# The storage gets the client's Range and preconditions and nothing else: no cookie, no credentials.",
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
  ];
}

function hiding(own: readonly string[], { hidden = [] }: NginxOptions): string[] {
  const names = new Map(
    [...offloadFields, ...hiddenFields, ...hidden, ...own].map((field) => [field.toLowerCase(), field]),
  );
  return [
    "# Only the storage's fields that describe the bytes reach the client.",
    "proxy_headers_hash_max_size 2048;",
    "proxy_headers_hash_bucket_size 128;",
    ...[...names.values()].map((field) => `proxy_hide_header ${field};`),
  ];
}

/** @param unasked - answers to preconditions, where the storage gets none */
function storeErrors(unasked: readonly number[]): string[] {
  return [
    "# An error page or a redirect of the storage contains its keys and buckets.",
    "proxy_intercept_errors on;",
    `error_page 400 401 403 404 405 410 = @downloadview_missing;`,
    `error_page 416 = @downloadview_unsatisfied;`,
    `error_page 300 301 302 303 305 307 308 402 406 407 408 409 411 413 414 415 417 421 422 423 424 425 426 = @downloadview_failed;`,
    ...unasked.map((status) => `error_page ${status} = @downloadview_failed;`),
    `error_page 428 429 431 451 500 501 502 503 504 505 506 507 508 510 511 = @downloadview_failed;`,
  ];
}

function signedPath(url: URL, field: string): string[] {
  const origin = url.origin.replaceAll(/[.[\]]/g, String.raw`\$&`);
  return [
    "# Only this storage: a field that an attacker got past the application must not send nginx to another host.",
    "# A named capture: nginx would encode a numbered one once more.",
    `if (${field} !~ "^${origin}(?<downloadview_path>/.*)$") { return 403; }`,
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
