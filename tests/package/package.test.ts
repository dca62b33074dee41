import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { publint } from "publint";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { filesBelow, installPackage, run, type InstalledPackage } from "./installed-package.ts";
import { externalImports, importsOf } from "./module-graph.ts";

const project = fileURLToPath(new URL("../../", import.meta.url));

/** Each subpath that holds code, with the file that Node loads for it. */
const entries = Object.entries(manifest.exports)
  .map(([subpath, target]) => [subpath, typeof target === "string" ? target : target.default] as const)
  .filter(([, target]) => target.endsWith(".js"));

let installed: InstalledPackage;
beforeAll(async () => {
  installed = await installPackage();
});
afterAll(() => installed?.[Symbol.asyncDispose]());

describe("the packed package", () => {
  it("satisfies publint", async () => {
    const { messages } = await publint({ pkgDir: installed.folder, pack: false, strict: true });
    expect(messages).toEqual([]);
  });

  it("has types that every ESM resolution finds", async () => {
    const attw = run("npx", ["attw", "--profile", "esm-only", "--format", "ascii", installed.tarball], project);
    expect(await attw.then(() => "no problems", problemsOf)).toBe("no problems");
  });

  it.each(entries)("loads %s in an empty project", async (subpath) => {
    const specifier = manifest.name + subpath.slice(1);
    const script = `console.log(Object.keys(await import("${specifier}")).length > 0)`;
    const { stdout, stderr } = await run("node", ["--input-type=module", "--eval", script], installed.consumer);
    expect({ stdout, stderr }).toEqual({ stdout: "true\n", stderr: "" });
  });

  it("carries the sources that its maps name", async () => {
    const maps = (await filesBelow(installed.folder)).filter((file) => file.endsWith(".map"));
    const missing = await Promise.all(
      maps.map(async (map) => {
        const { sources }: { sources: string[] } = JSON.parse(await readFile(join(installed.folder, map), "utf8"));
        return sources.filter((source) => !existsSync(join(installed.folder, dirname(map), source)));
      }),
    );
    expect(maps).not.toHaveLength(0);
    expect(missing.flat()).toEqual([]);
  });

  it("holds nothing of the machine that built it, and no tests", async () => {
    const files = await filesBelow(installed.folder);
    const places = [project, homedir(), join(tmpdir(), "downloadview-package-")];
    const telling = await Promise.all(
      files.map(async (file) => {
        const text = await readFile(join(installed.folder, file), "utf8");
        return places.some((place) => text.includes(place));
      }),
    );
    expect(files.filter((_, at) => telling[at])).toEqual([]);
    expect(files.filter((file) => file.includes(".test."))).toEqual([]);
  });
});

describe("exports", () => {
  it.each(entries)("%s is a file at the top of src, or a folder's index", (subpath, target) => {
    const name = subpath === "." ? "index" : subpath.slice(2);
    expect([`./dist/${name}.js`, `./dist/${name}/index.js`]).toContain(target);
  });

  it("are the only modules that re-export", async () => {
    const sources = (await filesBelow(join(project, "src"))).filter((file) => !file.endsWith(".test.ts"));
    const targets = Object.values(manifest.exports).flatMap((target) =>
      typeof target === "string" ? [target] : Object.values(target),
    );
    const entrySources = new Set(targets.map(sourceOf));
    const reExporting = await Promise.all(
      sources.map(async (file) => /^export\b[^;"]*\bfrom "/m.test(await readFile(join(project, "src", file), "utf8"))),
    );
    expect(sources.filter((file, at) => reExporting[at] && !entrySources.has(file))).toEqual([]);
  });
});

describe("what runs wherever fetch runs", () => {
  /** Entries for workers and browsers, with the peers that they may import. */
  const portable: readonly (readonly [entry: string, ...peers: string[]])[] = [
    ["workerd.js"],
    ["http/index.js"],
    ["fetch.js"],
    ["hono.js", "hono"],
    ["signing/index.js"],
    ["redis.js"],
    ["testing/workerd.js"],
  ];

  it.each(portable)("%s loads no module of Node and no undeclared package", async (entry, ...peers) => {
    const allowed = [...Object.keys(manifest.dependencies), ...peers];
    const external = await externalImports(join(installed.folder, "dist", entry));
    expect([...external].filter((specifier) => !allowed.some((name) => isOf(name, specifier)))).toEqual([]);
  });

  it("is what the workerd condition selects", async () => {
    const script = `const names = Object.keys(await import("${manifest.name}")); console.log(names.includes("VirtualFile"), names.includes("LocalFile"))`;
    const args = ["--conditions=workerd", "--input-type=module", "--eval", script];
    expect((await run("node", args, installed.consumer)).stdout).toBe("true false\n");
  });

  it("is told apart by its imports, wherever they stand in a module", () => {
    const code = [
      'import { a, b } from "one";',
      'import "two";',
      'export * from "three";',
      'export {\n  c,\n} from "four";',
      ' * import { d } from "a comment";',
      '  const e = await import("five");',
      'const text = "import x from y";',
    ].join("\n");
    expect(importsOf(code)).toEqual(["one", "two", "three", "four", "five"]);
  });
});

function sourceOf(target: string): string {
  return target.replace("./dist/", "").replace(/\.js$/, ".ts");
}

function isOf(name: string, specifier: string): boolean {
  return specifier === name || specifier.startsWith(`${name}/`);
}

function problemsOf({ stdout }: { stdout: string }): string {
  return stdout;
}
