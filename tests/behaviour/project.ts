import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The project of the servers, with all frameworks and runtimes. */
export const frameworks: string = fileURLToPath(new URL("../frameworks", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));
const placed = join(frameworks, "node_modules/downloadview");

export const frameworksAreThere = (): boolean => existsSync(join(frameworks, "node_modules/.package-lock.json"));
export const howToInstall = "npm ci --prefix tests/frameworks";

/** Puts the package, as it is now, where the servers import it from; once, however many test files ask for it. */
export async function placePackage(): Promise<void> {
  const version = await newestChange();
  await alone(async () => {
    if ((await placedVersion()) !== version) await build(version);
  });
}

async function build(version: string): Promise<void> {
  const fresh = `${placed}.fresh`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh);
  await cp(join(root, "package.json"), join(fresh, "package.json"));
  const compiler = join(root, "node_modules/.bin/tsc");
  await promisify(execFile)(compiler, ["-p", "tsconfig.build.json", "--outDir", join(fresh, "dist")], { cwd: root });
  await writeFile(join(fresh, ".version"), version);
  await rm(placed, { recursive: true, force: true });
  await rename(fresh, placed);
}

async function newestChange(): Promise<string> {
  const sources = await readdir(join(root, "src"), { recursive: true });
  const paths = ["package.json", ...sources.map((name) => join("src", name))];
  const times = await Promise.all(paths.map(async (path) => (await stat(join(root, path))).mtimeMs));
  return String(Math.max(...times));
}

async function placedVersion(): Promise<string> {
  return readFile(join(placed, ".version"), "utf8").catch(() => "");
}

/** One process at a time: the others wait until the lock is gone, or is so old that its owner must be. */
async function alone(work: () => Promise<void>): Promise<void> {
  const lock = join(frameworks, "node_modules/.downloadview-lock");
  for (;;) {
    try {
      await mkdir(lock);
      break;
    } catch {
      const { mtimeMs } = await stat(lock).catch(() => ({ mtimeMs: Date.now() }));
      if (Date.now() - mtimeMs > 60_000) await rm(lock, { recursive: true, force: true });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  try {
    await work();
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}
