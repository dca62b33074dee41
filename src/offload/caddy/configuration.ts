import { ImproperlyConfiguredError } from "../../errors.ts";
import { authorizePath, decidedFields, publicFolder } from "../auth-request/configuration-parts.ts";
import type { CaddyOptions } from "./index.ts";
import type { CompiledRule } from "../compiled-rule.ts";
import {
  defaultName,
  folderOf,
  indented,
  lines,
  unbracketed,
  type ServerConfiguration,
} from "../server-configuration.ts";

/** Writes Caddy's configuration. Comments in it say why each line is there. */
export function caddyConfiguration(
  { rules, app, listen, serverName, tls, part, locations, authRequest }: ServerConfiguration,
  { log }: CaddyOptions,
): string {
  const upstream = app.socket === undefined ? app.origin : `unix/${app.socket}`;
  const folders = authRequest ? rules.map((rule, at) => authorizedFolder(rule, at, upstream)) : [];
  const offloads = lines(
    ...(authRequest ? [] : rules.map((rule, at) => offloadOf(rule, at))),
    "# With any other status, Caddy would pass the field, and so a path, on to the client.",
    "header_down -X-Accel-Redirect",
  );
  const title = "# Made by `downloadview config caddy`. Make it again when a rule changes.";
  if (locations && authRequest) return lines(`${title} Put it into the site.`, ...folders, "");
  if (locations) return lines(`${title} Put it into reverse_proxy.`, offloads, "");
  const application = lines(`reverse_proxy ${upstream} {`, indented(offloads, "\t"), "}");
  const proxy = lines(
    log !== undefined && lines("log {", `\toutput file ${quoted(log)}`, "\tformat json", "}"),
    ...folders,
    authRequest && lines("# No client asks this itself.", `handle ${authorizePath} {`, "\terror 404", "}"),
    authRequest ? lines("handle {", indented(application, "\t"), "}") : application,
    "# An error of Caddy itself must not carry the file's fields: no cookie of the application, nothing to cache.",
    "handle_errors {",
    "\theader {",
    "\t\tCache-Control no-store",
    "\t\t-Set-Cookie",
    "\t\t-Content-Disposition",
    "\t\t-Expires",
    "\t}",
    '\trespond "{err.status_code} {err.status_text}" {err.status_code}',
    "}",
  );
  if (part) return lines(title, proxy, "");
  return lines(
    title,
    "{",
    "\tadmin off",
    "\tauto_https off",
    "}",
    `${tls ? "https" : "http"}://${serverName === defaultName ? "" : serverName}:${listen.port} {`,
    listen.host !== "*" && `\tbind ${unbracketed(listen.host)}`,
    tls && `\ttls ${quoted(tls.certificate)} ${quoted(tls.key)}`,
    indented(proxy, "\t"),
    "}",
    "",
  );
}

/** A folder that clients ask Caddy for, which Caddy sends if the application says so. */
function authorizedFolder(rule: CompiledRule, at: number, upstream: string): string {
  const { url, folder } = publicFolder(rule, at);
  return lines(
    "# authorizeDownloads() says whether. It is asked about the URL by which the file is found below.",
    `handle ${quoted(`${url}*`)} {`,
    `\treverse_proxy ${upstream} {`,
    "\t\tmethod GET",
    `\t\trewrite ${authorizePath}`,
    "\t\t# What a client sends under these names is replaced.",
    "\t\theader_up X-Forwarded-Method {method}",
    "\t\theader_up X-Forwarded-Uri {uri}",
    "\t\t# Of what it refuses, Caddy sends the application's answer.",
    "\t\t# By the field, the answer is one of authorizeDownloads(), and not a 204 of another handler.",
    "\t\t@allowed {",
    "\t\t\tstatus 204",
    "\t\t\theader X-Download-Status 204",
    "\t\t}",
    "\t\thandle_response @allowed {",
    "\t\t\tcopy_response_headers {",
    `\t\t\t\tinclude Content-Type ${decidedFields.join(" ")}`,
    "\t\t\t}",
    `\t\t\turi strip_prefix ${quoted(url.slice(0, -1))}`,
    `\t\t\troot * ${quoted(folder)}`,
    "\t\t\tfile_server {",
    "\t\t\t\tdisable_canonical_uris",
    "\t\t\t}",
    "\t\t}",
    "\t}",
    "}",
  );
}

function offloadOf(rule: CompiledRule, at: number): string {
  const name = `@downloadview${at}`;
  return lines(
    "# Only with a 200, and only files of this folder: Caddy would send the file with an error status as well.",
    `${name} {`,
    "\tstatus 200",
    `\theader X-Accel-Redirect ${quoted(`${folderOf(rule)}/*`)}`,
    "}",
    `handle_response ${name} {`,
    String.raw`	@outside vars_regexp {rp.header.X-Accel-Redirect} (^|/)\.\.(/|$)`,
    "\terror @outside 403",
    "\t# The application has already evaluated the preconditions, with its own validators.",
    "\trequest_header -If-*",
    "\t# Caddy drops all fields of the application's response.",
    "\tcopy_response_headers {",
    "\t\texclude X-Accel-Redirect Content-Length Accept-Ranges ETag Last-Modified Connection Keep-Alive Date",
    "\t}",
    ...validator("etag", "ETag", "{rp.header.Etag}", `^(W/)?\\"`),
    ...validator("modified", "Last-Modified", "{rp.header.Last-Modified}", "^[A-Z]"),
    "\t# The path is used as the root, and the root is a file: no version of Caddy decodes the root.",
    "\troot * {rp.header.X-Accel-Redirect}",
    "\trewrite * /",
    "\tfile_server {",
    "\t\tdisable_canonical_uris",
    "\t}",
    "}",
  );
}

// `defer` replaces Caddy's own validator at the last moment, so that a download that began on another machine resumes here.
function validator(name: string, field: string, value: string, pattern: string): string[] {
  return [
    `\t@${name} vars_regexp ${value} ${pattern}`,
    `\theader @${name} {`,
    "\t\tdefer",
    `\t\t${field} ${value}`,
    "\t}",
  ];
}

/** @throws {ImproperlyConfiguredError} for a brace, with which a placeholder begins, within quotes too */
function quoted(text: string): string {
  if (text.includes("{")) {
    throw new ImproperlyConfiguredError(
      `A path for Caddy must have no brace, which would begin a placeholder, got ${JSON.stringify(text)}. Rename the folder`,
    );
  }
  return /^[\w/.*~-]+$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
