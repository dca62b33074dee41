import { readFileSync } from "node:fs";

type Target = string | Readonly<Record<string, string>>;

const manifest: {
  readonly exports: Readonly<Record<string, Target>>;
  readonly imports: Readonly<Record<string, Target>>;
} = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));

/** The source of each public subpath, and of what stands in its place for Workers: what it exports is used by others. */
const entries = [manifest.exports, manifest.imports]
  .flatMap((map) => Object.values(map))
  .flatMap((target) => (typeof target === "string" ? [target] : Object.values(target)))
  .filter((target) => target.endsWith(".js"))
  .map((target) => target.replace("./dist/", "src/").replace(/\.js$/, ".ts"));

const config = {
  entry: [
    ...entries,
    "src/cli/main.ts",
    "demo/seeds/make-*.ts",
    "tests/types/*.ts",
    "tests/archive/stalled-server.ts",
    "tests/examples/generated/**/*.ts",
  ],
  project: ["src/**/*.ts", "tests/**/*.ts", "demo/**/*.ts", "scripts/**/*.ts"],
  ignore: ["tests/frameworks/**"],
  ignoreExportsUsedInFile: { interface: true, type: true },
  exclude: ["binaries"],
  // hls.js and miniflare are of tests/frameworks.
  ignoreDependencies: ["@arethetypeswrong/cli", "hls.js", "miniflare"],
};

export default config;
