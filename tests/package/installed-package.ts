import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import manifest from "../../package.json" with { type: "json" };

const project = fileURLToPath(new URL("../../", import.meta.url));

export const run: (file: string, args: string[], cwd: string) => Promise<{ stdout: string; stderr: string }> = (
  file,
  args,
  cwd,
) => promisify(execFile)(file, args, { cwd, maxBuffer: 2 ** 24 });

/** The package as users get it: built and packed from a clean copy, and installed in an empty project. */
export interface InstalledPackage extends AsyncDisposable {
  readonly tarball: string;
  /** The project that depends on the package. */
  readonly consumer: string;
  /** The package's own folder, in that project. */
  readonly folder: string;
}

export async function installPackage(): Promise<InstalledPackage> {
  const temporary = await mkdtemp(join(tmpdir(), "downloadview-package-"));
  const tarball = await pack(join(temporary, "source"), temporary);
  const consumer = join(temporary, "consumer");
  await install(tarball, consumer);
  return {
    tarball,
    consumer,
    folder: join(consumer, "node_modules", manifest.name),
    [Symbol.asyncDispose]: () => rm(temporary, { recursive: true, force: true }),
  };
}

/** Packs a copy, so that `prepack` builds without touching a `dist` that others may be using. */
async function pack(source: string, destination: string): Promise<string> {
  const shipped = [
    "package.json",
    "tsconfig.json",
    "tsconfig.build.json",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "src",
    "scripts",
  ];
  for (const name of shipped) await cp(join(project, name), join(source, name), { recursive: true });
  await symlink(join(project, "node_modules"), join(source, "node_modules"));
  await run("npm", ["pack", "--pack-destination", destination], source);
  return join(destination, `${manifest.name}-${manifest.version}.tgz`);
}

async function install(tarball: string, consumer: string): Promise<void> {
  await mkdir(consumer);
  await writeFile(join(consumer, "package.json"), JSON.stringify({ private: true, type: "module" }));
  await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", tarball], consumer);
  for (const peer of Object.keys(manifest.peerDependencies)) {
    const link = join(consumer, "node_modules", peer);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(project, "node_modules", peer), link);
  }
}

/** Every file below a folder, relative to it. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}
