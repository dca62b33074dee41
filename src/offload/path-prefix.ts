/**
 * A folder or a URL, taken apart. Prefixes are compared segment by segment, so that `/media` never captures
 * `/media-private`, and decoded, so that no spelling of a name escapes its rule.
 */
export interface Location {
  /** `https://host`, `C:`, or empty. */
  readonly origin: string;
  readonly segments: readonly string[];
}

/** An absolute path of this machine. Undefined for a relative one, and for one that climbs (`..`) or holds NUL. */
export function locatePath(path: string): Location | undefined {
  const [, drive = "", rest = ""] = /^([A-Za-z]:(?=[\\/]))?(.*)$/s.exec(path) ?? [];
  if (drive === "" && !rest.startsWith("/")) return undefined;
  return located(drive.toUpperCase(), rest.split(drive === "" ? "/" : /[\\/]/));
}

/** An absolute URL, or the path of one, without its query. Undefined for one whose escapes hide a separator. */
export function locateUrl(url: string): Location | undefined {
  const [, origin = "", path = ""] = /^([A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]+)?(\/[^?#]*)?/s.exec(url) ?? [];
  if (origin === "" && path === "") return undefined;
  const segments = path.split("/").map(decoded);
  return segments.some((segment) => segment === undefined || segment.includes("/"))
    ? undefined
    : located(origin.toLowerCase(), segments as string[]);
}

/** What of `location` lies below `prefix`; undefined if it lies elsewhere, or is the prefix itself. */
export function segmentsBelow(prefix: Location, location: Location): readonly string[] | undefined {
  const { length } = prefix.segments;
  const below = location.origin === prefix.origin && prefix.segments.every((one, at) => one === location.segments[at]);
  return below && location.segments.length > length ? location.segments.slice(length) : undefined;
}

/** Whether everything below `inner` is also below `outer`. */
export function covers(outer: Location, inner: Location): boolean {
  return outer.origin === inner.origin && outer.segments.every((segment, at) => segment === inner.segments[at]);
}

/** `path` as `path.resolve` would have it: the form that the paths of files are in. */
export function resolved(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  return `${path.startsWith("/") ? "/" : ""}${segments.join("/")}`;
}

// A path that climbs is no match rather than a shorter path: beyond a symlink the two are not the same file.
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
