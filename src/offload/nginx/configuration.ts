import { ImproperlyConfiguredError } from "../../errors.ts";
import type { CompiledRule } from "../compiled-rule.ts";
import { bracketed, folderOf, indented, lines, type ServerConfiguration } from "../server-configuration.ts";
import { askingLocation, authorizedLocations } from "./authorized-locations.ts";
import { applicationLines, logged, missing, quoted, variable, verified } from "./directives.ts";
import { fileFields, policyFields } from "./fields.ts";
import type { NginxOptions } from "./index.ts";
import { isRemote, remoteFile, remoteUpstream } from "./remote-storage.ts";

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

function restored({ headers = [] }: NginxOptions, valueOf: (field: string) => string): string[] {
  return [
    ...fileFields.map((field) => `add_header ${field} ${valueOf(field)};`),
    ...[...policyFields, ...headers].map((field) => `add_header ${field} ${valueOf(field)} always;`),
  ];
}
