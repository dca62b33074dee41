import type { H2oOptions } from "./index.ts";
import { folderOf, indented, lines, unbracketed, type ServerConfiguration } from "../server-configuration.ts";

/** Writes h2o's configuration. Comments in it say why each line is there. */
export function h2oConfiguration(configuration: ServerConfiguration, { socket, user }: Required<H2oOptions>): string {
  const { rules, app, part, locations, pid } = configuration;
  const files = `${socket}.files`;
  const application = app.socket === undefined ? `${app.origin}/` : `http://[unix:${app.socket}]/`;
  return lines(
    "# Made by `downloadview config h2o`. Make it again when a rule changes.",
    part || locations
      ? "# Merge it with your hosts. Each of your hosts needs its own listen: a global one would open the hosts below, too."
      : [`user: ${user}`, ...(pid === undefined ? [] : [`pid-file: ${quoted(pid)}`])],
    locations && ["# The path that leads to the application needs: proxy.preserve-host: ON, reproxy: ON"],
    "hosts:",
    ...(locations
      ? []
      : [
          "  default:",
          ...(part ? [] : port(configuration)),
          "    paths:",
          '      "/":',
          `        proxy.reverse.url: ${quoted(application)}`,
          "        proxy.preserve-host: ON",
          "        # If the application names a file, h2o sends it.",
          "        reproxy: ON",
        ]),
    "  # On a socket that no client reaches: on its ports, h2o would send these files to any client that asks.",
    ...unixHost("downloadview", socket, user),
    "    paths:",
    '      "/":',
    "        mruby.handler: |",
    indented(handler(files), "          "),
    ...unixHost("downloadview-files", files, user),
    "    paths:",
    ...rules.flatMap((rule) => [
      `      ${quoted(`${rule.destination}/`)}:`,
      `        file.dir: ${quoted(`${folderOf(rule)}/`)}`,
      "        file.send-compressed: OFF",
      "        file.index: []",
    ]),
    "",
  );
}

function port({ listen: { host, port }, tls }: ServerConfiguration): string[] {
  return [
    "    # Not global: clients must not reach the hosts below, whatever Host they send.",
    "    listen:",
    `      host: ${quoted(host === "*" ? "0.0.0.0" : unbracketed(host))}`,
    `      port: ${port}`,
    ...(tls
      ? ["      ssl:", `        certificate-file: ${quoted(tls.certificate)}`, `        key-file: ${quoted(tls.key)}`]
      : []),
  ];
}

function unixHost(name: string, socket: string, user: string): string[] {
  return [
    `  ${quoted(name)}:`,
    "    listen:",
    "      type: unix",
    `      port: ${quoted(socket)}`,
    `      owner: ${user}`,
    '      mode: "600"',
  ];
}

/**
 * Writes the mruby handler. It sends the file with the fields of the application, which it reads from the query. The client
 * knows the application's validators, so the handler evaluates If-Range with those.
 */
function handler(files: string): string {
  return lines(
    "# Chunk by chunk: h2o truncates a body of known length that it passes on by itself.",
    "class DownloadviewBody",
    "  def initialize(body)",
    "    @body = body",
    "  end",
    "  def each",
    "    @body.each { |chunk| yield chunk }",
    "  end",
    "end",
    "Proc.new do |env|",
    "  fields = {}",
    '  env["QUERY_STRING"].split("&").each do |pair|',
    '    name, value = pair.split("=", 2)',
    "    value = value.gsub(/%(..)/) { $1.hex.chr }",
    String.raw`    fields[name] = fields[name] ? "#{fields[name]}\n#{value}" : value`,
    "  end",
    "  request = {}",
    '  condition = env["HTTP_IF_RANGE"]',
    '  strong = fields["etag"] unless fields["etag"].to_s.start_with?("W/")',
    '  current = condition.nil? || condition == strong || condition == fields["last-modified"]',
    '  request["range"] = env["HTTP_RANGE"] if env["HTTP_RANGE"] && current',
    `  status, described, body = http_request("http://[unix:${files}]" + env["PATH_INFO"], { headers: request }).join`,
    "  if status == 200 || status == 206",
    '    ["content-length", "content-range"].each { |name| fields[name] = described[name] if described[name] }',
    "    # If the file was replaced since the application's stat, it is sent with its own ETag, not with the old one.",
    String.raw`    fields["etag"] = described["etag"] if described["etag"] && fields["etag"] =~ /\A"[0-9a-f]+-[0-9a-f]+"\z/`,
    '    several = described["content-type"].to_s.start_with?("multipart/byteranges")',
    '    fields["content-type"] = described["content-type"] if several',
    '    fields["accept-ranges"] = "bytes"',
    "    body = DownloadviewBody.new(body)",
    "  elsif status == 416",
    '    fields = { "content-range" => described["content-range"], "content-length" => "0" }',
    "    body = []",
    "  else",
    '    status, fields, body = 404, { "content-type" => "text/plain; charset=utf-8" }, ["Not Found\\n"]',
    "  end",
    "  [status, fields, body]",
    "end",
  );
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
