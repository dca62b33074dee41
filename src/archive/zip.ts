/**
 * ZIP without compression (PKWARE APPNOTE 6.3.10), laid out so that every length is known from names and sizes alone.
 *
 * - Where each source declares the CRC-32 of its content, members are stored (method 0) with the CRC in their header:
 *   every reader takes that.
 * - Otherwise the CRC is known only after the content, in a data descriptor. Java's `ZipInputStream` and funzip refuse
 *   stored members with a descriptor, since nothing in them marks the end. So the content goes into deflate blocks that
 *   store it (method 8), which mark their end themselves: unzip, 7-Zip, bsdtar, Python, Java and JavaScript readers
 *   take those from a file and from a pipe. It costs 5 bytes in 65,535.
 *
 * Which of the two it is depends on what sources declare, never on a CRC that happens to be remembered: two servers
 * answer one entity tag with the same bytes.
 */
import { isFolder, type ArchiveMember } from "./member.ts";
import type { ArchiveFormat, Part } from "./part.ts";
import { storedLength } from "./stored-blocks.ts";

const max16 = 0xffff;
const max32 = 0xffff_ffff;

/** Flags: names are UTF-8 (APPNOTE 4.4.4, bit 11); CRC and sizes follow the content (bit 3). */
const utf8 = 0x0800;
const descriptorFollows = 0x0008;

const stored = 0;
const deflated = 8;

/** Version 2.0 has folders and deflate, 4.5 has ZIP64 (APPNOTE 4.4.3). */
const version20 = 20;
const version45 = 45;
/** Made on UNIX, so that readers look at the permissions (APPNOTE 4.4.2). */
const madeOnUnix = 3 << 8;

/** How one member is laid out. */
interface ZipMember {
  readonly member: ArchiveMember;
  readonly name: Uint8Array;
  readonly method: typeof stored | typeof deflated;
  readonly flags: number;
  readonly compressedSize: number;
  /** Known before the content is read. */
  readonly crc32: number | undefined;
  /** Whether a size needs ZIP64. Only where it does: Java 22 and later refuse it elsewhere. */
  readonly isLarge: boolean;
}

export const zip: ArchiveFormat = {
  version: "zip-1",
  contentType: "application/zip",
  extension: ".zip",
  parts: zipParts,
};

function* zipParts(members: readonly ArchiveMember[]): Generator<Part> {
  const allDeclared = members.every((member) => knownCRC(member) !== undefined);
  const laidOut: ZipMember[] = [];
  const offsets: number[] = [];
  let position = 0;
  for (const [index, member] of members.entries()) {
    const entry = layOut(member, allDeclared);
    laidOut.push(entry);
    offsets.push(position);
    for (const part of memberParts(entry, index)) {
      position += part.length;
      yield part;
    }
  }
  yield* directoryParts(laidOut, offsets, position);
}

/** An empty file and a folder have the CRC of nothing. */
function knownCRC(member: ArchiveMember): number | undefined {
  return member.size === 0 ? 0 : member.crc32;
}

function layOut(member: ArchiveMember, allDeclared: boolean): ZipMember {
  const isStored = allDeclared || member.size === 0;
  const compressedSize = isStored ? member.size : storedLength(member.size);
  return {
    member,
    name: encoder.encode(member.name),
    method: isStored ? stored : deflated,
    flags: isStored ? utf8 : utf8 | descriptorFollows,
    compressedSize,
    crc32: isStored ? knownCRC(member) : undefined,
    isLarge: compressedSize >= max32,
  };
}

function* memberParts(entry: ZipMember, index: number): Generator<Part> {
  const { member, crc32 } = entry;
  yield { kind: "bytes", length: localHeaderLength(entry), bytes: () => localHeader(entry) };
  if (member.size === 0) return;
  const blocks = entry.method === deflated;
  yield { kind: "content", length: entry.compressedSize, member: index, blocks };
  if (crc32 !== undefined) return;
  const length = entry.isLarge ? 24 : 16;
  yield { kind: "checksum", length, member: index, bytes: (crc) => descriptor(entry, crc) };
}

