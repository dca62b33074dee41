import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeReference } from "../../scripts/reference.ts";
import { project } from "../examples/extract.ts";
import { requires } from "../support/requires.ts";
import { serveSite, type ServedSite } from "./served-site.ts";

const site = join(project, "site");
const executablePath = "/usr/bin/chromium";
const hasChromium = requires(() => existsSync(executablePath), "apt-get install chromium");
const isInstalled = requires(() => existsSync(join(site, "node_modules/vitepress")), "npm ci --prefix site");

describe.skipIf(!isInstalled)("the site", () => {
  let built: string;
  beforeAll(async () => {
    built = await mkdtemp(join(tmpdir(), "downloadview-site-"));
    writeReference();
    // A dead link between pages fails the build.
    execFileSync("node", ["node_modules/vitepress/bin/vitepress.js", "build", ".", "--outDir", built], {
      cwd: site,
      stdio: "pipe",
    });
  }, 300_000);
  afterAll(() => rm(built, { recursive: true, force: true }));

  const files = (): string[] => readdirSync(built, { recursive: true, encoding: "utf8" });
  const pages = (): string[] => files().filter((name) => name.endsWith(".html") && name !== "404.html");

  it("has a page for each page of the documentation", () => {
    const sources = readdirSync(join(project, "docs"), { recursive: true, encoding: "utf8" });
    const expected = sources.filter((name) => name.endsWith(".md")).map((name) => name.replace(/\.md$/, ".html"));
    expect(pages().sort()).toEqual(expected.sort());
  });

  it("has no link to a page, a heading or a file that is not there", () => {
    const names = new Set(files());
    const html = new Map(pages().map((page) => [page, readFileSync(join(built, page), "utf8")]));
    const dead = [...html].flatMap(([page, text]) =>
      Array.from(text.matchAll(/<a [^>]*href="([^"]*)"/g), ([, href = ""]) => href)
        .filter((href) => !/^\w+:/.test(href))
        .filter((href) => {
          const { pathname, hash } = new URL(href, new URL(page, "https://site.test/"));
          const path = posix.join(decodeURI(pathname).slice(1), pathname.endsWith("/") ? "index" : "");
          const target = names.has(path) ? path : `${path}.html`;
          if (!names.has(target)) return true;
          return hash !== "" && !html.get(target)?.includes(`id="${decodeURIComponent(hash.slice(1))}"`);
        })
        .map((href) => `${page}: ${href}`),
    );
    expect(dead).toEqual([]);
  });

  it("has links into the repository only to files that are there, at its address in package.json", () => {
    const manifest = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as { repository: { url: string } };
    const repository = manifest.repository.url.replace(/^git\+/, "").replace(/\.git$/, "");
    const links = pages().flatMap((page) =>
      Array.from(readFileSync(join(built, page), "utf8").matchAll(/href="([^"]*\/(?:blob|edit)\/main\/[^"]*)"/g)),
    );
    expect(links.length).toBeGreaterThan(20);
    const wrong = links.filter(([, link = ""]) => {
      const path = link.replace(/^.*?\/(?:blob|edit)\/main\//, "");
      return !link.startsWith(`${repository}/`) || !existsSync(join(project, path));
    });
    expect(wrong.map(([link]) => link)).toEqual([]);
  });

  it("lists every page in llms.txt, with what it is about", () => {
    const lines = readFileSync(join(built, "llms.txt"), "utf8").match(/^- \[.*\]\(https:.*\): \S.*$/gm);
    // Of the API the index alone: it lists the others.
    const listed = pages().filter((page) => !/^reference\/api\/(?!index|command-line)/.test(page));
    expect(lines).toHaveLength(listed.length - 1);
  });

  describe.runIf(hasChromium)("in Chromium", { timeout: 300_000 }, () => {
    let served: ServedSite;
    let browser: Browser;
    let page: Page;
    beforeAll(async () => {
      served = await serveSite(built);
      browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
      page = await browser.newPage({ reducedMotion: "reduce" });
    });
    afterAll(async () => {
      await browser?.close();
      await served?.[Symbol.asyncDispose]();
    });

    const open = (name: string): Promise<unknown> =>
      page.goto(`${served.origin}/${name.replace(/(index)?\.html$/, "")}`, { waitUntil: "load" });

    it("has pages that fit a phone, and that report no error", async () => {
      const complaints: string[] = [];
      page.on("console", (message) => {
        if (message.type() === "error") complaints.push(`${page.url()}: ${message.text()}`);
      });
      page.on("pageerror", ({ message }) => complaints.push(`${page.url()}: ${message}`));
      await page.setViewportSize({ width: 390, height: 844 });
      // Of the API two: all its pages are made in one way.
      const looked = pages().filter((name) => !/^reference\/api\/(?!index|fetch)/.test(name));
      for (const name of looked) {
        await open(name);
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        if (width > 390) complaints.push(`${name}: ${width} px wide`);
      }
      expect(complaints).toEqual([]);
    });

    // A page of each kind: axe takes seconds for one, mostly for the contrast of code.
    const kinds = ["index", "getting-started/express", "compared", "guides/uploads", "reference/api/koa"];
    it.each(kinds)("axe finds nothing on %s, light and dark", async (name) => {
      await page.setViewportSize({ width: 1280, height: 800 });
      await open(`${name}.html`);
      await page.addScriptTag({ path: join(site, "node_modules/axe-core/axe.min.js") });
      for (const theme of ["light", "dark"]) {
        await page.evaluate((dark) => document.documentElement.classList.toggle("dark", dark), theme === "dark");
        // All pages color their code in one way.
        const exclude = name === "index" ? [] : [["pre code"]];
        const violations = await page.evaluate(async (excluded): Promise<string[]> => {
          const { axe } = globalThis as unknown as { axe: Axe };
          const found = await axe.run({ exclude: excluded }, { resultTypes: ["violations"] });
          return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
        }, exclude);
        expect(violations, theme).toEqual([]);
      }
    });
  });
});

/** What is used of axe-core. */
interface Axe {
  run(
    context: { exclude: string[][] },
    options: { resultTypes: string[] },
  ): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }>;
}
