import { isAbsolute, relative, sep } from "node:path";
import { InvalidPathError } from "../../errors.ts";
import { absolutePath } from "./absolute-path.ts";
import { isDeniedDotfile, type DotfilePolicy } from "../dotfiles.ts";

/**
 * The absolute path of `path` below `root`. `path` is relative, or absolute and below the root already. This is a
 * check of the string alone: where symlinks lead is checked on the opened file (`LocalFile`'s `root`).
 * @throws {InvalidPathError} for `..`, empty segments, NUL, a path outside the root, a denied dotfile
 */
export function pathWithin(root: string, path: string, dotfiles: DotfilePolicy = "deny"): string {
  const base = absolutePath(root);
  const inside = isAbsolute(path) ? relative(base, path) : path;
  const segments = inside.split(separators);
  if (inside.includes("\0") || isAbsolute(inside) || segments.some((segment) => isUnsafe(segment, dotfiles))) {
    throw new InvalidPathError();
  }
  return base.endsWith(sep) ? base + inside : base + sep + inside;
}

// Windows also takes a slash; elsewhere a backslash is a letter like any other.
const separators = sep === "\\" ? /[\\/]/ : "/";

function isUnsafe(segment: string, dotfiles: DotfilePolicy): boolean {
  if (segment === "" || segment === "." || segment === "..") return true;
  if (sep === "\\" && segment.includes(":")) return true;
  return isDeniedDotfile(segment, dotfiles);
}