/** APPNOTE 4.3.7. */
function localHeader(entry: ZipMember): Uint8Array {
  const { member, method, flags, name, isLarge, compressedSize, crc32 } = entry;
  const isKnown = crc32 !== undefined;
  const extra = localExtra(entry);
  return concat(
    pack(
      [4, 0x0403_4b50],
      [2, isLarge ? version45 : version20],
      [2, flags],
      [2, method],
      ...dosTime(member.lastModified),
      [4, crc32 ?? 0],
      // With a descriptor the sizes are 0 here, or say that ZIP64 has them (4.4.4 bit 3, 4.4.8).
      [4, isLarge ? max32 : isKnown ? compressedSize : 0],
      [4, isLarge ? max32 : isKnown ? member.size : 0],
      [2, name.byteLength],
      [2, extra.byteLength],
    ),
    name,
    extra,
  );
}

function localHeaderLength(entry: ZipMember): number {
  return 30 + entry.name.byteLength + (entry.isLarge ? 20 : 0) + timestampLength(entry.member);
}

/** ZIP64 sizes (4.5.3): a reader of a stream takes from their presence that those of the descriptor have 8 bytes. */
function localExtra(entry: ZipMember): Uint8Array {
  const isKnown = entry.crc32 !== undefined;
  const sizes = isKnown ? [entry.member.size, entry.compressedSize] : [0, 0];
  const zip64 = entry.isLarge ? pack([2, 1], [2, 16], [8, sizes[0]!], [8, sizes[1]!]) : empty;
  return concat(zip64, timestamp(entry.member));
}

/** APPNOTE 4.3.9, with its signature. */
function descriptor({ member, compressedSize, isLarge }: ZipMember, crc32: number): Uint8Array {
  const width = isLarge ? 8 : 4;
  return pack([4, 0x0807_4b50], [4, crc32], [width, compressedSize], [width, member.size]);
}

function* directoryParts(entries: readonly ZipMember[], offsets: readonly number[], start: number): Generator<Part> {
  let length = 0;
  for (const [index, entry] of entries.entries()) {
    const offset = offsets[index]!;
    const part = directoryPart(entry, offset, index);
    length += part.length;
    yield part;
  }
  const end = endOfDirectory(entries.length, length, start);
  yield { kind: "bytes", length: end.byteLength, bytes: () => end };
}

function directoryPart(entry: ZipMember, offset: number, index: number): Part {
  const { crc32 } = entry;
  const length = 46 + entry.name.byteLength + directoryZip64(entry, offset).byteLength + timestampLength(entry.member);
  if (crc32 === undefined) {
    return { kind: "checksum", length, member: index, bytes: (crc) => directoryHeader(entry, offset, crc) };
  }
  return { kind: "bytes", length, bytes: () => directoryHeader(entry, offset, crc32) };
}

/** APPNOTE 4.3.12. */
function directoryHeader(entry: ZipMember, offset: number, crc32: number): Uint8Array {
  const { member, method, flags, name, compressedSize } = entry;
  const zip64 = directoryZip64(entry, offset);
  const time = timestamp(member);
  return concat(
    pack(
      [4, 0x0201_4b50],
      [2, madeOnUnix | (zip64.byteLength > 0 ? version45 : version20)],
      [2, zip64.byteLength > 0 ? version45 : version20],
      [2, flags],
      [2, method],
      ...dosTime(member.lastModified),
      [4, crc32],
      [4, Math.min(compressedSize, max32)],
      [4, Math.min(member.size, max32)],
      [2, name.byteLength],
      [2, zip64.byteLength + time.byteLength],
      // No comment, one disk, no internal attributes.
      [2, 0],
      [2, 0],
      [2, 0],
      [4, externalAttributes(member)],
      [4, Math.min(offset, max32)],
    ),
    name,
    zip64,
    time,
  );
}

/** The values that do not fit their 4 bytes, in this order (4.5.3). */
function directoryZip64(entry: ZipMember, offset: number): Uint8Array {
  const large = [entry.member.size, entry.compressedSize, offset].filter((value) => value >= max32);
  if (large.length === 0) return empty;
  return pack([2, 1], [2, 8 * large.length], ...large.map((value) => [8, value] as const));
}

