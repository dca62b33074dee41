import { isAbsolute, relative, resolve, sep } from "node:path";
import { InvalidPathError } from "../../errors.ts";
import { isDeniedDotfile, type DotfilePolicy } from "../dotfiles.ts";

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
 * checks the string alone: where symlinks lead is checked on the opened file (`LocalFile`'s `root`).
 * @throws {InvalidPathError} for `..`, empty segments, NUL, a path outside the root, a denied dotfile
 */
export function pathWithin(root: string, path: string, dotfiles: DotfilePolicy = "deny"): string {
  const base = absolutePath(root);
  const inside = isAbsolute(path) ? relative(base, path) : path;
  if (inside.includes("\0") || isAbsolute(inside)) throw new InvalidPathError();
  for (const segment of inside.split(separators)) {
    const isTraversal = segment === "" || segment === "." || segment === "..";
    const namesStream = sep === "\\" && segment.includes(":");
    if (isTraversal || namesStream || isDeniedDotfile(segment, dotfiles)) throw new InvalidPathError();
  }
  return base.endsWith(sep) ? base + inside : base + sep + inside;
}
