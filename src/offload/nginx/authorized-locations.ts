import { authorizePath, decidedFields, publicFolder, publicStore } from "../auth-request/configuration-parts.ts";
import type { CompiledRule } from "../compiled-rule.ts";
import { indented, lines, type ServerConfiguration } from "../server-configuration.ts";
import { applicationLines, logged, missing, quoted, variable, verified } from "./directives.ts";
import { policyFields } from "./fields.ts";
import type { NginxOptions } from "./index.ts";
import { fetching, hiding, isRemote, signedPath, storeErrors, storeHost } from "./remote-storage.ts";

/** Where nginx asks whether a client may have a file. */
export function askingLocation(
  configuration: ServerConfiguration,
  options: NginxOptions,
  hasUpstream: boolean,
): string {
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
export function authorizedLocations(
  rule: CompiledRule,
  at: number,
  options: NginxOptions,
  hasUpstream: boolean,
): string {
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
