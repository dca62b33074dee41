import { readFileSync } from "node:fs";
import { html, type Html } from "./html.ts";

const files = ["views.ts", "servers.ts"];
const source = files.map((file) => readFileSync(new URL(file, import.meta.url), "utf8")).join("");
const entries = Array.from(source.matchAll(/^ {4}"(.+?)": ([\s\S]+?),\n(?=\n| {4}"| {2}\})/gm));
const codeByRoute = new Map(entries.map(([, route = "", code = ""]) => [route, code.replace(/^ {4}/gm, "")]));

/** What answers a route, as it stands in `views.ts` or `servers.ts`. */
export function codeOf(route: string): string {
  const code = codeByRoute.get(route);
  if (code === undefined) throw new Error(`${files.join(" and ")} have no route ${route}`);
  return code;
}

/** Code with its texts and classes set off. */
export function highlighted(code: string): Html[] {
  const tokens = code.split(/("[^"]*"|`[^`]*`|\b[A-Z]\w+)/);
  return tokens.map((token, index) =>
    index % 2 === 0 ? html`${token}` : html`<b class="${classOf(token)}">${token}</b>`,
  );
}

function classOf(token: string): string {
  return /^["`]/.test(token) ? "string" : "type";
}
