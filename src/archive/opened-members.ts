import { FileChangedError } from "../errors.ts";
import { allocate, closedEarly } from "../files/bytes.ts";
import type { ByteRange } from "../http/range.ts";
import { checksumOnce } from "./checksum-once.ts";
import { fingerprintKey } from "./fingerprint-key.ts";
import type { Fingerprints } from "./fingerprints.ts";
import { MemberReading } from "./member-reading.ts";
import type { ArchiveMember } from "./member.ts";
import type { MemberSource } from "./read-parts.ts";

/** The members that one response reads: at most one is being read, and the next one is open or being opened. */
export class OpenedMembers implements MemberSource {
  readonly #members: readonly ArchiveMember[];
  readonly #fingerprints: Fingerprints;
  /** Aborted when the response ends, for whatever reason. */
  readonly #end = new AbortController();
  /** CRC-32s that were computed while the bytes passed, or looked up. */
  readonly #known = new Map<number, number>();
  readonly #open = new Map<number, Promise<MemberReading>>();

  constructor(members: readonly ArchiveMember[], fingerprints: Fingerprints) {
    this.#members = members;
    this.#fingerprints = fingerprints;
  }

  prepare(index: number, range: ByteRange): void {
    if (this.#end.signal.aborted || range.end < range.start) return;
    this.#drop(index);
    const opening = MemberReading.open(this.#member(index), range, this.#end.signal);
    // Its failure is that of the read, which comes later, or never.
    opening.catch(() => undefined);
    this.#open.set(index, opening);
  }

  async read(index: number, target: Uint8Array): Promise<void> {
    await (await this.#reading(index)).read(target);
  }

  async finish(index: number): Promise<void> {
    const reading = await this.#open.get(index);
    if (!reading) return;
    try {
      const crc32 = await reading.finish();
      if (crc32 !== undefined) this.#learn(index, crc32);
    } finally {
      this.#open.delete(index);
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
    const all = [...this.#open.values()];
    this.#open.clear();
    await Promise.allSettled(all.map(async (opening) => (await opening).close()));
  }

  #member(index: number): ArchiveMember {
    const member = this.#members[index];
    if (!member) throw new RangeError(`The archive has no member ${index}`);
    return member;
  }

  /** What was opened for another range of the same response. */
  #drop(index: number): void {
    this.#open
      .get(index)
      ?.then((reading) => reading.close())
      .catch(() => undefined);
    this.#open.delete(index);
  }

  #reading(index: number): Promise<MemberReading> {
    return this.#open.get(index) ?? Promise.reject(closedEarly());
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
