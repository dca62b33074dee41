import { assertChoice } from "../choice.ts";
import { refuseJSON } from "../serialization.ts";
import { ContentTooLargeError } from "../errors.ts";
import {
  releaseFile,
  type DownloadFile,
  type FileStat,
  type OpenFile,
  type OpenOptions,
  type StatOptions,
} from "../files/download-file.ts";
import { archiveEntityTag } from "./archive-entity-tag.ts";
import { collectEntries, defaultMaxEntries, describeMembers, type MemberRules } from "./describe-members.ts";
import { processFingerprints, type Fingerprints } from "./fingerprints.ts";
import type { ArchiveEntries, ArchiveEntry, ArchiveMember } from "./member.ts";
import { OpenArchive, type ArchiveStat } from "./open-archive.ts";
import { lengthOf, type ArchiveFormat } from "./part.ts";
import { tar } from "./tar.ts";
import { zip } from "./zip.ts";

export interface ArchiveOptions {
  /** `"zip"` (the default) or `"tar"`. Neither compresses. */
  readonly format?: "zip" | "tar" | undefined;
  /** What the client sees. Default: `archive.zip` or `archive.tar`. */
  readonly name?: string | undefined;
  /** `"rename"` (the default) calls the second `a.jpg` `a (2).jpg`; `"refuse"` fails with an `ArchiveEntryError`. */
  readonly duplicates?: "rename" | "refuse" | undefined;
  /**
   * What becomes of a file that is not there. `"refuse"` (the default) answers 404; `"list"` leaves it out and says so
   * in a member `MISSING.txt`. Decided before the first byte is sent.
   */
  readonly missing?: "refuse" | "list" | undefined;
  /** More entries are answered with 413. Default 10,000. */
  readonly maxEntries?: number | undefined;
  /** A larger archive is answered with 413. In bytes. Default 50 GiB. */
  readonly maxBytes?: number | undefined;
  /** Where CRC-32s are remembered. Default: in the memory of the process. */
  readonly fingerprints?: Fingerprints | undefined;
}

const formats: Readonly<Record<"zip" | "tar", ArchiveFormat>> = { zip, tar };

/**
 * A ZIP or TAR of many files, made while it is sent. It still has an exact length, an entity tag, a modification time and
 * byte ranges, so that a download shows its progress and can resume.
 *
 * `stat()` calls `stat()` of each member. Members are opened one after the other. If a member is no longer the version that
 * `stat()` described, the connection is closed: no client takes a broken archive for a complete one.
 *
 * Its entity tag is strong if each member's is: only then does a client resume safely.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { download, VirtualFile } from "downloadview";
 * import { ArchiveFile } from "downloadview/archive";
 *
 * const archive = new ArchiveFile(
 *   [
 *     { name: "a.txt", file: new VirtualFile("A") },
 *     { name: "more/b.txt", file: new VirtualFile("B") },
 *   ],
 *   { name: "two.zip" },
 * );
 * const { size, etag } = await archive.stat();
 * assert.equal(size, 248);
 * assert.match(etag ?? "", /^"/);
 * assert.equal(download(archive).kind, "download");
 * ```
 */
export class ArchiveFile implements DownloadFile {
  readonly name: string;
  readonly #entries: ArchiveEntries | (() => ArchiveEntries | Promise<ArchiveEntries>);
  readonly #format: ArchiveFormat;
  readonly #rules: MemberRules;
  readonly #maxBytes: number;
  readonly #fingerprints: Fingerprints;
  /** The entries as they were collected last. */
  #collected: Promise<readonly ArchiveEntry[]> | undefined;

  constructor(
    entries: ArchiveEntries | (() => ArchiveEntries | Promise<ArchiveEntries>),
    options: ArchiveOptions = {},
  ) {
    const { format = "zip", name, duplicates = "rename", missing = "refuse" } = options;
    assertChoice(format, ["zip", "tar"], "ArchiveFile: format");
    assertChoice(duplicates, ["rename", "refuse"], "ArchiveFile: duplicates");
    assertChoice(missing, ["refuse", "list"], "ArchiveFile: missing");
    const { maxEntries = defaultMaxEntries, maxBytes = 50 * 2 ** 30, fingerprints = processFingerprints } = options;
    this.#entries = entries;
    this.#format = formats[format];
    this.name = name ?? `archive${this.#format.extension}`;
    this.#rules = { duplicates, missing, maxEntries };
    this.#maxBytes = maxBytes;
    this.#fingerprints = fingerprints;
  }

