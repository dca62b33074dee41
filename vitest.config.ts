import { readFileSync } from "node:fs";
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

const config: ViteUserConfig = defineConfig({
  resolve: { alias },
  test: {
    include: ["src/**/*.test.ts", "tests/**/*.test.ts", "bench/**/*.test.ts"],
    exclude: ["**/node_modules/**", "tests/**/generated/**"],
    testTimeout: 20_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
  },
});

export default config;
