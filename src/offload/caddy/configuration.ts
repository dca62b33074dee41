import type { CompiledRule } from "../compiled-rule.ts";
import {
  defaultName,
  folderOf,
  indented,
  lines,
  unbracketed,
  type ServerConfiguration,
} from "../server-configuration.ts";

/** The server's configuration, with why each line is there. */
export function caddyConfiguration({
  rules,
  app,
  listen,
  serverName,
  tls,
  part,
  locations,
}: ServerConfiguration): string {
  const handOvers = lines(
    ...rules.map((rule, at) => handover(rule, at)),
    "# With any other status it stays here: it would tell the client a path.",
    "header_down -X-Accel-Redirect",
  );
  const title = "# Made by `downloadview config caddy`. Make it again when a rule changes.";
  if (locations) return lines(`${title} It belongs into reverse_proxy.`, handOvers, "");
  const proxy = lines(
    `reverse_proxy ${app.socket === undefined ? app.origin : `unix/${app.socket}`} {`,
    indented(handOvers, "\t"),
    "}",
    "# Caddy's own errors are not the file: no cookie of the application's, and nothing for a cache to keep.",
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

function handover(rule: CompiledRule, at: number): string {
  const name = `@downloadview${at}`;
  return lines(
    "# A 200 for a file of this folder alone: Caddy would send the file with an error of the application's, too.",
    `${name} {`,
    "\tstatus 200",
    `\theader X-Accel-Redirect ${quoted(`${folderOf(rule)}/*`)}`,
    "}",
    `handle_response ${name} {`,
    String.raw`	@outside vars_regexp {rp.header.X-Accel-Redirect} (^|/)\.\.(/|$)`,
    "\terror @outside 403",
    "\t# The application has decided on these, with its own validators.",
    "\trequest_header -If-*",
    "\t# Caddy drops all fields of the application's.",
    "\tcopy_response_headers {",
    "\t\texclude X-Accel-Redirect Content-Length Accept-Ranges ETag Last-Modified Connection Keep-Alive Date",
    "\t}",
    ...validator("etag", "ETag", "{rp.header.Etag}", `^(W/)?\\"`),
    ...validator("modified", "Last-Modified", "{rp.header.Last-Modified}", "^[A-Z]"),
    "\t# The path goes in as the root, and the root is a file: no version decodes it.",
    "\troot * {rp.header.X-Accel-Redirect}",
    "\trewrite * /",
    "\tfile_server {",
    "\t\tdisable_canonical_uris",
    "\t}",
    "}",
  );
}

// At the last moment, over Caddy's own: a download that began elsewhere then resumes here.
function validator(name: string, field: string, value: string, pattern: string): string[] {
  return [
    `\t@${name} vars_regexp ${value} ${pattern}`,
    `\theader @${name} {`,
    "\t\tdefer",
    `\t\t${field} ${value}`,
    "\t}",
  ];
}

function quoted(text: string): string {
  return /^[\w/.*~-]+$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
