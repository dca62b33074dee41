/**
 * Adds to package-lock.json the builds for other platforms that npm left out. A registry mirror that carries only the
 * platforms it serves makes npm forget the rest, and then `npm ci` refuses the lockfile, also where they are not needed.
 */
import { readFileSync, writeFileSync } from "node:fs";

interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const [folder = "."] = process.argv.slice(2);
const path = new URL(`../${folder}/package-lock.json`, import.meta.url);
const lockfile: { packages: Record<string, LockedPackage> } = JSON.parse(readFileSync(path, "utf8"));

const missing = Object.entries(lockfile.packages).flatMap(([parent, { dev = false, optionalDependencies = {} }]) =>
  Object.entries(optionalDependencies)
    .filter(([name]) => !isLocked(parent, name))
    .map(([name, version]) => [`node_modules/${name}`, { version, ...platformOf(name), dev, optional: true }] as const),
);

/** Whether a package in the folder `parent` finds `name`, there or in a folder above. */
function isLocked(parent: string, name: string): boolean {
  const location = `${parent === "" ? "" : `${parent}/`}node_modules/${name}`;
  if (location in lockfile.packages) return true;
  return parent !== "" && isLocked(parent.replace(/\/?node_modules\/(?:@[^/]+\/)?[^/]+$/, ""), name);
}

/** What npm goes by to skip a build: `@oxlint/binding-linux-x64-musl` is for Linux on x64 with musl. */
function platformOf(name: string): object {
  if (name.includes("wasm32")) return { cpu: ["wasm32"] };
  const build =
    /(aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)(?:musl)?-(\w+)(?:-(gnu|musl))?/;
  const [, os, cpu, libc] = build.exec(name) ?? [];
  if (os === undefined) throw new Error(`${name} does not say its platform`);
  return { cpu: [cpu], os: [os], ...(libc === undefined ? {} : { libc: [libc === "gnu" ? "glibc" : libc] }) };
}

const packages = Object.entries({ ...lockfile.packages, ...Object.fromEntries(missing) });
lockfile.packages = Object.fromEntries(packages.toSorted(([one], [other]) => (one < other ? -1 : 1)));
writeFileSync(path, `${JSON.stringify(lockfile, null, 2)}\n`);
console.log(`${missing.length} builds added`);
