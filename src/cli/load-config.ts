import { access } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { DownloadviewConfig } from "../config/downloadview-config.ts";
import type * as Jiti from "jiti";
import { UsageError } from "./signing-options.ts";

const names = [
  "downloadview.config.ts",
  "downloadview.config.mts",
  "downloadview.config.js",
  "downloadview.config.mjs",
];

/**
 * The configuration of a project: what its `downloadview.config.ts` exports by default, or as `config`.
 * @throws {UsageError} if there is none
 */
export async function loadConfig(path: string | undefined, folder: string): Promise<DownloadviewConfig> {
  const file = path === undefined ? await find(folder) : resolve(folder, path);
  const exported = await load(file);
  const config = exported["default"] ?? exported["config"];
  if (typeof config === "object" && config !== null && "rules" in config) return config as DownloadviewConfig;
  throw new UsageError(`${file} exports no configuration: write export default defineConfig({ … })`);
}

async function find(folder: string): Promise<string> {
  for (const name of names) {
    const file = resolve(folder, name);
    if (await exists(file)) return file;
  }
  throw new UsageError(`There is no ${names[0]} in ${folder}: write one, or name it with --config`);
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

async function load(file: string): Promise<Record<string, unknown>> {
  if (!(await exists(file))) throw new UsageError(`There is no ${file}`);
  if (!/\.[cm]?ts$/.test(file) || (process.features as { typescript?: unknown }).typescript) {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  }
  const { createJiti } = await importJiti(file);
  return createJiti(pathToFileURL(file).href, { interopDefault: false }).import(file);
}

/**
 * Node strips types itself from 22.18 on. For older ones, the application installs jiti, an optional peer.
 * @throws {UsageError} if it has not
 */
async function importJiti(file: string): Promise<typeof Jiti> {
  try {
    return await import("jiti");
  } catch (cause) {
    throw new UsageError(
      `Node ${process.versions.node} cannot read ${file}: install jiti (npm install --save-dev jiti), ` +
        "use Node 22.18 or later, or write the configuration in JavaScript (downloadview.config.mjs)",
      { cause },
    );
  }
}
