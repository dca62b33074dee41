import { FileChangedError } from "../errors.ts";
import { closedEarly } from "../files/byte-reader.ts";
import { allocate } from "../files/bytes.ts";
import type { ByteRange } from "../http/range.ts";
import { checksumOnce } from "./checksum-once.ts";
import { fingerprintKey } from "./fingerprint-key.ts";
import type { Fingerprints } from "./fingerprints.ts";
import { MemberReading } from "./member-reading.ts";
import { isOnDisk, type ArchiveMember } from "./member.ts";
import type { MemberSource } from "./read-parts.ts";

/** Local members up to this size, in bytes, are read many at a time, each at once. */
const maxQuick = 64 * 1024;

/**
 * The members that one response reads. At most one is open and being read. If the next one is elsewhere, its source is asked
 * meanwhile; a file on this machine's disk takes no time to open, and only small ones are read several at a time.
 */
export class OpenedMembers implements MemberSource {
  readonly #members: readonly ArchiveMember[];
  readonly #fingerprints: Fingerprints;
  /** Aborted when the response ends, for whatever reason. */
  readonly #end = new AbortController();
  /** CRC-32s that were computed while the bytes passed, or looked up. */
  readonly #known = new Map<number, number>();
  /** What is read in several steps, or read next. */
  readonly #opened = new Map<number, Promise<MemberReading>>();

  constructor(members: readonly ArchiveMember[], fingerprints: Fingerprints) {
    this.#members = members;
    this.#fingerprints = fingerprints;
  }

  isQuick(index: number): boolean {
    const member = this.#member(index);
    return member.size <= maxQuick && isOnDisk(member);
  }

  prepare(index: number, range: ByteRange): void {
    if (this.#end.signal.aborted || range.end < range.start || isOnDisk(this.#member(index))) return;
    this.#drop(index);
    void this.#open(index, range);
  }

  async read(index: number, range: ByteRange, target: Uint8Array): Promise<void> {
    const reading = await (this.#opened.get(index) ?? this.#open(index, range));
    await reading.read(target);
  }

  async finish(index: number): Promise<void> {
    const reading = await this.#opened.get(index);
    if (!reading) return;
    try {
      this.#learn(index, await reading.finish());
    } finally {
      this.#opened.delete(index);
      await reading.close();
    }
  }

  async readQuick(index: number, range: ByteRange, target: Uint8Array): Promise<void> {
    const { signal } = this.#end;
    if (signal.aborted) throw closedEarly();
    const reading = await MemberReading.open(this.#member(index), range, signal);
    try {
      await reading.read(target);
      this.#learn(index, await reading.finish());
    } finally {
      await reading.close();
    }
  }

  checksum(index: number): number | Promise<number> {
    return this.#known.get(index) ?? this.#member(index).crc32 ?? this.#lookUp(index);
  }

  async #lookUp(index: number): Promise<number> {
    const key = fingerprintKey(this.#member(index));
    const crc32 =
      (key === undefined ? undefined : await recall(this.#fingerprints, key)) ?? (await this.#compute(index));
    this.#known.set(index, crc32);
    return crc32;
  }

  async close(): Promise<void> {
    this.#end.abort(closedEarly());
    const all = [...this.#opened.values()];
    this.#opened.clear();
    await Promise.allSettled(all.map(async (opening) => (await opening).close()));
  }

  #member(index: number): ArchiveMember {
    const member = this.#members[index];
    if (!member) throw new RangeError(`The archive has no member ${index}`);
    return member;
  }

  #open(index: number, range: ByteRange): Promise<MemberReading> {
    const { signal } = this.#end;
    if (signal.aborted) return Promise.reject(closedEarly());
    const opening = MemberReading.open(this.#member(index), range, signal);
    // Its failure is that of the read, which comes later, or never.
    opening.catch(() => undefined);
    this.#opened.set(index, opening);
    return opening;
  }

  /** Closes what was prepared, as the next bytes are read elsewhere. */
  dropAll(): void {
    for (const index of this.#opened.keys()) this.#drop(index);
  }

  /** What was opened for another range of the same response. */
  #drop(index: number): void {
    this.#opened
      .get(index)
      ?.then((reading) => reading.close())
      .catch(() => undefined);
    this.#opened.delete(index);
  }

  /** `crc32` is undefined if the member was read in part. */
  #learn(index: number, crc32: number | undefined): void {
    if (crc32 === undefined) return;
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
