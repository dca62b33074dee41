import { FileChangedError } from "../errors.ts";
import { closedEarly } from "../files/byte-reader.ts";
import { allocate } from "../files/bytes.ts";
import { rangeLength, type ByteRange } from "../http/range.ts";
import { checksumOnce } from "./checksum-once.ts";
import { fingerprintKey } from "./fingerprint-key.ts";
import type { Fingerprints } from "./fingerprints.ts";
import { MemberReading } from "./member-reading.ts";
import { isOnDisk, type ArchiveMember } from "./member.ts";
import type { MemberSource } from "./read-parts.ts";

/** Members up to this size are read whole when they are opened, in bytes. */
const smallMember = 64 * 1024;

/** At most this many bytes of small members are read before they are needed, and at most this many members. */
const maxReadAhead = 64 * 1024;
const maxOpening = 16;

/** A member that is read soon. */
interface Prepared {
  readonly range: ByteRange;
  readonly kind: Preparation;
  reading: Promise<MemberReading> | undefined;
}

/**
 * - `"read"`: a small file on this machine's disk. It is read at once, and closed.
 * - `"later"`: another file on this machine's disk. Opening it takes no time, and a descriptor that a stalled client holds.
 * - `"open"`: a file elsewhere. Its source answers while the member before it is read.
 */
type Preparation = "read" | "later" | "open";

function preparationOf(member: ArchiveMember): Preparation {
  if (!isOnDisk(member)) return "open";
  return member.size <= smallMember ? "read" : "later";
}

/**
 * The members that one response reads. At most one is open and being read, and the next one is open or being opened. Of
 * small files on this machine's disk, the next few are read at a time: each costs less than half as much.
 */
export class OpenedMembers implements MemberSource {
  readonly #members: readonly ArchiveMember[];
  readonly #fingerprints: Fingerprints;
  /** Aborted when the response ends, for whatever reason. */
  readonly #end = new AbortController();
  /** CRC-32s that were computed while the bytes passed, or looked up. */
  readonly #known = new Map<number, number>();
  /** In the order in which they are read. */
  readonly #prepared = new Map<number, Prepared>();
  #bytesAhead = 0;
  #areAllSmall = true;

  constructor(members: readonly ArchiveMember[], fingerprints: Fingerprints) {
    this.#members = members;
    this.#fingerprints = fingerprints;
  }

  get hasRoom(): boolean {
    const { size } = this.#prepared;
    return size < 2 || (this.#areAllSmall && size < maxOpening && this.#bytesAhead < maxReadAhead);
  }

  prepare(index: number, range: ByteRange): void {
    if (this.#end.signal.aborted || range.end < range.start) return;
    this.#drop(index);
    const kind = preparationOf(this.#member(index));
    const prepared: Prepared = { range, kind, reading: undefined };
    this.#prepared.set(index, prepared);
    this.#count();
    if (kind !== "later") void this.#open(index, prepared);
  }

  #open(index: number, prepared: Prepared): Promise<MemberReading> {
    const reading = MemberReading.open(this.#member(index), prepared.range, this.#end.signal);
    // Its failure is that of the read, which comes later, or never.
    reading.catch(() => undefined);
    prepared.reading = reading;
    return reading;
  }

  async read(index: number, target: Uint8Array): Promise<void> {
    await (await this.#reading(index)).read(target);
  }

  async finish(index: number): Promise<void> {
    const reading = await this.#prepared.get(index)?.reading;
    if (!reading) return;
    try {
      const crc32 = await reading.finish();
      if (crc32 !== undefined) this.#learn(index, crc32);
    } finally {
      this.#forget(index);
      await reading.close();
    }
  }

  async checksum(index: number): Promise<number> {
    const member = this.#member(index);
    const known = this.#known.get(index) ?? member.crc32;
    if (known !== undefined) return known;
    const key = fingerprintKey(member);
    const crc32 =
      (key === undefined ? undefined : await recall(this.#fingerprints, key)) ?? (await this.#compute(index));
    this.#known.set(index, crc32);
    return crc32;
  }

  async close(): Promise<void> {
    this.#end.abort(closedEarly());
    const all = [...this.#prepared.values()];
    this.#prepared.clear();
    await Promise.allSettled(all.map(async ({ reading }) => (await reading)?.close()));
  }

  #member(index: number): ArchiveMember {
    const member = this.#members[index];
    if (!member) throw new RangeError(`The archive has no member ${index}`);
    return member;
  }

  /** Closes what was prepared, as the next bytes are read elsewhere. */
  dropAll(): void {
    for (const index of this.#prepared.keys()) this.#drop(index);
  }

  /** What was opened for another range of the same response. */
  #drop(index: number): void {
    this.#prepared
      .get(index)
      ?.reading?.then((reading) => reading.close())
      .catch(() => undefined);
    this.#forget(index);
  }

  #forget(index: number): void {
    if (this.#prepared.delete(index)) this.#count();
  }

  #count(): void {
    this.#bytesAhead = 0;
    this.#areAllSmall = true;
    for (const { range, kind } of this.#prepared.values()) {
      this.#bytesAhead += rangeLength(range);
      if (kind !== "read") this.#areAllSmall = false;
    }
  }

  #reading(index: number): Promise<MemberReading> {
    const prepared = this.#prepared.get(index);
    if (!prepared) return Promise.reject(closedEarly());
    return prepared.reading ?? this.#open(index, prepared);
  }

  #learn(index: number, crc32: number): void {
    const member = this.#member(index);
    if (member.crc32 !== undefined && member.crc32 !== crc32) {
      throw new FileChangedError("A member of the archive is not what its CRC-32 says");
    }
    this.#known.set(index, crc32);
    const key = fingerprintKey(member);
    if (key !== undefined) remember(this.#fingerprints, key, crc32);
  }

  /** Reads all of a member for its checksum alone, once for all responses that need it at the same time. */
  async #compute(index: number): Promise<number> {
    const member = this.#member(index);
    const key = fingerprintKey(member);
    const { signal } = this.#end;
    if (key === undefined) return readChecksum(member, signal);
    const crc32 = await checksumOnce(key, (stop) => readChecksum(member, stop), signal);
    remember(this.#fingerprints, key, crc32);
    return crc32;
  }
}

/** In bytes. */
const chunkSize = 256 * 1024;

async function readChecksum(member: ArchiveMember, signal: AbortSignal): Promise<number> {
  const reading = await MemberReading.open(member, { start: 0, end: member.size - 1 }, signal);
  const close = (): void => void reading.close().catch(() => undefined);
  signal.addEventListener("abort", close, { once: true });
  try {
    const buffer = allocate(Math.min(member.size, chunkSize));
    for (let position = 0; position < member.size; position += chunkSize) {
      signal.throwIfAborted();
      await reading.read(buffer.subarray(0, member.size - position));
    }
    return (await reading.finish()) ?? 0;
  } finally {
    signal.removeEventListener("abort", close);
    await reading.close();
  }
}

/** If the store fails, the member is read once more, and the download goes on. */
async function recall(fingerprints: Fingerprints, key: string): Promise<number | undefined> {
  try {
    return await fingerprints.get(key);
  } catch {
    return undefined;
  }
}

function remember(fingerprints: Fingerprints, key: string, crc32: number): void {
  try {
    Promise.resolve(fingerprints.set(key, crc32)).catch(() => undefined);
  } catch {
    // As above.
  }
}
