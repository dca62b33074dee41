import { ImproperlyConfiguredError } from "../errors.ts";
import { written } from "../choice.ts";

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
  if (dotfiles === "allow" || !/(?:^|[\\/])\./.test(path)) return false;
  return path.split(/[\\/]/).some((segment) => isDeniedDotfile(segment, dotfiles));
}

export function isDeniedDotfile(segment: string, dotfiles: DotfilePolicy): boolean {
  if (!segment.startsWith(".") || dotfiles === "allow" || segment === "." || segment === "..") return false;
  // Only a list allows some: a text has an `includes`, too.
  return !Array.isArray(dotfiles) || !dotfiles.includes(segment);
}

/**
 * @param owner what has the option, for the message
 * @throws {ImproperlyConfiguredError} for anything but a {@link DotfilePolicy} or undefined
 */
export function assertDotfilePolicy(value: unknown, owner: string): asserts value is DotfilePolicy | undefined {
  if (value === undefined || value === "deny" || value === "allow") return;
  if (Array.isArray(value) && value.every((segment) => typeof segment === "string")) return;
  throw new ImproperlyConfiguredError(
    `${owner}: dotfiles must be "deny", "allow" or a list such as [".well-known"], got ${written(value)}`,
  );
}
