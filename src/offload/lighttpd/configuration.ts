import { ImproperlyConfiguredError } from "../../errors.ts";
import { folderOf, indented, lines, type ServerConfiguration } from "../server-configuration.ts";

/**
 * The server's configuration, with why each line is there.
 * @throws {ImproperlyConfiguredError} for an application behind TLS, which lighttpd 1.4 can't ask
 */
export function lighttpdConfiguration(configuration: ServerConfiguration): string {
  const { app, part, locations } = configuration;
  const title = "# Made by `downloadview config lighttpd`. Make it again when a rule changes.";
  if (app.tls) {
    throw new ImproperlyConfiguredError(
      `app is ${JSON.stringify(app.origin)}, and lighttpd 1.4 can't reach an application by TLS: use http:// or unix:`,
    );
  }
  if (locations) {
    const settings = '# Besides, set server.stream-response-body = 2 and server.stat-cache-engine = "disable".';
    return lines(`${title} It belongs into the "host" of proxy.server.`, settings, handOver(configuration), "");
  }
  return lines(
    title,
    ...(part ? [] : standalone(configuration)),
    'server.modules += ( "mod_proxy" )',
    "# Bytes go to the client as they come. By default lighttpd keeps a response on its disk until it is whole: a stream that",
    "# breaks would arrive as a file that is complete.",
    "server.stream-response-body = 2",
    "# The application has just looked at the file: what lighttpd remembers of it may be a second old.",
    'server.stat-cache-engine = "disable"',
    "# lighttpd sends the file with whatever status the application gave: the application names it with a 200 alone.",
    `proxy.server = ( "" => ( ( ${address(configuration)},`,
    `${indented(handOver(configuration), "  ")} ) ) )`,
    "# An encoded slash in a URL is part of a name, and so is an encoded line feed: neither is for lighttpd to judge.",
    "server.http-parseopts = (",
    '  "header-strict" => "enable", "host-strict" => "enable", "host-normalize" => "enable",',
    '  "url-normalize" => "enable", "url-normalize-unreserved" => "enable",',
    '  "url-path-dotseg-remove" => "enable", "url-ctrls-reject" => "disable" )',
    "",
  );
}

function standalone({ listen, tls, serverName, pid }: ServerConfiguration): string[] {
  return [
    'server.document-root = "/var/empty"',
    `server.name = ${quoted(serverName)}`,
    "# Started by root, lighttpd would stay root.",
    'server.username = "www-data"',
    'server.groupname = "www-data"',
    ...(pid === undefined ? [] : [`server.pid-file = ${quoted(pid)}`]),
    `server.port = ${listen.port}`,
    `server.bind = ${quoted(listen.host === "*" ? "0.0.0.0" : listen.host)}`,
    ...(tls
      ? [
          'server.modules += ( "mod_openssl" )',
          'ssl.engine = "enable"',
          `ssl.pemfile = ${quoted(tls.certificate)}`,
          `ssl.privkey = ${quoted(tls.key)}`,
        ]
      : []),
  ];
}

function address({ app: { hostname, port, socket } }: ServerConfiguration): string {
  return socket === undefined ? `"host" => ${quoted(hostname)}, "port" => ${port}` : `"host" => ${quoted(socket)}`;
}

function handOver({ rules }: ServerConfiguration): string {
  const folders = rules.map((rule) => quoted(`${folderOf(rule)}/`));
  return lines(
    '"x-sendfile" => "enable",',
    "# Only what is below these, with a slash at the end: without it, a folder that begins alike would be sent too.",
    `"x-sendfile-docroot" => ( ${folders.join(", ")} )`,
  );
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
