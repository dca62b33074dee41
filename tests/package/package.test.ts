import { existsSync } from "node:fs";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { publint } from "publint";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { requires } from "../support/requires.ts";
import { filesBelow, installPackage, run, type InstalledPackage } from "./installed-package.ts";
import { externalImports, importsOf, loadedModules } from "./module-graph.ts";

const project = fileURLToPath(new URL("../../", import.meta.url));

/** Each subpath that holds code, with the file that Node loads for it. */
const entries = Object.entries(manifest.exports)
  .map(([subpath, target]) => [subpath, typeof target === "string" ? target : target.default] as const)
  .filter(([, target]) => target.endsWith(".js"));

/** Those that have another file for workers, browsers and edge runtimes, with it. */
const workerEntries = Object.entries(manifest.exports).flatMap(([subpath, target]) =>
  typeof target === "string" ? [] : [[subpath, target.workerd] as const],
);

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
  }, 60_000);

  it.each(entries)("loads %s in an empty project", async (subpath) => {
    const specifier = manifest.name + subpath.slice(1);
    const script = `console.log(Object.keys(await import("${specifier}")).length > 0)`;
    const { stdout, stderr } = await run("node", ["--input-type=module", "--eval", script], installed.consumer);
    expect({ stdout, stderr }).toEqual({ stdout: "true\n", stderr: "" });
  });

  it("has a command that runs", async () => {
    const { stdout } = await run("node_modules/.bin/downloadview", ["--help"], installed.consumer);
    expect(stdout).toContain("downloadview config");
  });

  it("takes less than 3 MB on a disk, with all that is installed beside it", async () => {
    const folder = join(installed.consumer, "node_modules");
    const files = (await filesBelow(folder)).filter((file) => !file.startsWith(".bin"));
    const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, file))).size));
    const blocks = sizes.map((size) => Math.ceil(size / 4096) * 4096);
    expect(blocks.reduce((sum, size) => sum + size)).toBeLessThan(3_000_000);
    expect(files.length).toBeLessThan(700);
  });

  it("has no second copy of its code: no sources, and no maps that would need them", async () => {
    const extensions = (await filesBelow(installed.folder)).map((file) => /(?:\.d)?\.\w+$/.exec(file)?.[0] ?? "none");
    expect(new Set(extensions)).toEqual(new Set([".d.ts", ".js", ".json", ".md", "none"]));
  });

  it("holds nothing of the machine that built it, and no tests", async () => {
    const files = await filesBelow(installed.folder);
    const places = [project, `${homedir()}/`, join(tmpdir(), "downloadview-package-")];
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

describe("a project that is no ES module", () => {
  /** Writes a module that uses the package, and the package.json of a CommonJS project beside it. */
  async function writeProject(folder: string, name: string, code: string): Promise<string> {
    const path = join(installed.consumer, folder);
    await mkdir(path, { recursive: true });
    await writeFile(join(path, "package.json"), JSON.stringify({ private: true, type: "commonjs" }));
    await writeFile(join(path, name), code);
    return path;
  }

  it("loads the package with require()", async () => {
    const code = `const { download } = require("downloadview"); const { toResponse } = require("downloadview/fetch");
      toResponse(download("Hello"), new Request("http://localhost/")).then((response) => response.text()).then(console.log);`;
    const folder = await writeProject("require", "main.js", code);
    expect(await run("node", ["main.js"], folder)).toEqual({ stdout: "Hello\n", stderr: "" });
  });

  /** The compiler options of `nest new` in Nest 11, without `baseUrl`, which TypeScript 6 refuses. */
  const nest11 =
    "--module nodenext --moduleResolution nodenext --resolvePackageJsonExports --esModuleInterop --isolatedModules " +
    "--emitDecoratorMetadata --experimentalDecorators --allowSyntheticDefaultImports --forceConsistentCasingInFileNames";
  const refused = /TS1479|TS2307/;
  it.each([
    { options: "--module nodenext", works: true },
    { options: nest11, works: true },
    { options: "--module node20", works: true },
    { options: "--module esnext --moduleResolution bundler", works: true },
    { options: "--module commonjs --moduleResolution bundler", works: true },
    { options: "--module node18", works: false },
    { options: "--module node16", works: false },
    { options: "--module commonjs --moduleResolution node10 --ignoreDeprecations 6.0", works: false },
  ])("is compiled by TypeScript with $options: $works", async ({ options, works }) => {
    const code = `import { download } from "downloadview";
      import { send } from "downloadview/fetch";
      export const report = (request: Request) => send(request, download("Hello"));`;
    const folder = await writeProject("typescript", "main.ts", code);
    const common = "--noEmit --strict --skipLibCheck --target es2022 --lib es2023,dom,dom.iterable --types node";
    const roots = ["--typeRoots", join(project, "node_modules/@types")];
    const args = [join(project, "node_modules/typescript-6/bin/tsc"), ...common.split(" "), ...roots];
    const compiled = run("node", [...args, ...options.split(" "), "main.ts"], folder);
    if (works) await expect(compiled).resolves.toEqual({ stdout: "", stderr: "" });
    else expect((await compiled.catch((error: { stdout: string }) => error)).stdout).toMatch(refused);
  });

  const jest = join(project, "tests/package/jest/node_modules/jest/bin/jest.js");
  const node24 = join(project, "tests/frameworks/node_modules/node-24/bin/node");
  const hasJest =
    requires(() => existsSync(jest), "npm ci --prefix tests/package/jest") &&
    requires(() => existsSync(node24), "npm ci --prefix tests/frameworks");
  const test = `test("downloads", async () => {
    const response = await toResponse(download("Hello"), new Request("http://localhost/"));
    expect(await response.text()).toBe("Hello");
  });`;
  const required = `const { download } = require("downloadview"); const { toResponse } = require("downloadview/fetch"); ${test}`;
  const imported = `import { download } from "downloadview"; import { toResponse } from "downloadview/fetch"; ${test}`;

  it.runIf(hasJest).each([
    { name: "a.test.js", code: required, flag: false, runtime: "Node 20", works: false },
    { name: "a.test.js", code: required, flag: true, runtime: "Node 20", works: false },
    { name: "a.test.js", code: required, flag: true, runtime: "Node 24", works: true },
    { name: "a.test.mjs", code: imported, flag: false, runtime: "Node 20", works: false },
    { name: "a.test.mjs", code: imported, flag: true, runtime: "Node 20", works: true },
    { name: "a.test.mjs", code: imported, flag: true, runtime: "Node 24", works: true },
  ])(
    "is tested by Jest in $name, with --experimental-vm-modules: $flag, on $runtime: $works",
    { timeout: 60_000 },
    async ({ name, code, flag, runtime, works }) => {
      const folder = await writeProject(join("jest", `${name}-${flag}-${runtime.slice(-2)}`), name, code);
      const args = [...(flag ? ["--experimental-vm-modules"] : []), jest, "--rootDir", ".", "--ci"];
      const ran = run(runtime === "Node 24" ? node24 : "node", [...args, "--testMatch", "**/a.test.*"], folder);
      const { stderr } = await ran.catch((error: { stderr: string }) => error);
      expect(stderr).toMatch(works ? /^Tests: +1 passed, 1 total$/m : /Must use import to load ES Module/);
    },
  );

  it.each([
    ["a browser", ["--platform=browser"]],
    ["an edge runtime", ["--platform=neutral", "--conditions=edge-light"]],
    ["a Worker", ["--platform=neutral", "--conditions=workerd"]],
    ["Node", ["--platform=node"]],
  ])("is bundled by esbuild for %s", async (_, options) => {
    const code = 'export * from "downloadview"; export * from "downloadview/fetch";';
    const folder = await writeProject("esbuild", "main.js", code);
    const args = ["main.js", "--bundle", "--format=esm", "--outfile=out.mjs", "--main-fields=module,main", ...options];
    await run(join(project, "node_modules/.bin/esbuild"), args, folder);
    const bundle = await readFile(join(folder, "out.mjs"), "utf8");
    expect(importsOf(bundle).some((name) => name.startsWith("node:"))).toBe(options.includes("--platform=node"));
  });
});

describe("a bundle for Workers", () => {
  it.each([
    {
      of: "download and toFetchHandler",
      code: `import { download } from "downloadview"; import { toFetchHandler } from "downloadview/fetch";
        export default { fetch: toFetchHandler(async () => download("Hello")) };`,
      limit: 28_500,
    },
    {
      of: "one function of downloadview/http",
      code: `import { contentDisposition } from "downloadview/http"; export default contentDisposition("inline", "a.pdf");`,
      limit: 2_000,
    },
  ])("of $of takes less than $limit bytes, compressed", async ({ code, limit }) => {
    const folder = join(installed.consumer, "worker");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "main.js"), code);
    const args = ["main.js", "--bundle", "--minify", "--format=esm", "--platform=neutral", "--conditions=workerd"];
    await run(join(project, "node_modules/.bin/esbuild"), [...args, "--outfile=out.mjs"], folder);
    expect(gzipSync(await readFile(join(folder, "out.mjs")), { level: 9 }).length).toBeLessThan(limit);
  });

  it("has a module in place of each that needs Node, with no other names", async () => {
    const sources = await filesBelow(join(project, "src"));
    const replacing = sources.filter((file) => file.endsWith(".worker.ts"));
    const conditions = (file: string): object => {
      const [worker, other] = [file, file.replace(".worker", "")].map((path) => `./dist/${path.replace(/ts$/, "js")}`);
      return { workerd: worker, "edge-light": worker, browser: worker, default: other };
    };
    const expected = replacing.map((file) => [`#${file.replace(".worker.ts", "")}`, conditions(file)]);
    expect(manifest.imports).toEqual(Object.fromEntries(expected));
    for (const { workerd, default: other } of Object.values(manifest.imports)) {
      const modules = [workerd, other].map((path) => import(join(installed.folder, path)) as Promise<object>);
      const [names, allowed] = (await Promise.all(modules)).map(Object.keys);
      expect(allowed).toEqual(expect.arrayContaining(names ?? []));
    }
  });
});

