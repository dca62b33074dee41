import { readFileSync } from "node:fs";

export interface FrameworkExample {
  readonly framework: string;
  readonly code: string;
}

const page = readFileSync(new URL("../docs/frameworks.md", import.meta.url), "utf8");

const shown = [
  "Express",
  "Fastify",
  "Koa",
  "Nest",
  "Hono",
  "h3 and Nitro",
  "Next.js",
  "SvelteKit",
  "Node's own servers",
];

/** How a view is mounted, as the documentation has it, where each example is type-checked and run. */
export const frameworkExamples: readonly FrameworkExample[] = shown.map((framework) => {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${framework}\n`)) ?? "";
  const [, code] = /```ts\n([\s\S]+?)\n```/.exec(section) ?? [];
  if (code === undefined) throw new Error(`docs/frameworks.md has no example for ${framework}`);
  return { framework, code };
});
