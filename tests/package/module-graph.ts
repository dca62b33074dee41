import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import manifest from "../../package.json" with { type: "json" };

type Condition = "default" | "workerd";

const privateImports: Readonly<Record<string, Readonly<Record<Condition, string>>>> = manifest.imports;

/** What the modules that `entry` loads, directly or not, import from outside of the package in `folder`. */
export async function externalImports(folder: string, entry: string, condition: Condition): Promise<Set<string>> {
  const external = new Set<string>();
  await walk(folder, entry, condition, [staticImport, dynamicImport], external);
  return external;
}

/** The modules of the package that Node loads before the code of `entry` runs. */
export function loadedModules(folder: string, entry: string): Promise<Set<string>> {
  return walk(folder, entry, "default", [staticImport], new Set());
}

async function walk(
  folder: string,
  entry: string,
  condition: Condition,
  kinds: readonly RegExp[],
  external: Set<string>,
): Promise<Set<string>> {
  const modules = new Set([join(folder, entry)]);
  // A set that grows while it is walked is walked to its end.
  for (const module of modules) {
    for (const specifier of importsOf(await readFile(module, "utf8"), kinds)) {
      const own = privateImports[specifier]?.[condition];
      if (own !== undefined) modules.add(join(folder, own));
      else if (specifier.startsWith(".")) modules.add(join(dirname(module), specifier));
      else external.add(specifier);
    }
  }
  return modules;
}

// The compiler writes each statement at the start of a line, where no line of a doc comment begins.
const staticImport = /^(?:import|export)\b(?:[^;"]*?\bfrom)?\s*"([^"]+)"/gm;
const dynamicImport = /^(?!\s*(?:\*|\/\/)).*?\bimport\("([^"]+)"\)/gm;

export function importsOf(code: string, kinds: readonly RegExp[] = [staticImport, dynamicImport]): string[] {
  return kinds.flatMap((kind) => Array.from(code.matchAll(kind), ([, specifier = ""]) => specifier));
}
