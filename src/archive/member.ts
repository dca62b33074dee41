import type { DownloadFile, FileStat } from "../files/download-file.ts";

/** What an archive is made of. A folder that would not be there otherwise is an entry without a file. */
export interface ArchiveEntry {
  /**
   * The name in the archive, with folders: `"2026/a.jpg"`; a folder ends in a slash. What a system could not unpack is
   * replaced, `..` and drives are left out.
   */
  readonly name: string;
  /** The file; left out for a folder. */
  readonly file?: DownloadFile | undefined;
  /** Default: what the file says. */
  readonly lastModified?: Date | undefined;
  /** Length in bytes. With an `etag` beside it, the file is not asked for either. */
  readonly size?: number | undefined;
  /** The file's own entity tag in header form, where the application knows it: the file must still have it when it is read. */
  readonly etag?: string | undefined;
  /**
   * The CRC-32 of the content, an unsigned number, where the application knows it. A download whose file has another one
   * is broken off.
   */
  readonly crc32?: number | undefined;
  /** POSIX permissions, such as `0o755` for a script. Default `0o644`, for folders `0o755`. */
  readonly mode?: number | undefined;
}

/** Entries in the order of the archive. A function is called once for each response. */
export type ArchiveEntries = Iterable<ArchiveEntry> | AsyncIterable<ArchiveEntry>;

/** The declared facts of one member: all that the bytes around its content depend on. */
export interface ArchiveMember {
  /** As it is in the archive. A folder ends in a slash. */
  readonly name: string;
  /** Undefined for a folder. */
  readonly file: DownloadFile | undefined;
  readonly size: number;
  readonly lastModified: Date | undefined;
  /** The file's own entity tag, as its source or the application declares it. */
  readonly etag: string | undefined;
  /** What the file has to be when it is opened. */
  readonly pinned: Pick<FileStat, "size" | "lastModified" | "etag">;
  /** Of the content, where the source declares it. */
  readonly crc32: number | undefined;
  /** POSIX permissions. */
  readonly mode: number;
}

export function isFolder(member: ArchiveMember): boolean {
  return member.file === undefined;
}

/** Whether the content is a file on this machine's disk, which takes no time to open. */
export function isOnDisk(member: ArchiveMember): boolean {
  return member.file?.path !== undefined;
}
