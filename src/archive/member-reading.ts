import { FileChangedError, IncompleteBodyError } from "../errors.ts";
import { contentLength, type Content } from "../files/content.ts";
import type { FileStat, OpenFile } from "../files/download-file.ts";
import { rangeLength, type ByteRange } from "../http/range.ts";
import { crc32 } from "./crc32.ts";
import { isStrong } from "./fingerprint-key.ts";
import type { ArchiveMember } from "./member.ts";

/** One member that is open at the version which the archive declares, and is read once, in order. */
export class MemberReading {
  readonly #opened: OpenFile;
  readonly #content: Content;
  readonly #isWhole: boolean;
  #position = 0;
  #crc32 = 0;
  #chunks: AsyncIterator<Uint8Array> | undefined;
  #rest: Uint8Array = empty;

  private constructor(opened: OpenFile, content: Content, isWhole: boolean) {
    this.#opened = opened;
    this.#content = content;
    this.#isWhole = isWhole;
  }

  /** @throws {FileChangedError} if the file is no longer the version that the archive declares */
  static async open(member: ArchiveMember, range: ByteRange, signal: AbortSignal | undefined): Promise<MemberReading> {
    if (!member.file) throw new RangeError("A folder has no content");
    const isWhole = range.start === 0 && range.end === member.size - 1;
    const pinned = member.pinned;
    const opened = await member.file.open(isWhole ? { signal, pinned } : { signal, pinned, range });
    try {
      if (opened.notModified || !isPinned(member, opened.stat)) throw changed();
      const content = await opened.content(isWhole ? undefined : range);
      const length = contentLength(content);
      if (length !== undefined && length !== rangeLength(range)) throw changed();
      return new MemberReading(opened, content, isWhole);
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  /** Fills `target` with the next bytes. @throws {IncompleteBodyError} if there are fewer */
  async read(target: Uint8Array): Promise<void> {
    const content = this.#content;
    if (content.kind === "bytes") {
      const bytes = content.bytes.subarray(this.#position, this.#position + target.byteLength);
      if (bytes.byteLength < target.byteLength) throw endedEarly();
      target.set(bytes);
    } else {
      for (let filled = 0; filled < target.byteLength;) {
        const room = target.subarray(filled);
        const count =
          content.kind === "seekable"
            ? await content.readInto(room, this.#position + filled)
            : await this.#readChunk(content.chunks, room);
        if (count === 0) throw endedEarly();
        filled += count;
      }
    }
    this.#position += target.byteLength;
    if (this.#isWhole) this.#crc32 = crc32(target, this.#crc32);
  }

  /**
   * To be called when the last byte was read.
   * @returns the CRC-32 of the member, or undefined if it was not read from its beginning to its end
   * @throws {FileChangedError} if the member has more bytes than it declared
   */
  finish(): number | undefined | Promise<number | undefined> {
    const crc32 = this.#isWhole ? this.#crc32 : undefined;
    return this.#content.kind === "chunks" ? this.#assertEnd(this.#content.chunks).then(() => crc32) : crc32;
  }

  async #assertEnd(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    if ((await this.#readChunk(chunks, new Uint8Array(1))) === 0) return;
    throw new FileChangedError("A member of the archive grew while it was read");
  }

  /** 0 at the end. */
  async #readChunk(chunks: AsyncIterable<Uint8Array>, target: Uint8Array): Promise<number> {
    this.#chunks ??= chunks[Symbol.asyncIterator]();
    while (this.#rest.byteLength === 0) {
      const { done, value } = await this.#chunks.next();
      if (done) return 0;
      this.#rest = value;
    }
    const piece = this.#rest.subarray(0, target.byteLength);
    target.set(piece);
    this.#rest = this.#rest.subarray(piece.byteLength);
    return piece.byteLength;
  }

  close(): Promise<void> {
    this.#rest = empty;
    return this.#opened.close();
  }
}

const empty = new Uint8Array();

function changed(): FileChangedError {
  return new FileChangedError("A member of the archive changed");
}

function endedEarly(): IncompleteBodyError {
  return new IncompleteBodyError("A member of the archive ended early");
}

/**
 * Whether what was opened is the version that the archive's length and entity tag are made of. A weak tag may be
 * another one by now for the same bytes, so the time decides there.
 */
function isPinned({ size, pinned }: ArchiveMember, opened: FileStat): boolean {
  if (opened.size !== undefined && opened.size !== size) return false;
  if (isStrong(pinned.etag) && opened.etag !== undefined) return opened.etag === pinned.etag;
  if (pinned.lastModified === undefined || opened.lastModified === undefined) return true;
  return pinned.lastModified.getTime() === opened.lastModified.getTime();
}
