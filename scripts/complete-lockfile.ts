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

const { packages } = lockfile;
let added = 0;
for (const [parent, { dev = false, optionalDependencies = {} }] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const found = lockedVersion(parent, name);
    if (found === version || (found !== undefined && !isExact(version))) continue;
    // Beside its parent where another version is at the top already, as npm nests them.
    const location = found === undefined ? `node_modules/${name}` : `${parent}/node_modules/${name}`;
    packages[location] = { version, ...platformOf(name), dev, optional: true } as LockedPackage;
    added += 1;
  }
}

/** The version of `name` that a package in the folder `parent` finds, there or in a folder above. */
function lockedVersion(parent: string, name: string): string | undefined {
  const location = `${parent === "" ? "" : `${parent}/`}node_modules/${name}`;
  if (location in packages) return packages[location]?.version;
  if (parent === "") return undefined;
  return lockedVersion(parent.replace(/\/?node_modules\/(?:@[^/]+\/)?[^/]+$/, ""), name);
}

function isExact(version: string): boolean {
  return /^\d/.test(version);
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

const sorted = Object.entries(packages).toSorted(([one], [other]) => (one < other ? -1 : 1));
writeFileSync(path, `${JSON.stringify({ ...lockfile, packages: Object.fromEntries(sorted) }, null, 2)}\n`);
console.log(`${added} builds added`);
