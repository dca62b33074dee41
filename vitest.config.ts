import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig, type ViteUserConfig } from "vitest/config";

const manifest: { exports: Record<string, string | { default: string }> } = JSON.parse(
  readFileSync(new URL("./package.json", import.meta.url), "utf8"),
);

// Tests import the package by its own name, as users do, and get its source.
const alias = Object.entries(manifest.exports)
  .map(([subpath, target]) => [subpath, typeof target === "string" ? target : target.default] as const)
  .filter(([, target]) => target.endsWith(".js"))
  .map(([subpath, target]) => ({
    find: new RegExp(`^downloadview${subpath.slice(1)}$`),
    replacement: fileURLToPath(new URL(target.replace("/dist/", "/src/").replace(/\.js$/, ".ts"), import.meta.url)),
  }));

/**
 * Tests that measure time or memory, that start many servers, or that write where others read: the package beside the frameworks,
 * the extracted examples. Each file of them has the machine for itself.
 */
const alone: readonly string[] = [
  "tests/{behaviour,examples,kept,limits,node,remote,servers}/**/*.test.ts",
  "tests/archive/{large,stalled}.test.ts",
  "tests/site/getting-started.test.ts",
];
const exclude = ["**/node_modules/**", "tests/**/generated/**"];

const config: ViteUserConfig = defineConfig({
  resolve: { alias },
  test: {
    testTimeout: 20_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
    projects: [
      {
        extends: true,
        test: {
          name: "together",
          include: ["src/**/*.test.ts", "tests/**/*.test.ts", "bench/**/*.test.ts"],
          exclude: [...exclude, ...alone],
          maxWorkers: Math.min(2, availableParallelism()),
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: "alone", include: [...alone], exclude, maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
});

export default config;
