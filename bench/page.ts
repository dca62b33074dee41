/** Writes docs/benchmarks.md and its plots from the reports: `npm --prefix bench run page`. `npm run bench` does so as well. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { pageOf } from "./harness/page.ts";

const docs = new URL("../docs/", import.meta.url);
const pictures = new URL("pictures/", docs);
const formatter = new URL("../node_modules/.bin/oxfmt", import.meta.url);

export async function writePage(): Promise<void> {
  const [results, growth, leak] = await Promise.all(["RESULTS.md", "GROWTH.md", "LEAK.md"].map(reportOf));
  const { page, plots } = pageOf({ results: results!, growth: growth!, leak: leak! });
  await writeFile(new URL("benchmarks.md", docs), page);
  for (const name of await readdir(pictures)) if (name.startsWith("bench-")) await rm(new URL(name, pictures));
  for (const { name, svg } of plots) await writeFile(new URL(`${name}.svg`, pictures), svg);
  format([new URL("benchmarks.md", docs), ...["RESULTS.md", "GROWTH.md", "LEAK.md"].map(besideThis)]);
}

/** Empty if it was not made yet. */
function reportOf(name: string): Promise<string> {
  return readFile(besideThis(name), "utf8").catch(() => "");
}

function besideThis(name: string): URL {
  return new URL(name, import.meta.url);
}

/** As `npm run lint` wants it. The results do not depend on it. */
function format(files: readonly URL[]): void {
  const present = files.filter((file) => existsSync(file)).map((file) => fileURLToPath(file));
  if (existsSync(formatter)) spawnSync(fileURLToPath(formatter), present, { stdio: "inherit" });
}

if (import.meta.filename === process.argv[1]) await writePage();
