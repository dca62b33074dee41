import { basename, dirname, isAbsolute, relative, resolve, sep } from "node:path";
import type { BigIntStats } from "node:fs";
import { warnOnce } from "../../diagnostics.ts";
import { FileChangedError, FileNotFoundError, ImproperlyConfiguredError, InvalidPathError } from "../../errors.ts";
import {
  descriptorPath,
  fileSystemError,
  isSameFile,
  linkStat,
  oncePerTurn,
  realPath,
  statPath,
  type FileVersion,
} from "./file-system.ts";
import { assertDotfilePolicy, hasDeniedDotfile, isDeniedDotfile, type DotfilePolicy } from "../dotfiles.ts";

/**
 * A folder that files must be in. Containment is decided on what the kernel resolved, never on the string: a string
 * check sees neither a symlink in the middle of a path nor one that is put there after the check.
 */
export class LocalRoot {
  readonly path: string;
  /** Tells roots apart: the path, and what else the root was made of. */
  readonly key: string;
  readonly #dotfiles: DotfilePolicy;
  #resolved: Promise<string> | undefined;
  #lookedFor = -Infinity;

  private constructor(path: string, policy: string, dotfiles: DotfilePolicy) {
    this.path = path;
    this.key = `${path}\0${policy}`;
    // A copy: all views with an equal list share this root.
    this.#dotfiles = typeof dotfiles === "string" ? dotfiles : [...dotfiles];
  }

  /**
   * The root at a path. There is one object for all requests, unless the path is relative: the working directory may be another
   * by now.
   * @throws {ImproperlyConfiguredError} if the path is undefined or empty, or the policy is not a known one
   */
  static at(path: string | undefined, dotfiles: DotfilePolicy = "allow"): LocalRoot {
    const policy = typeof dotfiles === "string" ? dotfiles : JSON.stringify(dotfiles);
    const known = roots.get(policy)?.get(path);
    if (known) return known;
    assertDotfilePolicy(dotfiles, "LocalFile");
    const absolute = absolutePath(configuredRoot(path, "LocalFile"));
    const root = roots.get(policy)?.get(absolute) ?? new LocalRoot(absolute, policy, dotfiles);
    remember(root, policy);
    return root;
  }

  /**
   * Describes the regular file at a path as it is now, symlinks followed.
   * @throws {InvalidPathError} if it is outside the root
   * @throws {FileNotFoundError} if there is no regular file
   */
  readonly look: (path: string) => Promise<BigIntStats> = oncePerTurn(async (path, realFolders) => {
    try {
      this.assertNameAllowed(path);
      const folder = dirname(path);
      const found =
        folder === this.path ? await linkStat(path) : await this.#statInFolder(path, realFolderOf(folder, realFolders));
      const stats = found.isSymbolicLink() ? await this.#statTarget(path) : found;
      if (!stats.isFile()) throw new FileNotFoundError();
      return stats;
    } catch (error) {
      throw fileSystemError(error);
    }
  });

  /**
   * `path` with its symlinks followed. Fails with Node's own error if nothing is there.
   * @throws {InvalidPathError} if it is outside
   */
  async realPathInside(path: string): Promise<string> {
    const location = await realPath(path);
    await this.assertInside(location);
    return location;
  }

  /** @throws {InvalidPathError} if the file that was opened is outside */
  async assertDescriptorInside(descriptor: number, opened: FileVersion, path: string): Promise<void> {
    const location = await descriptorPath(descriptor).catch(() => pathOf(opened, path));
    await this.assertInside(location);
  }

