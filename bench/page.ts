/** Writes docs/benchmarks.md and its plots from RESULTS.md: `npm --prefix bench run page`. `npm run bench` does so as well. */
import { readFile, writeFile } from "node:fs/promises";
import { pageOf, plotsOf } from "./harness/page.ts";

const docs = new URL("../docs/", import.meta.url);

export async function writePage(): Promise<void> {
  const results = await readFile(new URL("RESULTS.md", import.meta.url), "utf8");
  await writeFile(new URL("benchmarks.md", docs), pageOf(results));
  for (const { name, svg } of plotsOf(results)) await writeFile(new URL(`pictures/${name}.svg`, docs), svg);
}

if (import.meta.filename === process.argv[1]) await writePage();
