import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

// A second `npm start` must not remove `dist` under the first one, which may still import from it.

const sources = ["package.json", "tsconfig.json", "tsconfig.build.json", ...filesOf("src")];
const builtAt = existsSync("dist/index.js") ? statSync("dist/index.js").mtimeMs : 0;
if (sources.some((file) => statSync(file).mtimeMs > builtAt)) {
  execFileSync("npm", ["run", "--silent", "build"], { stdio: "inherit", shell: process.platform === "win32" });
}

function filesOf(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
