import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { project } from "./extract.ts";

const pages = [
  ...readdirSync(project).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(project, "docs"), { recursive: true, encoding: "utf8" })
    // Those of the API are made with the site, and may be of another commit here.
    .filter((name) => name.endsWith(".md") && !name.startsWith("reference/api/"))
    .map((name) => join("docs", name)),
];

// A link to a file of the repository, as the package page shows it: relative links lead nowhere there.
const manifest: { repository: { url: string } } = JSON.parse(readFileSync(join(project, "package.json"), "utf8"));
const repository = `${manifest.repository.url.replace(/^git\+|\.git$/g, "")}/blob/main/`;

it.each(pages)("every link of %s leads somewhere", (page) => {
  const text = readFileSync(join(project, page), "utf8");
  // The repository's own addresses are checked as the files that they lead to.
  const local = page === "README.md" ? text.replaceAll(`](${repository}`, "](") : text;
  const links = local.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g);
  const dead = Array.from(links).filter(([, path = "", heading]) => {
    const target = path === "" ? page : join(dirname(page), path);
    if (target.startsWith("docs/reference/api/")) return false;
    return !existsSync(join(project, target)) || (heading !== undefined && !headingsOf(target).includes(heading));
  });
  expect(dead.map(([link]) => link)).toEqual([]);
});

it("the README has absolute links only, as npm's page has no other files", () => {
  const links = readFileSync(join(project, "README.md"), "utf8").matchAll(/\]\(([^)]*)\)/g);
  expect(Array.from(links, ([, link = ""]) => link).filter((link) => !/^(?:https:|#)/.test(link))).toEqual([]);
});

it.each(pages)("%s knows no other address of the repository than package.json's", (page) => {
  const links = readFileSync(join(project, page), "utf8").match(
    /https:\/\/github\.com\/[^/\s]+\/downloadview\b[^)\s]*/g,
  );
  expect((links ?? []).filter((link) => !link.startsWith(repository))).toEqual([]);
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