  /**
   * @throws {FileNotFoundError} if a file is missing and `missing` is `"refuse"`
   * @throws {ContentTooLargeError} beyond `maxEntries` or `maxBytes`
   * @throws {ArchiveEntryError} for an entry that has no known length
   */
  async stat({ signal }: StatOptions = {}): Promise<FileStat> {
    return (await this.#describe(signal)).stat;
  }

  /** The same errors as {@link stat}. */
  async open({ signal }: OpenOptions = {}): Promise<OpenFile> {
    const { stat, members } = await this.#describe(signal);
    return new OpenArchive(stat, this.#format, members, this.#fingerprints);
  }

  /**
   * What nginx's mod_zip makes the same members of: one line each. For a server in front, by `nginx({ archives: true })`.
   * @param locate - the internal URL of a file, percent-encoded, or undefined if the server has none
   * @returns undefined if this is no ZIP, or a member has no URL, or its CRC-32 is not declared
   */
  async manifest(
    locate: (file: DownloadFile) => string | undefined,
    { signal }: StatOptions = {},
  ): Promise<{ readonly text: string; readonly etag: string } | undefined> {
    if (this.#format !== formats.zip) return undefined;
    const { stat, members } = await this.#describe(signal);
    const lines = members.map((member) => manifestLine(member, locate));
    if (lines.length === 0 || lines.includes(undefined)) return undefined;
    // The same facts, but other bytes.
    return { text: lines.join(""), etag: stat.etag.replace(/"$/, '-z"') };
  }

  async #describe(signal: AbortSignal | undefined): Promise<{ stat: ArchiveStat; members: ArchiveMember[] }> {
    const members = await describeMembers(await this.#collect(), this.#rules, signal);
    const size = lengthOf(this.#format.parts(members));
    if (size > this.#maxBytes) {
      throw new ContentTooLargeError(undefined, {
        cause: new Error(`The archive has ${size} bytes, more than ${this.#maxBytes}`),
      });
    }
    const lastModified = newest(members);
    const stat = {
      size,
      etag: await archiveEntityTag(this.#format.version, members),
      contentType: this.#format.contentType,
      ...(lastModified === undefined ? {} : { lastModified }),
    };
    return { stat, members };
  }

  /** Frees the members that hold something before they are opened, such as streams. */
  async release(): Promise<void> {
    const given = Array.isArray(this.#entries) ? (this.#entries as readonly ArchiveEntry[]) : [];
    for (const { file } of (await this.#collected?.catch(() => undefined)) ?? given) if (file) releaseFile(file);
  }

  async #collect(): Promise<readonly ArchiveEntry[]> {
    const entries = this.#entries;
    const { maxEntries } = this.#rules;
    if (typeof entries === "function") {
      // Each time: an archive that outlives a request must not show what a client could have earlier.
      this.#collected = (async () => collectEntries(await entries(), maxEntries))();
    } else {
      // Once: an iterator can be gone through a single time, and both stat() and open() need its entries.
      this.#collected ??= collectEntries(entries, maxEntries);
    }
    return this.#collected;
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}

/** `<CRC-32> <length> <URL> <name>`, the form of mod_zip. Undefined for a folder, and where any of it is unknown. */
function manifestLine(
  { name, file, size, crc32 }: ArchiveMember,
  locate: (file: DownloadFile) => string | undefined,
): string | undefined {
  const url = file && locate(file);
  const crc = size === 0 ? 0 : crc32;
  if (url === undefined || crc === undefined) return undefined;
  return `${crc.toString(16).padStart(8, "0")} ${size} ${url} ${name}\n`;
}

/** Returns the newest modification time. Undefined if any is unknown, because that file may be the newest. */
function newest(members: readonly ArchiveMember[]): Date | undefined {
  let latest: Date | undefined;
  for (const { file, lastModified } of members) {
    if (file && !lastModified) return undefined;
    if (lastModified && (!latest || lastModified > latest)) latest = lastModified;
  }
  return latest;
}
