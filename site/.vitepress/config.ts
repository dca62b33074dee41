import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type DefaultTheme } from "vitepress";
import { barChart } from "./chart.ts";

// Every address of the project stands in package.json, once.
const manifest: { description: string; homepage: string; repository: { url: string } } = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
);
const repository = manifest.repository.url.replace(/^git\+/, "").replace(/\.git$/, "");
const manifestPath = fileURLToPath(new URL("../package.json", import.meta.url));
const source = fileURLToPath(new URL("../../docs", import.meta.url));

interface Group {
  readonly text: string;
  readonly items: readonly { readonly text: string; readonly link: string }[];
}

/** The groups of the sidebar by the folder whose pages have it. */
const navigation: Readonly<Record<string, readonly Group[]>> = JSON.parse(
  readFileSync(new URL("../navigation.json", import.meta.url), "utf8"),
);
const sidebar = withUnlisted(Object.values(navigation).flat());
const home: Group = {
  text: "All pages",
  items: [
    { text: "Getting started", link: "/getting-started/" },
    { text: "Guides", link: "/guides/" },
    { text: "Overview", link: "/overview" },
  ],
};

/** Adds the pages that the navigation does not list, under their titles, so that a new page is found before it has its place. */
function withUnlisted(groups: readonly Group[]): Group[] {
  const listed = new Set(groups.flatMap(({ items }) => items.map(({ link }) => pageAt(link))));
  const unlisted = readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter(
      (page) => page.endsWith(".md") && page !== "index.md" && !listed.has(page) && !page.startsWith("reference/api/"),
    )
    .map((page) => ({
      text: /^# (.+)$/m.exec(readFileSync(join(source, page), "utf8"))?.[1] ?? page,
      link: `/${page.replace(/(?:index)?\.md$/, "")}`,
    }));
  return unlisted.length === 0 ? [...groups] : [...groups, { text: "More", items: unlisted }];
}

/** The pages of the reference, which are made of the declarations. */
function subpaths(): DefaultTheme.SidebarItem[] {
  return readdirSync(join(source, "reference/api"))
    .filter((page) => page !== "index.md" && page !== "command-line.md")
    .map((page) => page.replace(/\.md$/, ""))
    .map((slug) => ({
      text: slug === "downloadview" ? slug : `downloadview/${slug}`,
      link: `/reference/api/${slug}`,
    }));
}

function results(): string {
  return readFileSync(new URL("../../bench/RESULTS.md", import.meta.url), "utf8");
}

/** The source of the page at a link of the navigation. */
function pageAt(link: string): string {
  return link.endsWith("/") ? `${link.slice(1)}index.md` : `${link.slice(1)}.md`;
}

