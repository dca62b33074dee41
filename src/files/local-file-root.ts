import { dirname, sep } from "node:path";
import type { BigIntStats } from "node:fs";
import { FileChangedError, InvalidPathError } from "../errors.ts";
import { regularFile } from "./local-file-errors.ts";
import { descriptorPath, linkStat, realPath, statPath } from "./local-file-system.ts";
import { oncePerKey, oncePerTurn } from "./once-per-turn.ts";

/**
 * A folder that files must be in. Containment is decided on what the kernel resolved, never on the string: a string
 * check sees neither a symlink in the middle of a path nor one that is put there after the check.
 */
export class LocalRoot {
  readonly path: string;
  #resolved: Promise<string> | undefined;

  private constructor(path: string) {
    this.path = path;
  }

  /** The root at an absolute path. */
  static at(path: string): LocalRoot {
    const known = roots.get(path);
    if (known) return known;
    if (roots.size >= mostRoots) roots.clear();
    const root = new LocalRoot(path);
    roots.set(path, root);
    return root;
  }

  /**
   * What is at a path inside of the root now, symlinks followed.
   * @throws {InvalidPathError} if that is outside
   * @throws {FileNotFoundError} if it is no regular file
   */
  readonly look: (path: string) => Promise<BigIntStats> = oncePerTurn(() => {
    // Files that lie in one folder have all of their way in common.
    const realFolder = oncePerKey(realPath);
    return (path) => regularFile(() => this.#statInside(path, realFolder));
  });

  /**
   * `path` with its symlinks followed. Fails with Node's own error if nothing is there.
   * @throws {InvalidPathError} if it is outside
   */
  async realPathInside(path: string): Promise<string> {
    const location = await realPath(path);
    await this.#assertInside(location);
    return location;
  }

  /** @throws {InvalidPathError} if the file that was opened is outside */
  async assertDescriptorInside(descriptor: number, opened: BigIntStats, path: string): Promise<void> {
    const location = await descriptorPath(descriptor).catch(() => pathOf(opened, path));
    await this.#assertInside(location);
  }

  // What is itself no symlink is where its folder is, and the root is inside of itself.
  async #statInside(path: string, realFolder: (path: string) => Promise<string>): Promise<BigIntStats> {
    const folder = dirname(path);
    const [entry, location] = await Promise.all([
      linkStat(path),
      folder === this.path ? undefined : realFolder(folder),
    ]);
    if (entry.isSymbolicLink()) return this.#statTarget(path);
    if (location !== undefined) await this.#assertInside(location);
    return entry;
  }

  async #statTarget(path: string): Promise<BigIntStats> {
    const [target, location] = await Promise.all([statPath(path), realPath(path)]);
    await this.#assertInside(location);
    return target;
  }

  /** @throws {InvalidPathError} if a path whose symlinks were followed is outside */
  async #assertInside(realLocation: string): Promise<void> {
    if (isInside(await this.#resolve(), realLocation)) return;
    // A root that is itself a symlink may have been pointed elsewhere since, as a deployment does with `current`.
    this.#resolved = undefined;
    if (isInside(await this.#resolve(), realLocation)) return;
    throw new InvalidPathError(undefined, { cause: new Error(`${realLocation} is outside ${this.path}`) });
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

const roots = new Map<string, LocalRoot>();
const mostRoots = 256;

// Where there is no /proc: the path as it resolves now, if that is still the file that was opened.
async function pathOf(opened: BigIntStats, path: string): Promise<string> {
  const resolved = await realPath(path);
  const now = await statPath(resolved);
  if (now.dev !== opened.dev || now.ino !== opened.ino) throw new FileChangedError();
  return resolved;
}

function isInside(root: string, location: string): boolean {
  return location === root || location.startsWith(root.endsWith(sep) ? root : root + sep);
}
