import type { ByteRange } from "../http/range.ts";
import type { BytesPart, ChecksumPart, ContentPart, Part } from "./part.ts";
import { contentBefore, insertBlockHeads } from "./stored-blocks.ts";

/** Where the bytes of members come from. */
export interface MemberSource {
  /** Whether one more member may be prepared before those that are. */
  readonly hasRoom: boolean;
  /** Announces that the bytes `range` of a member are read next, after those that were prepared, in order. Never rejects. */
  prepare(member: number, range: ByteRange): void;
  /** Fills `target` with the next bytes of a member that was prepared. @throws {FileChangedError} */
  read(member: number, target: Uint8Array): Promise<void>;
  /** The last byte of what was prepared was read: closes the member. @throws {FileChangedError} if there are more */
  finish(member: number): Promise<void>;
  /** The CRC-32 of all of a member. */
  checksum(member: number): Promise<number>;
}

/** The bytes `from` to `to` of a part, `to` not included. */
interface Slice {
  readonly part: Part;
  from: number;
  readonly to: number;
  /** Of a part that is made, where it does not fit in one piece. */
  bytes?: Uint8Array;
}

/** At most this many parts are passed in search of the next content. */
const maxLookahead = 1000;

/** The bytes `range` of an archive, in order. Parts outside of it cost nothing: no member before it is read. */
export class PartReader {
  readonly #slices: Iterator<Slice, undefined>;
  readonly #members: MemberSource;
  /** Slices that were passed while the next content was looked for. */
  readonly #ahead: Slice[] = [];
  #current: Slice | undefined;

  constructor(parts: Iterable<Part>, range: ByteRange, members: MemberSource) {
    this.#slices = slices(parts, range);
    this.#members = members;
  }

  /** Fills `target`, and returns how many bytes that took: fewer only at the end of the range. */
  async fill(target: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < target.byteLength) {
      const slice = (this.#current ??= this.#next());
      if (!slice) break;
      const room = target.subarray(filled, filled + slice.to - slice.from);
      if (slice.part.kind === "content") await this.#readContent(slice, slice.part, room);
      else if (slice.part.kind === "bytes") writeFrom(slice, slice.part, room, 0);
      else writeFrom(slice, slice.part, room, slice.bytes ? 0 : await this.#members.checksum(slice.part.member));
      slice.from += room.byteLength;
      filled += room.byteLength;
      if (slice.from === slice.to) this.#current = undefined;
    }
    return filled;
  }

  async #readContent(slice: Slice, part: ContentPart, room: Uint8Array): Promise<void> {
    const from = contentStart(part, slice.from);
    const count = contentStart(part, slice.from + room.byteLength) - from;
    if (count > 0) await this.#members.read(part.member, room.subarray(room.byteLength - count));
    if (part.blocks) insertBlockHeads(room, slice.from, part.length);
    if (slice.from + room.byteLength === slice.to) await this.#members.finish(part.member);
  }

  #next(): Slice | undefined {
    const slice = this.#ahead.shift() ?? this.#pull();
    if (slice?.part.kind === "content") this.#prepareNext();
    return slice;
  }

  #pull(): Slice | undefined {
    const { done, value } = this.#slices.next();
    if (done) return undefined;
    if (value.part.kind === "content") this.#members.prepare(value.part.member, contentRange(value.part, value));
    return value;
  }

  /** Prepares the members that are read after the current one. */
  #prepareNext(): void {
    while (this.#members.hasRoom && this.#ahead.length < maxLookahead) {
      const slice = this.#pull();
      if (!slice) return;
      this.#ahead.push(slice);
    }
  }
}

/** Fills `room` with the next bytes of a part that is made. */
function writeFrom(slice: Slice, part: BytesPart | ChecksumPart, room: Uint8Array, crc32: number): void {
  if (room.byteLength === part.length) return part.write(room, crc32);
  if (!slice.bytes) part.write((slice.bytes = new Uint8Array(part.length)), crc32);
  room.set(slice.bytes.subarray(slice.from, slice.from + room.byteLength));
}

function* slices(parts: Iterable<Part>, { start, end }: ByteRange): Generator<Slice, undefined> {
  let position = 0;
  for (const part of parts) {
    const from = Math.max(start - position, 0);
    const to = Math.min(end + 1 - position, part.length);
    if (from < to) yield { part, from, to };
    position += part.length;
    if (position > end) return;
  }
}

/** How many bytes of the member come before byte `offset` of its part. */
function contentStart(part: ContentPart, offset: number): number {
  return part.blocks ? contentBefore(offset) : offset;
}

/** Empty, with an `end` before its `start`, where the slice has bytes of a block's head alone. */
function contentRange(part: ContentPart, { from, to }: Slice): ByteRange {
  return { start: contentStart(part, from), end: contentStart(part, to) - 1 };
}
