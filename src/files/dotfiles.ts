/**
 * Which paths with a segment that begins with a dot are served: none (`"deny"`), all (`"allow"`), or only those whose every
 * such segment is in a list, such as `[".well-known"]`.
 */
export type DotfilePolicy = "deny" | "allow" | readonly string[];

/**
 * Whether a path, as it is written, has a segment that the policy denies. A backslash counts as a separator: on Windows it is
 * one, and elsewhere a name such as `a\\.env` is rare.
 */
export function hasDeniedDotfile(path: string, dotfiles: DotfilePolicy): boolean {
  return dotfiles !== "allow" && path.split(/[\\/]/).some((segment) => isDeniedDotfile(segment, dotfiles));
}

export function isDeniedDotfile(segment: string, dotfiles: DotfilePolicy): boolean {
  if (!segment.startsWith(".") || dotfiles === "allow" || segment === "." || segment === "..") return false;
  return dotfiles === "deny" || !dotfiles.includes(segment);
}
