/**
 * Writes the code of dist/: an entry for each public subpath, and the chunks that they share. Node opens, reads and links each
 * module file by itself, so the hundred modules behind `downloadview` and one adapter load several times faster from a few files.
 * Every module is in one chunk only: no class exists twice.
 *
 * A module with a sibling `*.worker.ts` is imported as `#folder/name`. The `imports` of package.json choose one of the two when
 * an application is loaded or bundled: a Worker gets no code that needs Node.
 */
import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown, type Plugin } from "rolldown";
import manifest from "../package.json" with { type: "json" };

const root = fileURLToPath(new URL("../", import.meta.url));
const sources = join(root, "src");

/** The chunks that most applications load whole, and the modules that each begins with. What the first has, no other has. */
const chunks: readonly (readonly [name: string, modules: readonly string[]])[] = [
  // Pure functions, which an application may bundle alone.
  ["http", ["http/index.ts"]],
  // Runs wherever `fetch` runs.
  ["core", ["workerd.ts", "adapters/fetch.ts", "adapters/fields.ts", "signing/signed-storage.ts"]],
  // Writes to Node's responses, but imports no module of Node's.
  ["server", ["adapters/node/index.ts"]],
  // Needs a disk.
  ["disk", ["index.ts"]],
];

const targets = [manifest.bin, manifest.exports, manifest.imports].flatMap((map) =>
  Object.values(map).flatMap((target) => (typeof target === "string" ? [target] : Object.values(target))),
);
const names = targets
  .filter((target) => target.endsWith(".js"))
  .map((target) => /^\.\/dist\/(.+)\.js$/.exec(target)![1]!);

const bundle = await rolldown({
  input: Object.fromEntries(names.map((name) => [name, join(sources, `${name}.ts`)])),
  external: (id) => !/^(?:[./#]|[a-z]:\\|@oxc-project\/runtime)/i.test(id),
  platform: "neutral",
  transform: { target: "es2022" },
  preserveEntrySignatures: "strict",
  plugins: [chosenByCondition()],
  onLog(level, log) {
    throw new Error(`${level}: ${log.message}`);
  },
});
await bundle.write({
  dir: join(root, "dist"),
  format: "esm",
  entryFileNames: "[name].js",
  chunkFileNames: "chunks/[name].js",
  comments: { legal: true, annotation: true, jsdoc: false },
  codeSplitting: {
    groups: chunks.map(([name, modules], at) => ({ name, test: isOneOf(modules), priority: chunks.length - at })),
  },
});
await bundle.close();

function isOneOf(modules: readonly string[]): (id: string) => boolean {
  return (id) => modules.includes(relative(sources, id).replaceAll("\\", "/"));
}

/** Leaves the import of a module that Workers have otherwise to the `imports` of package.json. */
function chosenByCondition(): Plugin {
  return {
    name: "chosen-by-condition",
    resolveId(source, importer) {
      if (!importer || !source.startsWith(".")) return undefined;
      const path = resolve(dirname(importer), source);
      if (!existsSync(path.replace(/\.ts$/, ".worker.ts"))) return undefined;
      const id = `#${relative(sources, path).replaceAll("\\", "/").replace(/\.ts$/, "")}`;
      if (!(id in manifest.imports)) throw new Error(`package.json has no "${id}" in its imports`);
      return { id, external: true };
    },
  };
}
