/** Finds the examples of the sources (in their TSDoc) and of the pages, and writes each to a module of its own. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Code in a ```ts fence. It is type-checked, and run unless the fence says ```ts no-run. */
export interface Example {
  /** The symbol that is documented, or the heading that the example stands under. */
  readonly subject: string;
  readonly runs: boolean;
  readonly code: string;
}

export interface ExampleModule extends Example {
  /** The source or page that the example comes from. */
  readonly origin: string;
  /** Its own module. */
  readonly module: string;
}

/** The project's own folder; every path here is relative to it. */
export const project = fileURLToPath(new URL("../../", import.meta.url));
const generated = "tests/examples/generated";

/** Brings the modules up to date. Those that are unchanged stay untouched, so that several runs don't disturb each other. */
export function extractExamples(): ExampleModule[] {
  mkdirSync(join(project, generated), { recursive: true });
  const modules = origins().flatMap((origin) => {
    const examples = examplesOf(origin, readFileSync(join(project, origin), "utf8"));
    return examples.map((example, at) => ({ ...example, origin, module: modulePath(origin, example, at) }));
  });
  for (const { module, origin, code } of modules) writeIfChanged(module, `// From ${origin}\n${code}`);
  const current = new Set(modules.map(({ module }) => module));
  for (const module of filesBelow(generated, ".ts")) if (!current.has(module)) rmSync(join(project, module));
  return modules;
}

function origins(): string[] {
  const sources = filesBelow("src", ".ts").filter((path) => !path.endsWith(".test.ts"));
  return [...sources, "README.md", ...filesBelow("docs", ".md")];
}

function filesBelow(folder: string, extension: string): string[] {
  const names = readdirSync(join(project, folder), { recursive: true, encoding: "utf8" });
  return names.filter((name) => name.endsWith(extension)).map((name) => join(folder, name));
}

function modulePath(origin: string, { subject }: Example, at: number): string {
  const slug = subject.replaceAll(/[^\p{L}\p{N}]+/gu, "-");
  return join(generated, origin.replace(/\.\w+$/, ""), `${at + 1}-${slug}.ts`);
}

function writeIfChanged(module: string, content: string): void {
  const path = join(project, module);
  if (existsSync(path) && readFileSync(path, "utf8") === content) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** The examples in the text of `origin`, a Markdown page or a TypeScript source. */
export function examplesOf(origin: string, text: string): Example[] {
  return origin.endsWith(".md") ? examplesOfPage(text) : examplesOfSource(text);
}

function examplesOfPage(page: string): Example[] {
  return fences(page).map(({ index, ...fence }) => {
    const headings = page.slice(0, index).match(/^#+ .+$/gm);
    return { ...fence, subject: headings?.at(-1)?.replace(/^#+ /, "") ?? "" };
  });
}

const docComments = /^[ \t]*\/\*\*.*?\*\/\n/gms;
const declaredName =
  /^\s*(?:(?:export|declare|abstract|async|static|override|readonly|get|function|class|interface|const|type)\b\s*|\*\s*)*([\w$#]+)/;

function examplesOfSource(source: string): Example[] {
  return Array.from(source.matchAll(docComments)).flatMap(({ index, 0: comment }) => {
    const subject = declaredName.exec(source.slice(index + comment.length))?.[1] ?? "";
    const text = comment.replaceAll(/^[ \t]*\* ?/gm, "");
    return fences(text).map(({ runs, code }) => ({ subject, runs, code }));
  });
}

function fences(text: string): { index: number; runs: boolean; code: string }[] {
  return Array.from(text.matchAll(/^```ts\b(.*)\n([^]*?)^```$/gm), ({ index, 1: info = "", 2: code = "" }) => ({
    index,
    runs: !info.includes("no-run"),
    code,
  }));
}
