import type { ApacheOptions } from "./index.ts";
import { folderOf, lines, type ServerConfiguration } from "../server-configuration.ts";

/** The server's configuration, with why each line is there. */
export function apacheConfiguration(configuration: ServerConfiguration, options: ApacheOptions): string {
  const { listen, part } = configuration;
  const host = virtualHost(configuration, options);
  const title = "# Made by `downloadview config apache`. Make it again when a rule changes.";
  return part
    ? lines(title, "# Needs a2enmod proxy_http headers xsendfile", host, "")
    : lines(title, ...standalone(options), `Listen ${listen.host}:${listen.port}`, host, "");
}

const modules = ["mpm_event", "authz_core", "proxy", "proxy_http", "headers", "xsendfile"] as const;

function standalone({ modules: folder = "/usr/lib/apache2/modules" }: ApacheOptions): string[] {
  return [
    "ServerName localhost",
    "ServerRoot /",
    "PidFile /run/downloadview-apache.pid",
    "ErrorLog /var/log/apache2/error.log",
    "User www-data",
    "Group www-data",
    ...modules.map((name) => `LoadModule ${name}_module ${folder}/mod_${name}.so`),
  ];
}

function virtualHost({ rules, app, listen }: ServerConfiguration, { unescape = false }: ApacheOptions): string {
  return lines(
    `<VirtualHost ${listen.host === "*" ? "*" : listen.host}:${listen.port}>`,
    "  ProxyPreserveHost On",
    "  # A name may hold an encoded slash or percent sign: nocanon leaves the URL as the client wrote it.",
    "  AllowEncodedSlashes NoDecode",
    `  ProxyPass / ${app.origin}/ nocanon`,
    `  ProxyPassReverse / ${app.origin}/`,
    "",
    "  XSendFile On",
    "  # mod_xsendfile from Debian 13 on decodes the path unless told otherwise, and would send another file. 0.12 as in",
    "  # Debian 12 never does, and doesn't know the directive.",
    "  <IfDirective XSendFileUnescape>",
    `    XSendFileUnescape ${unescape ? "On" : "Off"}`,
    "  </IfDirective>",
    "  # Only what is below these: the application names the file, and Apache must not send another.",
    ...rules.map((rule) => `  XSendFilePath ${quoted(folderOf(rule) ?? "")}`),
    "  # Apache would show the path to the client with an error of the application's.",
    `  Header unset X-Sendfile "expr=%{REQUEST_STATUS} != '200'"`,
    "</VirtualHost>",
  );
}

function quoted(path: string): string {
  return `"${path.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
