import type { ArchiveMember } from "./member.ts";

/**
 * Where the content of a member is remembered: its place and its strong entity tag. Undefined where either is missing:
 * a weak tag may stand for other bytes, and two storages may use one tag for different files.
 */
export function fingerprintKey({ file, etag }: ArchiveMember): string | undefined {
  const place = file?.path ?? file?.url;
  return place !== undefined && isStrong(etag) ? JSON.stringify([place, etag]) : undefined;
}

/** Whether an entity tag is there, and stands for these very bytes (RFC 9110 §8.8.3). */
export function isStrong(etag: string | undefined): etag is string {
  return etag !== undefined && !etag.startsWith("W/");
}