  // A file that is no symlink is inside if its folder is. A file that is one is where its target is.
  async #statInFolder(path: string, realFolder: Promise<string>): Promise<BigIntStats> {
    const [stats, location] = await Promise.all([linkStat(path), realFolder]);
    if (!stats.isSymbolicLink()) await this.assertInside(location);
    return stats;
  }

  async #statTarget(path: string): Promise<BigIntStats> {
    const [target, location] = await Promise.all([statPath(path), realPath(path)]);
    await this.assertInside(location);
    return target;
  }

  /** @throws {InvalidPathError} if a path whose symlinks were followed is outside, or a dotfile that is denied */
  async assertInside(realLocation: string): Promise<void> {
    let below = partBelow(await this.#resolve(), realLocation);
    if (below === undefined) {
      // A root that is itself a symlink may have been pointed elsewhere since, as a deployment does with `current`.
      this.#resolved = undefined;
      below = partBelow(await this.#resolve(), realLocation);
    }
    if (below === undefined) {
      throw new InvalidPathError(undefined, { cause: new Error(`${realLocation} is outside ${this.path}`) });
    }
    if (this.#denies(below)) throw denied(realLocation);
  }

  /** @throws {InvalidPathError} if the last segment of a path is a dotfile that is denied */
  assertNameAllowed(path: string): void {
    const name = basename(path);
    if (name.startsWith(".") && this.#denies(name)) throw denied(path);
  }

  // Kubernetes mounts each file of a ConfigMap as a symlink into a folder that is named by the time, such as `..2026_01_31_…`.
  #denies(below: string): boolean {
    if (this.#dotfiles === "allow") return false;
    const path = below.startsWith("..") ? below.replace(/^\.\.\d{4}(?:_\d\d){5}\.\d+(?=\/)/, "") : below;
    return hasDeniedDotfile(path, this.#dotfiles);
  }

  /** Warns the operator if there is no such root. Called when a file below it is not found. */
  async warnIfMissing(): Promise<void> {
    const now = performance.now();
    if (madeLater.has(this.path) || now - this.#lookedFor < patience) return;
    this.#lookedFor = now;
    const fault = await statPath(this.path).then(
      (root) => (root.isDirectory() ? undefined : "is no folder"),
      ({ code }: NodeJS.ErrnoException) => (code === "ENOENT" ? "does not exist" : `cannot be read (${code})`),
    );
    if (fault === undefined) return;
    warnOnce("DOWNLOADVIEW_ROOT", `The root ${JSON.stringify(this.path)} ${fault}: every file below it is a 404`);
  }

  #resolve(): Promise<string> {
    if (!this.#resolved) {
      const resolved = realPath(this.path);
      this.#resolved = resolved;
      resolved.catch(() => this.#resolved === resolved && (this.#resolved = undefined));
    }
    return this.#resolved;
  }
}

/** Marks a root that is made when the first file is saved, so that no warning is printed while it is missing. */
export function expectRootLater(path: string): void {
  madeLater.add(path);
}

const madeLater = new Set<string>();

/**
 * Checks a root that was configured, and returns it.
 * @param owner - what has the root, for the message
 * @throws {ImproperlyConfiguredError} if it is undefined or empty: that would be the working directory, with the application's sources in it
 */
export function configuredRoot(root: unknown, owner: string): string {
  if (typeof root === "string" && root !== "" && !root.includes("\0")) return root;
  throw new ImproperlyConfiguredError(
    `${owner} needs the path of a folder as its root, got ${JSON.stringify(root) ?? String(root)}: is a setting missing?`,
  );
}

/** Minimum time between two checks of a root, in milliseconds: requests for missing files must not cost twice. */
const patience = 10_000;

function denied(path: string): InvalidPathError {
  return new InvalidPathError(undefined, { cause: new Error(`${path} is a dotfile, or below one`) });
}

function realFolderOf(folder: string, known: Map<string, Promise<string>>): Promise<string> {
  const found = known.get(folder) ?? realPath(folder);
  known.set(folder, found);
  return found;
}

/** By policy, and by path. */
const roots = new Map<string, Map<string | undefined, LocalRoot>>();
const maxRoots = 256;

function remember(root: LocalRoot, policy: string): void {
  const ofPolicy = roots.get(policy) ?? new Map<string | undefined, LocalRoot>();
  if (ofPolicy.size >= maxRoots) ofPolicy.clear();
  if (roots.size >= maxRoots) roots.clear();
  roots.set(policy, ofPolicy.set(root.path, root));
}

// Where there is no /proc: the path as it resolves now, if that is still the file that was opened.
async function pathOf(opened: FileVersion, path: string): Promise<string> {
  const resolved = await realPath(path);
  const now = await statPath(resolved);
  if (!isSameFile(now, opened)) throw new FileChangedError();
  return resolved;
}

/** Returns the part of a location below a root, `""` for the root itself, or undefined if it is outside. */
function partBelow(root: string, location: string): string | undefined {
  if (location === root) return "";
  const prefix = root.endsWith(sep) ? root : root + sep;
  return location.startsWith(prefix) ? location.slice(prefix.length) : undefined;
}

/** Resolves `path` against `base`, by default the working directory. A path that is absolute and plain is returned as it is. */
export function absolutePath(path: string, base = ""): string {
  // `resolve` costs a microsecond on every download, even where it changes nothing.
  const isPlain =
    sep === "/" && path.startsWith("/") && !path.includes("//") && !path.includes("/.") && !path.endsWith("/");
  return isPlain ? path : resolve(base, path);
}

// Windows also takes a slash; elsewhere a backslash is a letter like any other.
const separators = sep === "\\" ? /[\\/]/ : "/";

/**
 * Returns the absolute path of `path` below `root`. `path` is relative, or absolute and below the root already. This
 * checks the string alone: where symlinks lead is checked on the opened file ({@link LocalRoot}).
 * @throws {InvalidPathError} for `..`, empty segments, NUL, a path outside the root, a denied dotfile
 */
export function pathWithin(root: string, path: string, dotfiles: DotfilePolicy = "deny"): string {
  const base = absolutePath(root);
  const inside = isAbsolute(path) ? relative(base, path) : path;
  if (inside.includes("\0") || isAbsolute(inside)) throw new InvalidPathError();
  for (const segment of inside.split(separators)) {
    const namesStream = sep === "\\" && segment.includes(":");
    if (segment === "" || namesStream) throw new InvalidPathError();
    if (!segment.startsWith(".")) continue;
    if (segment === "." || segment === ".." || isDeniedDotfile(segment, dotfiles)) throw new InvalidPathError();
  }
  return base.endsWith(sep) ? base + inside : base + sep + inside;
}
