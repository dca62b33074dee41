import { isFolder, type ArchiveMember } from "./member.ts";
import { isStrong } from "./fingerprint-key.ts";

/**
 * Computes the entity tag of an archive, a hash of its layout and of everything that its bytes depend on. Two servers with
 * the same members return the same tag. It is strong if the tag of each member is. If a member has neither a tag nor a time,
 * it may differ each time: the archive's tag then never matches again.
 */
export async function archiveEntityTag(version: string, members: readonly ArchiveMember[]): Promise<string> {
  let hex = await sha256(version);
  // Each piece with the hash of those before it: Web Crypto hashes no stream, and the facts of all would be megabytes.
  for (let at = 0; at < members.length; at += pieceLength) {
    hex = await sha256([hex, ...members.slice(at, at + pieceLength).map(facts)].join("\n"));
  }
  const tag = `"${hex.slice(0, 32)}"`;
  return members.every((member) => isFolder(member) || isStrong(member.etag)) ? tag : `W/${tag}`;
}

/** In members. */
const pieceLength = 500;

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function facts(member: ArchiveMember): string {
  const { name, size, lastModified, mode, crc32, etag } = member;
  // In seconds, as in the archive: a copy of a file on another server has other nanoseconds.
  const time = lastModified && Math.floor(lastModified.getTime() / 1000);
  const validator = etag ?? time ?? (isFolder(member) ? "" : crypto.randomUUID());
  return JSON.stringify([name, size, time, mode, crc32, validator]);
}
