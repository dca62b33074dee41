import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// Tests import the package by its own name, as users do, and get its source.
const source = fileURLToPath(new URL("./src/", import.meta.url));
const folders = ["testing", "signing", "models", "doctor", "config"];

export default defineConfig({
  resolve: {
    alias: [
      { find: /^downloadview$/, replacement: `${source}index.ts` },
      { find: new RegExp(`^downloadview/(${folders.join("|")})$`), replacement: `${source}$1/index.ts` },
      { find: /^downloadview\/(.*)$/, replacement: `${source}$1.ts` },
    ],
  },
  test: {
    include: ["src/**/*.test.ts", "tests/**/*.test.ts"],
    exclude: ["**/node_modules/**", "tests/**/generated/fixtures/**"],
    testTimeout: 20_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
  },
});
