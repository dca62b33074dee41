import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { project } from "./extract.ts";

const pages = [
  ...readdirSync(project).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(project, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
];

it.each(pages)("every link of %s leads somewhere", (page) => {
  const links = readFileSync(join(project, page), "utf8").matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g);
  const dead = Array.from(links).filter(([, path = "", heading]) => {
    const target = path === "" ? page : join(dirname(page), path);
    return !existsSync(join(project, target)) || (heading !== undefined && !headingsOf(target).includes(heading));
  });
  expect(dead.map(([link]) => link)).toEqual([]);
});

/** The headings of a page as GitHub names them in links. */
function headingsOf(page: string): string[] {
  const headings = readFileSync(join(project, page), "utf8").matchAll(/^#+ (.+)$/gm);
  return Array.from(headings, ([, text = ""]) =>
    text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
