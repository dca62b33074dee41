import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** What the modules that `entry` loads, directly or not, import from outside of the package. */
export async function externalImports(entry: string): Promise<Set<string>> {
  const external = new Set<string>();
  const modules = new Set([entry]);
  // A set that grows while it is walked is walked to its end.
  for (const module of modules) {
    for (const specifier of importsOf(await readFile(module, "utf8"))) {
      if (specifier.startsWith(".")) modules.add(join(dirname(module), specifier));
      else external.add(specifier);
    }
  }
  return external;
}

// The compiler writes each statement at the start of a line, where no line of a doc comment begins.
const staticImport = /^(?:import|export)\b(?:[^;"]*?\bfrom)?\s*"([^"]+)"/gm;
const dynamicImport = /^(?!\s*(?:\*|\/\/)).*?\bimport\("([^"]+)"\)/gm;

export function importsOf(code: string): string[] {
  return [...code.matchAll(staticImport), ...code.matchAll(dynamicImport)].map(([, specifier = ""]) => specifier);
}
