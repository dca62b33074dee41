import { ImproperlyConfiguredError } from "../../errors.ts";
import type { LighttpdOptions } from "./index.ts";
import { folderOf, indented, lines, type ServerConfiguration } from "../server-configuration.ts";

/**
 * Writes lighttpd's configuration. Comments in it say why each line is there.
 * @throws {ImproperlyConfiguredError} if the application is behind TLS, which lighttpd 1.4 can't reach
 */
export function lighttpdConfiguration(configuration: ServerConfiguration, { log }: LighttpdOptions = {}): string {
  const { app, part, locations } = configuration;
  const title = "# Made by `downloadview config lighttpd`. Make it again when a rule changes.";
  if (app.tls) {
    throw new ImproperlyConfiguredError(
      `app must begin with http:// or unix:, because lighttpd 1.4 can't reach an application by TLS, ` +
        `got ${JSON.stringify(app.origin)}`,
    );
  }
  if (locations) {
    const settings = '# Also set server.stream-response-body = 2 and server.stat-cache-engine = "disable".';
    return lines(`${title} Put it into the "host" of proxy.server.`, settings, handOver(configuration), "");
  }
  return lines(
    title,
    ...(part ? [] : standalone(configuration)),
    'server.modules += ( "mod_proxy" )',
    ...(log === undefined ? [] : logged(log)),
    "# Sends bytes to the client as they arrive. By default lighttpd collects a response on its disk first. If the stream then",
    "# breaks, the client gets the truncated file as if it were complete.",
    "server.stream-response-body = 2",
    "# The application has just called stat on the file. lighttpd's cached stat may be a second older.",
    'server.stat-cache-engine = "disable"',
    "# lighttpd sends the file even with an error status, so the application sets X-Sendfile only with a 200.",
    `proxy.server = ( "" => ( ( ${address(configuration)},`,
    `${indented(handOver(configuration), "  ")} ) ) )`,
    "# An encoded slash in a URL is part of a name, and so is an encoded line feed. lighttpd must refuse neither.",
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
    "# Without these, lighttpd that root starts stays root.",
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
    "# lighttpd may send files of these folders only. Without the slash at the end, /media would also allow /media-private.",
    `"x-sendfile-docroot" => ( ${folders.join(", ")} )`,
  );
}

function logged(log: string): string[] {
  const line = String.raw`{\"id\":\"%{X-Download-Id}o\",\"status\":\"%s\",\"bytes\":\"%b\",\"range\":\"%{Content-Range}o\",\"end\":\"%X\"}`;
  return [
    'server.modules += ( "mod_accesslog" )',
    "# How each download ends. lighttpd writes the lines every few seconds.",
    `accesslog.filename = ${quoted(log)}`,
    `accesslog.format = "${line}"`,
  ];
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
