import type { ByteRange } from "../http/range.ts";
import { Semaphore } from "../semaphore.ts";
import type { BytesPart, ChecksumPart, ContentPart, Part } from "./part.ts";
import { contentBefore, insertBlockHeads } from "./stored-blocks.ts";

/** Where the bytes of members come from. */
export interface MemberSource {
  /** Whether a member is small, and near: then many are read at the same time, by {@link readQuick}. */
  isQuick(member: number): boolean;
  /** Fills `target` with the bytes `range` of a member. @throws {FileChangedError} */
  readQuick(member: number, range: ByteRange, target: Uint8Array): Promise<void>;
  /** Announces that the bytes `range` of a member are read after those of the current one. Never rejects. */
  prepare(member: number, range: ByteRange): void;
  /** Fills `target` with the next bytes of `range` of a member. @throws {FileChangedError} */
  read(member: number, range: ByteRange, target: Uint8Array): Promise<void>;
  /** The last byte of the range was read: closes the member. @throws {FileChangedError} if there are more */
  finish(member: number): Promise<void>;
  /** The CRC-32 of all of a member. */
  checksum(member: number): number | Promise<number>;
}

/** The bytes `from` to `to` of a part, `to` not included. */
interface Slice {
  readonly part: Part;
  readonly from: number;
  readonly to: number;
}

/** The bytes of a part from `from` on, which belong into `room`. */
interface Piece<P extends Part> {
  readonly part: P;
  readonly from: number;
  readonly room: Uint8Array;
}

/** At most this many parts are passed in search of the next content. */
const maxLookahead = 1000;

/** Members that are read at a time, of all archives together. With fewer, Node's threads fall asleep between two of them. */
const places = new Semaphore(64);

/** The bytes `range` of an archive, in order. Parts outside of it cost nothing: no member before it is read. */
export class PartReader {
  readonly #slices: Iterator<Slice, undefined>;
  readonly #members: MemberSource;
  /** Slices that were passed while the next content was looked for. */
  readonly #ahead: Slice[] = [];
  #current: Slice | undefined;
  /** How many bytes of the current slice were written. */
  #written = 0;

  constructor(parts: Iterable<Part>, range: ByteRange, members: MemberSource) {
    this.#slices = slices(parts, range);
    this.#members = members;
  }

  /**
   * Fills `target`, and returns how many bytes that took: fewer only at the end of the range. When it settles, also if it
   * fails, nothing writes to `target` any more.
   */
  async fill(target: Uint8Array): Promise<number> {
    const readings = new Readings();
    const checksums: Piece<ChecksumPart>[] = [];
    let filled = 0;
    try {
      filled = await this.#fill(target, readings, checksums);
    } finally {
      await readings.over();
    }
    // Last: the members before them are read by now.
    for (const { part, from, room } of checksums) {
      const crc32 = this.#members.checksum(part.member);
      writeMade(part, from, room, typeof crc32 === "number" ? crc32 : await crc32);
    }
    return filled;
  }

  async #fill(target: Uint8Array, readings: Readings, checksums: Piece<ChecksumPart>[]): Promise<number> {
    let filled = 0;
    while (filled < target.byteLength && !readings.hasFailed) {
      const slice = (this.#current ??= this.#next());
      if (!slice) break;
      const { part, to } = slice;
      const from = slice.from + this.#written;
      const room = target.subarray(filled, filled + to - from);
      if (part.kind === "bytes") writeMade(part, from, room, 0);
      else if (part.kind === "checksum") checksums.push({ part, from, room });
      else if (this.#isQuick(slice, room)) {
        await places.enter();
        void this.#readQuick(part, slice, room, readings);
      } else await this.#readContent(part, slice, from, room);
      filled += room.byteLength;
      this.#written += room.byteLength;
      if (from + room.byteLength === to) this.#current = undefined;
    }
    return filled;
  }

  /** Whether all of a slice is read at once, beside what follows it. */
  #isQuick({ part, from, to }: Slice, room: Uint8Array): boolean {
    return part.kind === "content" && room.byteLength === to - from && this.#members.isQuick(part.member);
  }

  /** Never rejects: a failure is kept for the end of the readings. */
  async #readQuick(part: ContentPart, { from, to }: Slice, room: Uint8Array, readings: Readings): Promise<void> {
    readings.begin();
    try {
      const range = contentRange(part, from, to);
      const count = range.end + 1 - range.start;
      if (count > 0) await this.#members.readQuick(part.member, range, room.subarray(room.byteLength - count));
      if (part.blocks) insertBlockHeads(room, from, part.length);
    } catch (reason) {
      readings.fail(reason);
    } finally {
      places.leave();
      readings.end();
    }
  }

  async #readContent(part: ContentPart, { from, to }: Slice, at: number, room: Uint8Array): Promise<void> {
    const range = contentRange(part, from, to);
    const end = at + room.byteLength;
    const count = contentStart(part, end) - contentStart(part, at);
    if (count > 0) await this.#members.read(part.member, range, room.subarray(room.byteLength - count));
    if (part.blocks) insertBlockHeads(room, at, part.length);
    if (end === to) await this.#members.finish(part.member);
  }

  #next(): Slice | undefined {
    this.#written = 0;
    const slice = this.#ahead.shift() ?? this.#pull();
    if (slice?.part.kind === "content") this.#prepareNext();
    return slice;
  }

  #pull(): Slice | undefined {
    const { done, value } = this.#slices.next();
    if (done) return undefined;
    const { part, from, to } = value;
    if (part.kind === "content") this.#members.prepare(part.member, contentRange(part, from, to));
    return value;
  }

  /** Announces the member after the current one. */
  #prepareNext(): void {
    while (this.#ahead.length < maxLookahead) {
      const slice = this.#pull();
      if (!slice) return;
      this.#ahead.push(slice);
      if (slice.part.kind === "content") return;
    }
  }
}

/** Counts the members that are being read at the same time, each into its place in one piece of memory. */
class Readings {
  #count = 0;
  #failure: { readonly reason: unknown } | undefined;
  #onOver: (() => void) | undefined;

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  begin(): void {
    this.#count += 1;
  }

  fail(reason: unknown): void {
    this.#failure ??= { reason };
  }

  end(): void {
    this.#count -= 1;
    if (this.#count === 0) this.#onOver?.();
  }

  /** Settles when none goes on. Rejects if one of them failed. */
  async over(): Promise<void> {
    if (this.#count > 0) await new Promise<void>((resolve) => (this.#onOver = resolve));
    if (this.#failure) throw this.#failure.reason;
  }
}

/** Fills `room` with the bytes of a part from `from` on. */
function writeMade(part: BytesPart | ChecksumPart, from: number, room: Uint8Array, crc32: number): void {
  if (room.byteLength === part.length) return part.write(room, crc32);
  const bytes = new Uint8Array(part.length);
  part.write(bytes, crc32);
  room.set(bytes.subarray(from, from + room.byteLength));
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
function contentRange(part: ContentPart, from: number, to: number): ByteRange {
  return { start: contentStart(part, from), end: contentStart(part, to) - 1 };
}
