import { FileChangedError, IncompleteBodyError } from "../errors.ts";
import { closedEarly } from "../files/bytes.ts";
import { readOpened } from "../files/content.ts";
import type { FileStat, OpenFile } from "../files/download-file.ts";
import { rangeLength, type ByteRange } from "../http/range.ts";
import { crc32 } from "./crc32.ts";
import { fingerprintKey, isStrong } from "./fingerprint-key.ts";
import type { Fingerprints } from "./fingerprints.ts";
import type { ArchiveMember } from "./member.ts";
import type { MemberReader } from "./read-parts.ts";

/** The members that one response reads: at most one is open and one more is being opened. */
export class OpenedMembers implements MemberReader {
  readonly #members: readonly ArchiveMember[];
  readonly #fingerprints: Fingerprints;
  readonly #signal: AbortSignal | undefined;
  /** CRC-32s that were computed while the bytes passed, or looked up. */
  readonly #known = new Map<number, number>();
  readonly #open = new Map<number, Promise<OpenFile>>();
  #isClosed = false;

  constructor(members: readonly ArchiveMember[], fingerprints: Fingerprints, signal: AbortSignal | undefined) {
    this.#members = members;
    this.#fingerprints = fingerprints;
    this.#signal = signal;
  }

  prepare(index: number, range: ByteRange): void {
    // Its failure is that of the read, which comes later, or never.
    this.#opening(index, range).catch(() => undefined);
  }

  /** Settles when the first member that is needed is open: until then a failure still has a status. */
  async prepared(): Promise<void> {
    await Promise.all(this.#open.values());
  }

  async *read(index: number, range: ByteRange): AsyncGenerator<Uint8Array> {
    const member = this.#member(index);
    const opened = await this.#opening(index, range);
    const isWhole = range.start === 0 && range.end === member.size - 1;
    let left = rangeLength(range);
    let checksum = 0;
    try {
      for await (const chunk of readOpened(opened, range)) {
        left -= chunk.byteLength;
        if (left < 0) throw new FileChangedError("A member of the archive grew while it was read");
        if (isWhole) checksum = crc32(chunk, checksum);
        yield chunk;
      }
      if (left > 0) throw new IncompleteBodyError("A member of the archive ended early");
      if (isWhole) this.#learn(index, checksum);
    } finally {
      this.#open.delete(index);
      await opened.close();
    }
  }

  async checksum(index: number): Promise<number> {
    return (
      this.#known.get(index) ??
      this.#member(index).crc32 ??
      (await this.#remembered(index)) ??
      (await this.#computed(index))
    );
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const all = [...this.#open.values()];
    this.#open.clear();
    await Promise.allSettled(all.map(async (opening) => (await opening).close()));
  }

  #member(index: number): ArchiveMember {
    const member = this.#members[index];
    if (!member) throw new RangeError(`The archive has no member ${index}`);
    return member;
  }

  #opening(index: number, range: ByteRange): Promise<OpenFile> {
    if (this.#isClosed) return Promise.reject(closedEarly());
    let opening = this.#open.get(index);
    if (!opening) {
      opening = openPinned(this.#member(index), range, this.#signal);
      this.#open.set(index, opening);
    }
    return opening;
  }

  #learn(index: number, checksum: number): void {
    const member = this.#member(index);
    if (member.crc32 !== undefined && member.crc32 !== checksum) {
      throw new FileChangedError("A member of the archive is not what its CRC-32 says");
    }
    this.#known.set(index, checksum);
    const key = fingerprintKey(member);
    if (key !== undefined) remember(this.#fingerprints, key, checksum);
  }

  async #remembered(index: number): Promise<number | undefined> {
    const key = fingerprintKey(this.#member(index));
    return key === undefined ? undefined : recall(this.#fingerprints, key);
  }

  /** Reads all of a member for its checksum alone, once for all who ask for it at the same time. */
  async #computed(index: number): Promise<number> {
    const member = this.#member(index);
    const key = fingerprintKey(member);
    const shared = key === undefined ? undefined : computing.get(key);
    const computed = shared ?? checksumOf(member, key, this.#fingerprints);
    const checksum = await computed;
    if (this.#isClosed) throw closedEarly();
    this.#known.set(index, checksum);
    return checksum;
  }
}

const computing = new Map<string, Promise<number>>();

function checksumOf(member: ArchiveMember, key: string | undefined, fingerprints: Fingerprints): Promise<number> {
  const computed = readChecksum(member);
  if (key === undefined) return computed;
  computing.set(key, computed);
  const settled = (): void => void computing.delete(key);
  computed.then(settled, settled);
  computed.then(
    (checksum) => remember(fingerprints, key, checksum),
    () => undefined,
  );
  return computed;
}

async function readChecksum(member: ArchiveMember): Promise<number> {
  const range = { start: 0, end: member.size - 1 };
  // Not ended by the signal of the client that asked first: others may wait for it as well.
  const opened = await openPinned(member, range, undefined);
  try {
    let checksum = 0;
    let length = 0;
    for await (const chunk of readOpened(opened, range)) {
      checksum = crc32(chunk, checksum);
      length += chunk.byteLength;
    }
    if (length !== member.size) throw new FileChangedError("A member of the archive has another length now");
    return checksum;
  } finally {
    await opened.close();
  }
}

/** Opens the very version that the archive declares. @throws {FileChangedError} */
async function openPinned(member: ArchiveMember, range: ByteRange, signal: AbortSignal | undefined): Promise<OpenFile> {
  if (!member.file) throw new RangeError("A folder has no content");
  const isWhole = range.start === 0 && range.end === member.size - 1;
  const opened = await member.file.open({ signal, ...(isWhole ? {} : { range }) });
  if (isPinned(member, opened.stat)) return opened;
  await opened.close();
  throw new FileChangedError("A member of the archive changed");
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

/** A store that fails costs a second look at the bytes, not the download. */
async function recall(fingerprints: Fingerprints, key: string): Promise<number | undefined> {
  try {
    return await fingerprints.get(key);
  } catch {
    return undefined;
  }
}

function remember(fingerprints: Fingerprints, key: string, checksum: number): void {
  try {
    Promise.resolve(fingerprints.set(key, checksum)).catch(() => undefined);
  } catch {
    // As above.
  }
}
