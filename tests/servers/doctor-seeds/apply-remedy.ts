import { spawnSync } from "node:child_process";
import type { ServerName } from "downloadview/config";

/** Part of a configuration: `start` is where lines are written, and lines are removed up to `end`. */
interface Region {
  readonly start: number;
  readonly end: number;
}

type FindRegion = (text: string) => Region;

/** Where the places stand that the doctor's remedies name, in a generated configuration. */
const places: Readonly<Record<ServerName, Readonly<Record<string, FindRegion>>>> = {
  nginx: {
    "the location of the files (`location ^~ /_downloads/`)": block("location ^~ /_downloads/ {"),
    "the location that passes requests to the application": block("location / {"),
    "the location with `alias …`": (text) => ({
      start: text.lastIndexOf("location", text.indexOf("alias ")),
      end: text.length,
    }),
    "the server block": block("\nserver {", "\n  server {"),
    "the upstream of the application": block("upstream downloadview_app {"),
  },
  apache: {
    "the virtual host": between(/<VirtualHost [^>]*>\n/, "</VirtualHost>"),
    "the end of the virtual host": (text) => {
      const end = text.indexOf("</VirtualHost>");
      return { start: end, end };
    },
  },
  lighttpd: {
    "the configuration": (text) => ({ start: text.length, end: text.length }),
    "the `proxy.server` of the application": between(/proxy\.server = \( "" => \( \(/, " ) ) )\n"),
  },
  caddy: {
    "the site": block("http://:"),
    "`reverse_proxy`": block("reverse_proxy "),
    "the `handle_response` of the files": block("handle_response @downloadview0 {"),
    "the matcher of that `handle_response`": block("@downloadview0 {"),
    "`handle_errors`": block("handle_errors {"),
  },
  h2o: {
    "the path of the application": indentedBelow('      "/":'),
    "the host `downloadview-files`": between(/ {2}"downloadview-files":\n[^]* {4}paths:\n/, "\n\n"),
    "the host that clients reach": between(/ {2}default:\n/, "# On a socket"),
    "the configuration": (text) => ({ start: 0, end: text.length }),
  },
};

const list = "((?:`[^`]*`(?:, | and )?)+)";
const sentence = new RegExp(
  `In ([^,]+), (?:replace \`([^\`]*)\` by \`([^\`]*)\`)?(?:remove ${list})?(?:, and )?(?:write ${list})?\\.`,
  "g",
);

/** Follows a printed remedy to the letter. `generated` is what `downloadview config` prints. */
export function applyRemedy(server: ServerName, text: string, remedy: string, generated: string): string {
  for (const command of codeIn(/On the server's machine, run (.*)\.$/m.exec(remedy)?.[1])) {
    if (!command.startsWith("chmod o+")) throw new Error(`Not a chmod: ${command}`);
    spawnSync("sh", ["-c", command]);
  }
  if (remedy.includes("as `downloadview config h2o --locations` prints them")) return generated;
  if (server === "h2o" && remedy.includes("write `listen` into each host")) return generated;
  let edited = text;
  for (const [, place = "", old, renewed = "", removed, written] of remedy.matchAll(sentence)) {
    const find = places[server][place.replace(/`alias [^`]*`/, "`alias …`")];
    if (!find) throw new Error(`No such place: ${place}`);
    if (old !== undefined) edited = replaced(edited, find(edited), expressionOf(old, server), renewed);
    for (const pattern of codeIn(removed)) edited = without(edited, find(edited), pattern, server);
    edited = withLines(edited, find(edited), codeIn(written), server);
  }
  return edited;
}

function codeIn(text: string | undefined): string[] {
  return [...(text ?? "").matchAll(/`([^`]*)`/g)].map(([, code = ""]) => code);
}

function without(text: string, { start, end }: Region, pattern: string, server: ServerName): string {
  // lighttpd has one level, on which order does not matter.
  const from = start === end ? 0 : start;
  const part = text.slice(from, end);
  return text.slice(0, from) + removeAll(part, pattern, server) + text.slice(end);
}

function replaced(text: string, { start, end }: Region, pattern: RegExp, renewed: string): string {
  const part = text.slice(start, end).replace(new RegExp(pattern.source), () => renewed);
  return text.slice(0, start) + part + text.slice(end);
}

function expressionOf(pattern: string, server: ServerName): RegExp {
  const any = server === "nginx" ? "[^\\n;{}]*?" : "[^\\n]*?";
  const [head = "", ...blocks] = pattern.split(/\{…\}|\(…\)/);
  const body = (server === "h2o" ? head.trimEnd() : head).split("…").map(escaped).join(any);
  const tail = pattern.endsWith("…") && server !== "nginx" ? "[^\\n]*" : "";
  const opening = blocks.length > 0 && server !== "h2o" ? "(?=[{(])" : "";
  return new RegExp(`(?<![\\w$."-])${body}${tail}${opening}`, "g");
}

function removeAll(text: string, pattern: string, server: ServerName): string {
  const expression = expressionOf(pattern, server);
  const isBlock = /\{…\}|\(…\)/.test(pattern);
  let edited = text;
  for (;;) {
    const found = [...edited.matchAll(expression)].find(({ index }) => !isComment(edited, index));
    if (!found) return edited;
    const last = found.index + found[0].length;
    edited = edited.slice(0, found.index) + edited.slice(isBlock ? closing(edited, last) : last);
  }
}

/** The end of the block, or for YAML of the lines that are indented more, that begins at or after `at`. */
function closing(text: string, at: number): number {
  const open = /[{(]/.exec(text.slice(at));
  if (!open || text.slice(at, at + open.index).includes("\n")) {
    const line = text.slice(text.lastIndexOf("\n", at - 1) + 1, at);
    const indent = /^ */.exec(line)?.[0].length ?? 0;
    const rest = text.slice(text.indexOf("\n", at));
    return at + (new RegExp(`^(?:\\n {${indent + 1},}[^\\n]*)*`).exec(rest)?.[0].length ?? 0);
  }
  let depth = 0;
  for (let position = at + open.index; position < text.length; position += 1) {
    if ("{(".includes(text[position] ?? "x")) depth += 1;
    if ("})".includes(text[position] ?? "x")) depth -= 1;
    if (depth === 0) return position + 1;
  }
  throw new Error("The block has no end");
}

function withLines(text: string, { start, end }: Region, lines: readonly string[], server: ServerName): string {
  if (lines.length === 0) return text;
  const indent = server === "h2o" ? (/^ */.exec(text.slice(start))?.[0] ?? "") : "  ";
  const written = lines.map((line) => `${indent}${line}\n`).join("");
  // The last entry of lighttpd's list has no comma.
  const at = server === "lighttpd" && !lines[0]?.endsWith(",") ? end : start;
  return `${text.slice(0, at)}${text[at - 1] === "\n" || at === 0 ? "" : "\n"}${written}${text.slice(at)}`;
}

function isComment(text: string, at: number): boolean {
  return /^\s*#/.test(text.slice(text.lastIndexOf("\n", at - 1) + 1, at + 1));
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

function block(...openings: readonly string[]): FindRegion {
  return (text) => {
    const at = openings.map((opening) => text.indexOf(opening)).find((index) => index !== -1) ?? -1;
    if (at === -1) throw new Error(`No block ${openings[0]}`);
    const opening = text.indexOf("{", at);
    return { start: opening + 1, end: closing(text, opening) - 1 };
  };
}

function between(opening: RegExp, end: string): FindRegion {
  return (text) => {
    const found = opening.exec(text);
    if (!found) throw new Error(`No ${opening.source}`);
    const start = found.index + found[0].length;
    return { start, end: text.indexOf(end, start) };
  };
}

function indentedBelow(line: string): FindRegion {
  return (text) => {
    const at = text.indexOf(`${line}\n`);
    if (at === -1) throw new Error(`No ${line}`);
    return { start: text.indexOf("\n", at) + 1, end: closing(text, at + line.length) };
  };
}