describe("a cold start", () => {
  it("of downloadview and an adapter opens few files", async () => {
    const entries = ["dist/index.js", "dist/adapters/express.js"];
    const modules = await Promise.all(entries.map((entry) => loadedModules(installed.folder, entry)));
    expect(new Set(modules.flatMap((found) => [...found])).size).toBeLessThanOrEqual(12);
  });
});

describe("exports", () => {
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

/**
 * What each subpath imports from outside of the package. One that is not named imports nothing: bundlers for runtimes
 * that have no modules of Node's take it as it is.
 */
const imports: Readonly<Record<string, readonly string[]>> = {
  ".": ["node"],
  "./fastify": ["node"],
  "./koa": ["node"],
  "./nest": ["@nestjs/common", "node", "rxjs"],
  "./h3": ["h3"],
  "./elysia": ["elysia"],
  "./s3": ["@aws-sdk/client-s3", "@aws-sdk/s3-request-presigner"],
  "./azure": ["@azure/storage-blob"],
  "./gcs": ["node"],
  "./cloudfront": ["node"],
  "./flydrive": ["node"],
  "./archive": ["node"],
  "./keep": ["node"],
  "./drizzle": ["drizzle-orm"],
  "./deliveries": ["node"],
  "./doctor": ["node"],
  "./testing": ["node"],
};

describe("imports", () => {
  it.each(entries)("of %s are those it says", async (subpath, target) => {
    expect(outside(await externalImports(installed.folder, target, "default"))).toEqual(imports[subpath] ?? []);
  });

  it.each(workerEntries)("of %s on a worker are none", async (_, target) => {
    expect(outside(await externalImports(installed.folder, target, "workerd"))).toEqual([]);
  });

  it("are of the dependencies and peers that are declared, and of each of these", async () => {
    const files = (await filesBelow(join(installed.folder, "dist"))).filter((file) => /\.(js|d\.ts)$/.test(file));
    const code = await Promise.all(files.map((file) => readFile(join(installed.folder, "dist", file), "utf8")));
    const found = outside(code.flatMap((text) => importsOf(text)).filter((specifier) => !/^[.#]/.test(specifier)));
    expect(found.filter((name) => name !== "node")).toEqual(Object.keys(manifest.peerDependencies).toSorted());
  });

  it("are explained in the documentation", async () => {
    const page = await readFile(join(project, "docs/dependencies.md"), "utf8");
    const names = Object.keys(manifest.peerDependencies);
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });

  it("leave out what needs a disk under the workerd condition", async () => {
    const script = `const names = Object.keys(await import("${manifest.name}")); console.log(names.includes("VirtualFile"), names.includes("LocalFile"))`;
    const args = ["--conditions=workerd", "--input-type=module", "--eval", script];
    expect((await run("node", args, installed.consumer)).stdout).toBe("true false\n");
  });

  it("are found wherever they stand in a module", () => {
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

/** The packages of these modules; `node` for all that are Node's own. */
function outside(specifiers: Iterable<string>): string[] {
  const packages = Array.from(specifiers, (specifier) =>
    specifier.startsWith("node:") ? "node" : (/^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier),
  );
  return [...new Set(packages)].toSorted();
}

function problemsOf({ stdout }: { stdout: string }): string {
  return stdout;
}
