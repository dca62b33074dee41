/**
 * Removes from dist/ the declarations that no public type refers to, and nothing else: the code is bundled. Every file takes a block
 * on the disks of all users.
 */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import manifest from "../package.json" with { type: "json" };

const root = fileURLToPath(new URL("../", import.meta.url));
const entries = [
  ...Object.values(manifest.bin),
  ...Object.values(manifest.exports).flatMap((target) =>
    typeof target === "string" ? [target] : Object.values(target),
  ),
].filter((target) => target.endsWith(".js"));

const reached = new Set(entries.map((entry) => declarationOf(join(root, entry))));
// A set that grows while it is walked is walked to its end.
for (const file of reached) {
  for (const [, specifier = ""] of readFileSync(file, "utf8").matchAll(/(?:\bfrom|\bimport)[ (]*"(\.[^"]+)"/g)) {
    reached.add(declarationOf(join(dirname(file), specifier)));
  }
}

const files = readdirSync(join(root, "dist"), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".d.ts"))
  .map((entry) => join(entry.parentPath, entry.name));
const unreached = files.filter((file) => !reached.has(file));
for (const file of unreached) rmSync(file);

function declarationOf(file: string): string {
  return file.replace(/(?:\.d)?\.[jt]s$/, ".d.ts");
}
