import { ImproperlyConfiguredError } from "../../errors.ts";
import type { ApacheOptions } from "./index.ts";
import { folderOf, indented, lines, type ServerConfiguration } from "../server-configuration.ts";

/** Writes Apache's configuration. Comments in it say why each line is there. */
export function apacheConfiguration(configuration: ServerConfiguration, options: ApacheOptions): string {
  const { listen, part, locations } = configuration;
  const title = "# Made by `downloadview config apache`. Make it again when a rule changes.";
  if (locations) {
    return lines(
      `${title} Include it in the VirtualHost.`,
      "# Needs a2enmod headers xsendfile",
      handOver(configuration, options),
      "",
    );
  }
  const host = virtualHost(configuration, options);
  return part
    ? lines(title, `# Needs a2enmod ${enabled(configuration).join(" ")}`, host, "")
    : lines(title, ...standalone(configuration, options), `Listen ${listen.host}:${listen.port}`, host, "");
}

function enabled({ tls, app }: ServerConfiguration): string[] {
  return ["proxy_http", "headers", "xsendfile", ...(tls || app.tls ? ["ssl"] : [])];
}

function standalone(
  configuration: ServerConfiguration,
  { modules: folder = "/usr/lib/apache2/modules" }: ApacheOptions,
): string[] {
  const modules = ["mpm_event", "authz_core", "proxy", ...enabled(configuration)];
  return [
    `ServerName ${configuration.serverName}`,
    "ServerRoot /",
    `PidFile ${quoted(configuration.pid ?? "/run/downloadview-apache.pid")}`,
    "ErrorLog /var/log/apache2/error.log",
    "User www-data",
    "Group www-data",
    ...modules.map((name) => `LoadModule ${name}_module ${folder}/mod_${name}.so`),
  ];
}

function virtualHost(configuration: ServerConfiguration, options: ApacheOptions): string {
  const { app, listen, serverName, tls } = configuration;
  const url = app.socket === undefined ? `${app.origin}/` : `unix:${app.socket}|http://localhost/`;
  return lines(
    `<VirtualHost ${listen.host}:${listen.port}>`,
    `  ServerName ${serverName}`,
    tls && [
      "  SSLEngine on",
      `  SSLCertificateFile ${quoted(tls.certificate)}`,
      `  SSLCertificateKeyFile ${quoted(tls.key)}`,
    ],
    app.tls && [
      "  SSLProxyEngine on",
      "  SSLProxyVerify require",
      "  SSLProxyCACertificateFile /etc/ssl/certs/ca-certificates.crt",
    ],
    "  ProxyPreserveHost On",
    '  RequestHeader set X-Forwarded-Proto "expr=%{REQUEST_SCHEME}"',
    "  # A name may hold an encoded slash or percent sign: nocanon leaves the URL as the client wrote it.",
    "  AllowEncodedSlashes NoDecode",
    `  ProxyPass / ${url} nocanon`,
    `  ProxyPassReverse / ${app.origin}/`,
    "",
    indented(handOver(configuration, options), "  "),
    "</VirtualHost>",
  );
}

function handOver({ rules }: ServerConfiguration, { unescape = false, log }: ApacheOptions): string {
  return lines(
    ...(log === undefined ? [] : logged(log)),
    "XSendFile On",
    "# From Debian 13 on, mod_xsendfile decodes the path by default and would send another file. Version 0.12 of Debian 12",
    "# never decodes, and does not know the directive.",
    "<IfDirective XSendFileUnescape>",
    `  XSendFileUnescape ${unescape ? "On" : "Off"}`,
    "</IfDirective>",
    "# Apache may send files of these folders only.",
    ...rules.map((rule) => `XSendFilePath ${quoted(folderOf(rule) ?? "")}`),
    "# With any other status Apache would pass the field, and so the path, on to the client.",
    `Header unset X-Sendfile "expr=%{REQUEST_STATUS} != '200'"`,
  );
}

function logged(log: string): string[] {
  const line = String.raw`{\"id\":\"%{downloadview_id}n\",\"status\":\"%>s\",\"bytes\":\"%B\",\"range\":\"%{Content-Range}o\",\"end\":\"%X\"}`;
  return [
    "# How each download ends. The id is the application's, and not for the client.",
    "Header note X-Download-Id downloadview_id",
    "Header unset X-Download-Id",
    `LogFormat "${line}" downloadview`,
    `CustomLog ${quoted(log)} downloadview "expr=-n note('downloadview_id')"`,
  ];
}

/** @throws {ImproperlyConfiguredError} for a variable, which Apache replaces within quotes too */
function quoted(path: string): string {
  if (path.includes("${")) {
    throw new ImproperlyConfiguredError(
      `A path for Apache must not have "\${", which would begin a variable, got ${JSON.stringify(path)}. Rename the folder`,
    );
  }
  return `"${path.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
