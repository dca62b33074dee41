import { folderOf, lines, type ServerConfiguration } from "../server-configuration.ts";

/** The server's configuration, with why each line is there. */
export function lighttpdConfiguration({ rules, app, listen, part }: ServerConfiguration): string {
  const folders = rules.map((rule) => quoted(`${folderOf(rule)}/`));
  return lines(
    "# Made by `downloadview config lighttpd`. Make it again when a rule changes.",
    ...(part
      ? []
      : [
          'server.document-root = "/var/empty"',
          `server.port = ${listen.port}`,
          `server.bind = ${quoted(listen.host === "*" ? "0.0.0.0" : listen.host)}`,
        ]),
    'server.modules += ( "mod_proxy" )',
    "# Bytes go to the client as they come. By default lighttpd keeps a response on its disk until it is whole: a stream that",
    "# breaks would arrive as a file that is complete.",
    "server.stream-response-body = 2",
    "# The application has just looked at the file: what lighttpd remembers of it may be a second old.",
    'server.stat-cache-engine = "disable"',
    "# lighttpd sends the file with whatever status the application gave: the application names it with a 200 alone.",
    `proxy.server = ( "" => ( ( "host" => ${quoted(app.hostname)}, "port" => ${app.port || 80},`,
    '  "x-sendfile" => "enable",',
    "  # Only what is below these, with a slash at the end: without it, a folder that begins alike would be sent too.",
    `  "x-sendfile-docroot" => ( ${folders.join(", ")} ) ) ) )`,
    "# An encoded slash in a URL is part of a name, and so is an encoded line feed: neither is for lighttpd to judge.",
    "server.http-parseopts = (",
    '  "header-strict" => "enable", "host-strict" => "enable", "host-normalize" => "enable",',
    '  "url-normalize" => "enable", "url-normalize-unreserved" => "enable",',
    '  "url-path-dotseg-remove" => "enable", "url-ctrls-reject" => "disable" )',
    "",
  );
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
