import { sep } from "node:path";
import type { BigIntStats } from "node:fs";
import { FileChangedError, InvalidPathError } from "../errors.ts";
import { descriptorPath, realPath, statPath } from "./local-file-system.ts";

/**
 * Containment is decided on what the kernel resolved, never on the string: a string check sees neither a symlink in the
 * middle of a path nor one that is put there after the check.
 */

/**
 * `path` with its symlinks followed. Fails with Node's own error if nothing is there.
 * @throws {InvalidPathError} if it is outside `root`
 */
export async function realPathInside(root: string, path: string): Promise<string> {
  const location = await realPath(path);
  await assertInside(root, location);
  return location;
}

/** @throws {InvalidPathError} if the file that was opened is outside `root` */
export async function assertDescriptorInside(
  root: string,
  descriptor: number,
  opened: BigIntStats,
  path: string,
): Promise<void> {
  const location = await descriptorPath(descriptor).catch(() => pathOf(opened, path));
  await assertInside(root, location);
}

// Where there is no /proc: the path as it resolves now, if that is still the file that was opened.
async function pathOf(opened: BigIntStats, path: string): Promise<string> {
  const resolved = await realPath(path);
  const now = await statPath(resolved);
  if (now.dev !== opened.dev || now.ino !== opened.ino) throw new FileChangedError();
  return resolved;
}

/** @throws {InvalidPathError} if a path whose symlinks were followed is outside `root` */
export async function assertInside(root: string, realLocation: string): Promise<void> {
  if (isInside(await resolvedRoot(root), realLocation)) return;
  // A root that is itself a symlink may have been pointed elsewhere since, as a deployment does with `current`.
  resolvedRoots.delete(root);
  if (isInside(await resolvedRoot(root), realLocation)) return;
  throw new InvalidPathError(undefined, { cause: new Error(`${realLocation} is outside ${root}`) });
}

function isInside(root: string, location: string): boolean {
  return location === root || location.startsWith(root.endsWith(sep) ? root : root + sep);
}

const resolvedRoots = new Map<string, Promise<string>>();
const mostRoots = 256;

function resolvedRoot(root: string): Promise<string> {
  const known = resolvedRoots.get(root);
  if (known) return known;
  if (resolvedRoots.size >= mostRoots) resolvedRoots.clear();
  const resolved = realPath(root);
  resolvedRoots.set(root, resolved);
  resolved.catch(() => resolvedRoots.delete(root));
  return resolved;
}