export default defineConfig({
  title: "downloadview",
  description: manifest.description,
  srcDir: "../docs",
  outDir: "./dist",
  cleanUrls: true,
  lastUpdated: false,
  head: [
    ["link", { rel: "icon", href: "/icon.svg", type: "image/svg+xml" }],
    // The theme's own color of a language's name has too little contrast (WCAG 2.2, 1.4.3).
    [
      "style",
      {},
      "html:root { --vp-code-lang-color: #57575f } html.dark { --vp-code-lang-color: #a8a8b0 } .picture { display: block; overflow-x: auto } .picture svg { min-width: 560px; max-width: 100% }",
    ],
  ],
  // A page under GitHub Pages lives in a folder; everywhere else in the root.
  base: process.env["SITE_BASE"] ?? "/",
  vite: {
    plugins: [
      {
        // The pages lie outside of this project, and Vite looks for Vue from where they lie. On the server Node finds it, as
        // the bundle that imports it is written into this project.
        name: "vue-of-the-site",
        enforce: "pre",
        resolveId(id, importer, { ssr }) {
          if (id !== "vue" && id !== "vue/server-renderer") return null;
          if (ssr) return { id, external: true };
          return importer?.startsWith(`${source}/`) ? this.resolve(id, manifestPath, { skipSelf: true }) : null;
        },
      },
    ],
  },
  markdown: {
    // The default themes have too little contrast on the background of a block (WCAG 1.4.3).
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
    // The names that GitHub gives headings, so that a link works in both places.
    anchor: {
      slugify: (heading) =>
        heading
          .toLowerCase()
          .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
          .replaceAll(" ", "-"),
    },
    config(markdown) {
      // A picture becomes a part of the page, and so takes the color of its text in the light and in the dark.
      markdown.core.ruler.push("pictures", ({ tokens, env }) => {
        for (const token of tokens.flatMap(({ children }) => children ?? [])) {
          const target = token.type === "image" ? token.attrGet("src") : null;
          if (!target?.endsWith(".svg")) continue;
          const svg = readFileSync(join(source, posix.dirname(env.relativePath), target), "utf8");
          token.type = "html_inline";
          token.content = `<span class="picture" tabindex="0">${svg.replace(/\s*<style>.*<\/style>/, "")}</span>`;
        }
      });
      // `<!-- bench: TABLE -->` stands for the chart of a table of bench/RESULTS.md.
      markdown.core.ruler.push("charts", ({ tokens }) => {
        for (const token of tokens) {
          const [, table] = /^<!-- bench: (.*) -->\n?$/.exec(token.content) ?? [];
          if (token.type === "html_block" && table !== undefined) token.content = barChart(results(), table);
        }
      });
      // An empty corner of a table is no header: a screen reader would announce one without a name.
      markdown.core.ruler.push("empty-headers", ({ tokens }) => {
        tokens.forEach((token, at) => {
          if (token.type !== "th_open" || tokens[at + 1]?.content !== "") return;
          for (const end of [token, tokens[at + 2]]) if (end) end.tag = "td";
        });
      });
      // Pages link to files of the repository, as GitHub shows them. On the site these are not there.
      markdown.core.ruler.push("repository-links", ({ tokens, env }) => {
        for (const token of tokens.flatMap(({ children }) => children ?? [])) {
          const target = token.attrGet("href");
          if (!target?.startsWith("../")) continue;
          const path = posix.join("docs", posix.dirname(env.relativePath), target);
          if (!path.startsWith("docs/")) token.attrSet("href", `${repository}/blob/main/${path}`);
        }
      });
    },
  },
  themeConfig: {
    nav: [
      { text: "Get started", link: "/getting-started/" },
      { text: "Guides", link: "/guides/" },
      { text: "Views", link: "/views/" },
      { text: "Reference", link: "/reference/api/" },
      { text: "Troubleshooting", link: "/troubleshooting" },
    ],
    sidebar: {
      "/reference/api/": [{ text: "API", link: "/reference/api/", items: subpaths() }],
      "/getting-started/": [...(navigation["/getting-started/"] ?? []), home] as DefaultTheme.SidebarItem[],
      "/guides/": [...(navigation["/guides/"] ?? []), home] as DefaultTheme.SidebarItem[],
      "/": [...(navigation["/"] ?? []), ...sidebar.filter(({ text }) => text === "More")] as DefaultTheme.SidebarItem[],
    },
    outline: [2, 3],
    search: {
      provider: "local",
      options: {
        // Code is left out: to color it a second time for the index takes half of the build.
        _render: (page, env, markdown) => markdown.render(page.replaceAll(/^```[^]*?^```$/gm, ""), env),
      },
    },
    socialLinks: [{ icon: "github", link: repository }],
    editLink: { pattern: `${repository}/edit/main/docs/:path`, text: "Edit this page" },
  } satisfies DefaultTheme.Config,
  buildEnd({ outDir }) {
    writeFileSync(join(outDir, "llms.txt"), llms());
  },
});

/** The map of the site for language models (llmstxt.org): each page with the first sentence that it says. */
function llms(): string {
  const groups = sidebar.map(({ text, items }) => {
    const lines = items.map(
      ({ text, link }) => `- [${text}](${manifest.homepage}${link}): ${firstSentence(pageAt(link))}`,
    );
    return `## ${text}\n\n${lines.join("\n")}\n`;
  });
  return [`# downloadview\n\n> ${manifest.description}\n`, ...groups].join("\n");
}

function firstSentence(page: string): string {
  const paragraphs = readFileSync(join(source, page), "utf8").split(/\n{2,}/);
  const prose = paragraphs.find((text) => /^[\p{L}`*[]/u.test(text)) ?? "";
  const plain = prose.replaceAll("\n", " ").replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1");
  return /^.*?\.(?=\s|$)/.exec(plain)?.[0] ?? plain;
}
