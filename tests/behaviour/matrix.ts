/** Writes into the documentation what the suite holds each server to: `npm run matrix`. */
import { readFileSync, writeFileSync } from "node:fs";
import { cases, compressionCases, diskCases, features, middlewareCases, type Feature } from "./cases.ts";
import { servers, type Deviation, type ServerUnderTest } from "./servers.ts";

/** The servers that a page shows, and what it calls them. */
interface View {
  shows(server: ServerUnderTest): boolean;
  label(server: ServerUnderTest): string;
}

const pages = {
  "frameworks.md": { shows: isByFramework, label: ({ framework }) => framework },
  "runtimes.md": {
    shows: (server) => !isByFramework(server),
    label: ({ framework, runtime }) => `${runtime}: ${framework}`,
  },
} satisfies Record<string, View>;
type Page = keyof typeof pages;

export const pageNames: readonly Page[] = ["frameworks.md", "runtimes.md"];

/** A page as it is, and as it should be. */
export function pageWithMatrix(page: Page): { readonly now: string; readonly wanted: string } {
  const now = readFileSync(pathOf(page), "utf8");
  const place = /(?<=<!-- matrix -->\n)[^]*(?=<!-- \/matrix -->)/;
  return { now, wanted: now.replace(place, `\n${matrix(pages[page])}\n\n`) };
}

function isByFramework({ runtime, built }: ServerUnderTest): boolean {
  return runtime === "Node 20" || built === true;
}

function pathOf(page: Page): URL {
  return new URL(`../../docs/${page}`, import.meta.url);
}

function matrix({ shows, label }: View): string {
  const shown = servers.filter(shows);
  const notes = [...new Set(shown.flatMap(({ deviations = [] }) => deviations.map(({ note }) => note)))];
  const rows = shown.map((server) => [label(server), ...features.map((feature) => cell(server, feature, notes))]);
  return [...aligned([["", ...features], ...rows]), "", ...notes.map((note, at) => `${at + 1}. ${note}.`)].join("\n");
}

/** The lines of a table, in the form that the formatter leaves as it is. */
function aligned([head = [], ...rows]: readonly (readonly string[])[]): string[] {
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)];
}

function cell(server: ServerUnderTest, feature: Feature, notes: readonly string[]): string {
  if (!isTested(server, feature)) return "";
  const found = (server.deviations ?? []).filter((deviation) => concerns(deviation, feature));
  const numbers = [...new Set(found.map(({ note }) => notes.indexOf(note) + 1))];
  return numbers.length === 0 ? "✓" : numbers.map((number) => `(${number})`).join(" ");
}

function isTested({ has }: ServerUnderTest, feature: Feature): boolean {
  if (feature === "Middleware") return has.includes("middleware");
  if (feature === "Compression") return has.includes("compression");
  return true;
}

const all = [...cases, ...diskCases, ...middlewareCases, ...compressionCases];

function concerns(deviation: Deviation, feature: Feature): boolean {
  if (deviation.cases.includes(feature)) return true;
  return all.some((one) => one.feature === feature && deviation.cases.includes(one.name));
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  for (const page of pageNames) writeFileSync(pathOf(page), pageWithMatrix(page).wanted);
}
