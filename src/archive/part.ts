import type { ArchiveMember } from "./member.ts";

/**
 * One piece of an archive, in the order of its bytes. The length of each is known before any member is read. So an archive
 * has a Content-Length, and a range can begin anywhere.
 */
export type Part =
  /** A header, padding, the directory: known from the declared facts. */
  | BytesPart
  /** What holds the CRC-32 of a member that its source did not declare. */
  | ChecksumPart
  /** The content of a member: as it is, or as deflate blocks that store it uncompressed. */
  | ContentPart;

export interface BytesPart {
  readonly kind: "bytes";
  readonly length: number;
  /** Fills `target`, which has `length` bytes. */
  write(target: Uint8Array): void;
}

export interface ChecksumPart {
  readonly kind: "checksum";
  readonly length: number;
  readonly member: number;
  /** Fills `target`, which has `length` bytes. */
  write(target: Uint8Array, crc32: number): void;
}

export interface ContentPart {
  readonly kind: "content";
  readonly length: number;
  readonly member: number;
  readonly blocks: boolean;
}

/** How a format lays its members out. */
export interface ArchiveFormat {
  /** Goes into the entity tag: other bytes for the same members are another version. */
  readonly version: string;
  readonly contentType: string;
  readonly extension: string;
  /** Whether there are parts that hold the CRC-32 of members. */
  readonly hasChecksums: boolean;
  parts(members: readonly ArchiveMember[]): Iterable<Part>;
}

/** The length of all parts, in bytes. */
export function lengthOf(parts: Iterable<Part>): number {
  let length = 0;
  for (const part of parts) length += part.length;
  return length;
}
