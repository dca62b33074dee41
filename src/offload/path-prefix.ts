/**
 * A parsed folder or URL. Prefixes are compared by segment, so that `/media` never captures `/media-private`, and decoded,
 * so that no spelling of a name escapes its rule.
 */
export interface Location {
  /** `https://host`, `C:`, or empty. */
  readonly origin: string;
  readonly segments: readonly string[];
}

/** Parses an absolute local path. Returns undefined if the path is relative, or contains `..` or NUL. */
export function locatePath(path: string): Location | undefined {
  const [, drive = "", rest = ""] = /^([A-Za-z]:(?=[\\/]))?(.*)$/s.exec(path) ?? [];
  if (drive === "" && !rest.startsWith("/")) return undefined;
  return located(drive.toUpperCase(), rest.split(drive === "" ? "/" : /[\\/]/));
}

/** Parses an absolute URL or the path of one, without its query. Returns undefined if a segment contains an encoded slash. */
export function locateUrl(url: string): Location | undefined {
  const [, origin = "", path = ""] = /^([A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]+)?(\/[^?#]*)?/s.exec(url) ?? [];
  if (origin === "" && path === "") return undefined;
  const segments = path.split("/").map(decoded);
  return segments.some((segment) => segment === undefined || segment.includes("/"))
    ? undefined
    : located(origin.toLowerCase(), segments as string[]);
}

/** Returns the segments of `location` below `prefix`. Undefined if it is not below it, or is the prefix itself. */
export function segmentsBelow(prefix: Location, location: Location): readonly string[] | undefined {
  const { length } = prefix.segments;
  const below = location.origin === prefix.origin && prefix.segments.every((one, at) => one === location.segments[at]);
  return below && location.segments.length > length ? location.segments.slice(length) : undefined;
}

/** Whether everything below `inner` is also below `outer`. */
export function covers(outer: Location, inner: Location): boolean {
  return outer.origin === inner.origin && outer.segments.every((segment, at) => segment === inner.segments[at]);
}

/** Normalizes `path` as `path.resolve` does: paths of files have this form. */
export function resolved(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  return `${path.startsWith("/") ? "/" : ""}${segments.join("/")}`;
}

// `a/link/../b` is not resolved to `a/b`: behind a symlink the two are different files. So the path matches no rule.
function located(origin: string, parts: readonly string[]): Location | undefined {
  const segments = parts.filter((segment) => segment !== "" && segment !== ".");
  return segments.some((segment) => segment === ".." || segment.includes("\0")) ? undefined : { origin, segments };
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
