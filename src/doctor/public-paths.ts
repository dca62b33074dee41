/** Names under which folders of files are often published. */
const usualNames = [
  "media",
  "files",
  "file",
  "uploads",
  "upload",
  "downloads",
  "download",
  "static",
  "assets",
  "public",
  "pub",
  "storage",
  "data",
  "docs",
  "documents",
  "private",
  "protected",
  "raw",
  "content",
  "attachments",
] as const;

/**
 * Returns the paths, with a slash at both ends, at which a server may publish a folder: the ends of its own path
 * (`/srv/app/media` as `/media/`, `/app/media/`, `/srv/app/media/`), the usual names, the root, and `more`.
 */
export function publicPaths(folder: string | undefined, more: readonly string[] = []): string[] {
  const segments = (folder ?? "").split("/").filter((segment) => segment !== "");
  const ends = segments.map((_, at) => segments.slice(segments.length - 1 - at).join("/"));
  const names = [...ends, ...more.map((path) => path.replace(/^\/+|\/+$/g, "")), ...usualNames, ""];
  return [...new Set(names.map((name) => (name === "" ? "/" : `/${name}/`)))];
}
