import { readdir, realpath } from "node:fs/promises";
import { join, sep } from "node:path";

/** A page, or where it is. */
export type Page = { readonly location: string } | { readonly html: string };

/**
 * The page of a folder. Undefined for a folder that may not be shown: outside of the root, or hidden.
 *
 * @param sign Makes the link that is put beside each file
 */
export async function listing(
  root: string,
  segments: readonly string[],
  requested: string,
  sign?: (path: string) => Promise<string>,
): Promise<Page | undefined> {
  const base = await realpath(root);
  const folder = await realpath(join(base, ...segments));
  if (folder !== base && !folder.startsWith(base.endsWith(sep) ? base : base + sep)) return undefined;
  // A symlink may lead to a hidden folder.
  if (folder.slice(base.length).split(sep).some(isHidden)) return undefined;
  const names = await shownNames(folder);
  const path = segments.map((segment) => `/${encodeURIComponent(segment)}`).join("");
  if (!requested.endsWith("/")) return { location: `${path}/` };
  const rows = await Promise.all(names.map((name) => row(name, `${path}/${linkTo(name)}`, sign)));
  const title = escaped(`/${segments.join("/")}`);
  const up = segments.length > 0 ? `<li><a href="../">Up</a></li>` : "";
  return { html: document(title, `${up}${rows.join("\n")}` || "<li>This folder is empty.</li>") };
}

/** Folders first, with a slash, then files. Neither hidden ones nor symlinks, nor names that no URL leads to. */
async function shownNames(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => !isHidden(entry.name) && !entry.name.includes("\\") && (entry.isFile() || entry.isDirectory()))
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .sort((one, other) => Number(other.endsWith("/")) - Number(one.endsWith("/")) || one.localeCompare(other));
}

async function row(name: string, href: string, sign?: (path: string) => Promise<string>): Promise<string> {
  const link = sign && !name.endsWith("/") ? ` · <a href="${escaped(await sign(href))}">link for others</a>` : "";
  return `<li><a href="${href}"><bdi>${escaped(name)}</bdi></a>${link}</li>`;
}

function isHidden(name: string): boolean {
  return name.startsWith(".");
}

function linkTo(name: string): string {
  return name.endsWith("/") ? `${encodeURIComponent(name.slice(0, -1))}/` : encodeURIComponent(name);
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? "");
}

function document(title: string, items: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere }
li { padding: 0.25rem 0 }
</style>
<h1>${title}</h1>
<ul>
${items}
</ul>
</html>
`;
}