/** The POSIX type and permissions, and beside them the folder bit of DOS. */
function externalAttributes(member: ArchiveMember): number {
  const type = isFolder(member) ? 0o040000 : 0o100000;
  return (((type | (member.mode & 0o777)) << 16) | (isFolder(member) ? 0x10 : 0)) >>> 0;
}

/** APPNOTE 4.3.14 to 4.3.16. */
function endOfDirectory(count: number, length: number, start: number): Uint8Array {
  const needsZip64 = count >= max16 || length >= max32 || start >= max32;
  const zip64 = needsZip64 ? zip64EndOfDirectory(count, length, start) : empty;
  const counted = Math.min(count, max16);
  return concat(
    zip64,
    pack(
      [4, 0x0605_4b50],
      [2, 0],
      [2, 0],
      [2, counted],
      [2, counted],
      [4, Math.min(length, max32)],
      [4, Math.min(start, max32)],
      [2, 0],
    ),
  );
}

function zip64EndOfDirectory(count: number, length: number, start: number): Uint8Array {
  return pack(
    [4, 0x0606_4b50],
    [8, 44],
    [2, madeOnUnix | version45],
    [2, version45],
    [4, 0],
    [4, 0],
    [8, count],
    [8, count],
    [8, length],
    [8, start],
    // The locator: where the record above is.
    [4, 0x0706_4b50],
    [4, 0],
    [8, start + length],
    [4, 1],
  );
}

/** UTC, as servers in two time zones must make the same bytes. DOS has 1980 to 2107, in steps of 2 seconds (4.4.6). */
function dosTime(time: Date | undefined): [time: Field, date: Field] {
  const year = time ? time.getUTCFullYear() : 0;
  if (!time || year < 1980)
    return [
      [2, 0],
      [2, (1 << 5) | 1],
    ];
  if (year > 2107)
    return [
      [2, (23 << 11) | (59 << 5) | 29],
      [2, (127 << 9) | (12 << 5) | 31],
    ];
  const seconds = (time.getUTCHours() << 11) | (time.getUTCMinutes() << 5) | (time.getUTCSeconds() >> 1);
  return [
    [2, seconds],
    [2, ((year - 1980) << 9) | ((time.getUTCMonth() + 1) << 5) | time.getUTCDate()],
  ];
}

/** The modification time in seconds of UTC, Info-ZIP's extra field 0x5455, where 32 bits hold it. */
function timestamp(member: ArchiveMember): Uint8Array {
  const seconds = timestampOf(member);
  return seconds === undefined ? empty : pack([2, 0x5455], [2, 5], [1, 1], [4, seconds >>> 0]);
}

function timestampLength(member: ArchiveMember): number {
  return timestampOf(member) === undefined ? 0 : 9;
}

function timestampOf({ lastModified }: ArchiveMember): number | undefined {
  if (!lastModified) return undefined;
  const seconds = Math.floor(lastModified.getTime() / 1000);
  return seconds >= -0x8000_0000 && seconds <= 0x7fff_ffff ? seconds : undefined;
}

const encoder = new TextEncoder();
const empty = new Uint8Array();

type Field = readonly [width: 1 | 2 | 4 | 8, value: number];

/** Little-endian integers, one after the other. */
function pack(...fields: readonly Field[]): Uint8Array {
  const bytes = new Uint8Array(fields.reduce((length, [width]) => length + width, 0));
  let at = 0;
  for (const [width, value] of fields) {
    // Division, not shifts: sizes have up to 53 bits.
    for (let rest = value, end = at + width; at < end; at += 1, rest = Math.floor(rest / 256)) bytes[at] = rest % 256;
  }
  return bytes;
}

function concat(...arrays: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(arrays.reduce((length, array) => length + array.byteLength, 0));
  let at = 0;
  for (const array of arrays) {
    bytes.set(array, at);
    at += array.byteLength;
  }
  return bytes;
}
