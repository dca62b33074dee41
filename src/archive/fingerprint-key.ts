import type { DownloadFile } from "../files/download-file.ts";
import type { ArchiveMember } from "./member.ts";

/**
 * Where the content of a member is remembered: its place and its strong entity tag. Undefined where either is missing:
 * a weak tag may stand for other bytes, and two storages may use one tag for different files.
 */
export function fingerprintKey({ file, etag }: ArchiveMember): string | undefined {
  if (!isStrong(etag)) return undefined;
  const place = placeOf(file);
  return place === undefined ? undefined : JSON.stringify([place, etag]);
}

// A wrapper may describe its file otherwise, so the file under it is asked only for what the wrapper does not tell.
function placeOf(file: DownloadFile | undefined): string | undefined {
  return file && (file.path ?? file.location ?? file.url ?? placeOf(file.unwrap?.()));
}

/** Whether an entity tag is there, and stands for these very bytes (RFC 9110 §8.8.3). */
export function isStrong(etag: string | undefined): etag is string {
  return etag !== undefined && !etag.startsWith("W/");
}
