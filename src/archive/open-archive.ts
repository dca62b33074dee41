import { closedEarly } from "../files/byte-reader.ts";
import { allocate } from "../files/bytes.ts";
import type { Content, SeekableContent } from "../files/content.ts";
import { releaseFile, type FileStat, type OpenFile } from "../files/download-file.ts";
import { rangeLength, type ByteRange } from "../http/range.ts";
import { refuseJSON } from "../serialization.ts";
import type { Fingerprints } from "./fingerprints.ts";
import { LargeChunk } from "./large-chunk.ts";
import { isOnDisk, type ArchiveMember } from "./member.ts";
import { OpenedMembers } from "./opened-members.ts";
import type { ArchiveFormat } from "./part.ts";
import { PartReader } from "./read-parts.ts";

export type ArchiveStat = FileStat & { readonly size: number; readonly etag: string };

const chunkSize = 64 * 1024;

/** An archive that is being sent. Its members are opened when their bytes are read. */
export class OpenArchive implements OpenFile {
  readonly stat: ArchiveStat;
  readonly #format: ArchiveFormat;
  readonly #members: readonly ArchiveMember[];
  readonly #opened: OpenedMembers;
  readonly #largeChunk = new LargeChunk();
  #isClosed = false;

  constructor(stat: ArchiveStat, format: ArchiveFormat, members: readonly ArchiveMember[], fingerprints: Fingerprints) {
    this.stat = stat;
    this.#format = format;
    this.#members = members;
    this.#opened = new OpenedMembers(members, fingerprints);
  }

  async content(range: ByteRange = { start: 0, end: this.stat.size - 1 }): Promise<Content> {
    if (this.#isReadFromDisk(range)) return this.#seekable(range);
    return { kind: "chunks", chunks: this.#chunks(range), length: rangeLength(range) };
  }

  /**
   * Whether reading takes no longer than the disk does. A writer reads few disks at a time: a slow source, or a checksum
   * that first has to be computed, would hold up the downloads of other clients.
   */
  #isReadFromDisk({ start }: ByteRange): boolean {
    const isWholeRead = start === 0 || !this.#format.hasChecksums;
    return this.#members.every(
      (member) => member.size === 0 || (isOnDisk(member) && (isWholeRead || member.crc32 !== undefined)),
    );
  }

  /** The members are read in order. A read from another position than the next one begins anew there. */
  #seekable(range: ByteRange): SeekableContent {
    let next = 0;
    let reader = this.#read(range);
    let previous: Promise<unknown> = Promise.resolve();
    const readInto = async (target: Uint8Array, position: number): Promise<number> => {
      if (this.#isClosed) throw closedEarly();
      if (position !== next) {
        this.#opened.dropAll();
        reader = this.#read({ start: range.start + position, end: range.end });
      }
      // Of a read that failed, no position is known.
      next = -1;
      const count = await reader.fill(target);
      next = position + count;
      return count;
    };
    return {
      kind: "seekable",
      length: rangeLength(range),
      readInto: (target, position) => {
        const reading = previous.then(() => readInto(target, position));
        previous = reading.catch(() => undefined);
        return reading;
      },
    };
  }

  #read(range: ByteRange): PartReader {
    return new PartReader(this.#format.parts(this.#members), range, this.#opened);
  }

  async *#chunks(range: ByteRange): AsyncGenerator<Uint8Array> {
    const reader = this.#read(range);
    let isLarge = false;
    try {
      for (let left = rangeLength(range); left > 0; isLarge = this.#largeChunk.take()) {
        if (this.#isClosed) throw closedEarly();
        const chunk = allocate(Math.min(isLarge ? LargeChunk.size : chunkSize, left));
        if ((await reader.fill(chunk)) < chunk.byteLength) throw closedEarly();
        left -= chunk.byteLength;
        yield chunk;
        this.#largeChunk.giveBack();
      }
    } finally {
      this.#largeChunk.giveBack();
    }
  }

  close(): Promise<void> {
    if (!this.#isClosed) for (const { file } of this.#members) if (file) releaseFile(file);
    this.#isClosed = true;
    this.#largeChunk.giveBack();
    return this.#opened.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}
