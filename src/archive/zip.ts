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
import { FieldWriter, utf8Length } from "./field-writer.ts";
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
  /** In bytes. */
  readonly nameLength: number;
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
  hasChecksums: true,
  parts: zipParts,
};

function* zipParts(members: readonly ArchiveMember[]): Generator<Part> {
  const areDeclared = members.every((member) => knownCRC(member) !== undefined);
  let position = 0;
  for (let index = 0; index < members.length; index += 1) {
    const entry = layOut(members[index]!, areDeclared);
    yield* memberParts(entry, index);
    position += memberLength(entry);
  }
  yield* directoryParts(members, areDeclared, position);
}

/** An empty file and a folder have the CRC of nothing. */
function knownCRC(member: ArchiveMember): number | undefined {
  return member.size === 0 ? 0 : member.crc32;
}

function layOut(member: ArchiveMember, areDeclared: boolean): ZipMember {
  const isStored = areDeclared || member.size === 0;
  const compressedSize = isStored ? member.size : storedLength(member.size);
  return {
    member,
    nameLength: utf8Length(member.name),
    method: isStored ? stored : deflated,
    flags: isStored ? utf8 : utf8 | descriptorFollows,
    compressedSize,
    crc32: isStored ? knownCRC(member) : undefined,
    isLarge: compressedSize >= max32,
  };
}

function* memberParts(entry: ZipMember, index: number): Generator<Part> {
  yield { kind: "bytes", length: localHeaderLength(entry), write: (target) => writeLocalHeader(target, entry) };
  if (entry.member.size === 0) return;
  const blocks = entry.method === deflated;
  yield { kind: "content", length: entry.compressedSize, member: index, blocks };
  if (entry.crc32 !== undefined) return;
  const length = descriptorLength(entry);
  yield { kind: "checksum", length, member: index, write: (target, crc32) => writeDescriptor(target, entry, crc32) };
}

/** All that is before the directory. */
function memberLength(entry: ZipMember): number {
  return localHeaderLength(entry) + entry.compressedSize + descriptorLength(entry);
}

/** APPNOTE 4.3.7. */
function writeLocalHeader(target: Uint8Array, entry: ZipMember): void {
  const { member, method, flags, nameLength, isLarge, compressedSize, crc32 } = entry;
  const { time, date } = dosTime(member.lastModified);
  const isKnown = crc32 !== undefined;
  const out = new FieldWriter(target)
    .u32(0x0403_4b50)
    .u16(isLarge ? version45 : version20, flags, method, time, date)
    .u32(crc32 ?? 0)
    // With a descriptor the sizes are 0 here, or say that ZIP64 has them (4.4.4 bit 3, 4.4.8).
    .u32(isLarge ? max32 : isKnown ? compressedSize : 0)
    .u32(isLarge ? max32 : isKnown ? member.size : 0)
    .u16(nameLength, localHeaderLength(entry) - 30 - nameLength)
    .text(member.name);
  // ZIP64 sizes (4.5.3): a reader of a stream takes from their presence that those of the descriptor have 8 bytes.
  if (isLarge) out.u16(1, 16).u64(isKnown ? member.size : 0, isKnown ? compressedSize : 0);
  writeTimestamp(out, member);
}

function localHeaderLength(entry: ZipMember): number {
  return 30 + entry.nameLength + (entry.isLarge ? 20 : 0) + timestampLength(entry.member);
}

/** APPNOTE 4.3.9, with its signature. */
function writeDescriptor(target: Uint8Array, { member, compressedSize, isLarge }: ZipMember, crc32: number): void {
  const out = new FieldWriter(target).u32(0x0807_4b50, crc32);
  if (isLarge) out.u64(compressedSize, member.size);
  else out.u32(compressedSize, member.size);
}

function descriptorLength({ crc32, isLarge }: ZipMember): number {
  if (crc32 !== undefined) return 0;
  return isLarge ? 24 : 16;
}

function* directoryParts(members: readonly ArchiveMember[], areDeclared: boolean, start: number): Generator<Part> {
  let offset = 0;
  let length = 0;
  for (let index = 0; index < members.length; index += 1) {
    // Laid out anew: a hundred thousand members take no memory meanwhile.
    const entry = layOut(members[index]!, areDeclared);
    const part = directoryPart(entry, offset, index);
    offset += memberLength(entry);
    length += part.length;
    yield part;
  }
  const needsZip64 = members.length >= max16 || length >= max32 || start >= max32;
  yield {
    kind: "bytes",
    length: needsZip64 ? 76 + 22 : 22,
    write: (target) => writeEndOfDirectory(target, members.length, length, start, needsZip64),
  };
}

function directoryPart(entry: ZipMember, offset: number, index: number): Part {
  const { crc32, member } = entry;
  const length = 46 + entry.nameLength + directoryZip64Length(entry, offset) + timestampLength(member);
  if (crc32 === undefined) {
    return { kind: "checksum", length, member: index, write: (target, crc) => writeEntry(target, entry, offset, crc) };
  }
  return { kind: "bytes", length, write: (target) => writeEntry(target, entry, offset, crc32) };
}

/** An entry of the directory, APPNOTE 4.3.12. */
function writeEntry(target: Uint8Array, entry: ZipMember, offset: number, crc32: number): void {
  const { member, method, flags, nameLength, compressedSize } = entry;
  const zip64Length = directoryZip64Length(entry, offset);
  const version = zip64Length > 0 ? version45 : version20;
  const { time, date } = dosTime(member.lastModified);
  const out = new FieldWriter(target)
    .u32(0x0201_4b50)
    .u16(madeOnUnix | version, version, flags, method, time, date)
    .u32(crc32, Math.min(compressedSize, max32), Math.min(member.size, max32))
    .u16(nameLength, zip64Length + timestampLength(member))
    // No comment, one disk, no internal attributes.
    .u16(0, 0, 0)
    .u32(externalAttributes(member), Math.min(offset, max32))
    .text(member.name);
  if (zip64Length > 0) out.u16(1, zip64Length - 4).u64(...largeValues(entry, offset));
  writeTimestamp(out, member);
}

function directoryZip64Length(entry: ZipMember, offset: number): number {
  // Most archives have none: no list is made for them.
  if (!entry.isLarge && offset < max32) return 0;
  return 4 + 8 * largeValues(entry, offset).length;
}

/** The values that do not fit their 4 bytes, in this order (4.5.3). */
function largeValues({ member, compressedSize }: ZipMember, offset: number): number[] {
  return [member.size, compressedSize, offset].filter((value) => value >= max32);
}

/** The POSIX type and permissions, and beside them the folder bit of DOS. */
function externalAttributes(member: ArchiveMember): number {
  const type = isFolder(member) ? 0o040000 : 0o100000;
  return (((type | (member.mode & 0o777)) << 16) | (isFolder(member) ? 0x10 : 0)) >>> 0;
}

/** APPNOTE 4.3.14 to 4.3.16. */
function writeEndOfDirectory(
  target: Uint8Array,
  count: number,
  length: number,
  start: number,
  needsZip64: boolean,
): void {
  const out = new FieldWriter(target);
  if (needsZip64) {
    out
      .u32(0x0606_4b50)
      .u64(44)
      .u16(madeOnUnix | version45, version45)
      .u32(0, 0)
      .u64(count, count, length, start);
    // The locator: where the record above is.
    out
      .u32(0x0706_4b50, 0)
      .u64(start + length)
      .u32(1);
  }
  out
    .u32(0x0605_4b50)
    .u16(0, 0, Math.min(count, max16), Math.min(count, max16))
    .u32(Math.min(length, max32), Math.min(start, max32))
    .u16(0);
}

/** UTC, as servers in two time zones must make the same bytes. DOS has 1980 to 2107, in steps of 2 seconds (4.4.6). */
function dosTime(modified: Date | undefined): { readonly time: number; readonly date: number } {
  const year = modified ? modified.getUTCFullYear() : 0;
  if (!modified || year < 1980) return earliest;
  if (year > 2107) return latest;
  return {
    time: (modified.getUTCHours() << 11) | (modified.getUTCMinutes() << 5) | (modified.getUTCSeconds() >> 1),
    date: ((year - 1980) << 9) | ((modified.getUTCMonth() + 1) << 5) | modified.getUTCDate(),
  };
}

const earliest = { time: 0, date: (1 << 5) | 1 };
const latest = { time: (23 << 11) | (59 << 5) | 29, date: (127 << 9) | (12 << 5) | 31 };

/** The modification time in seconds of UTC, Info-ZIP's extra field 0x5455, where 32 bits hold it. */
function writeTimestamp(out: FieldWriter, member: ArchiveMember): void {
  const seconds = timestampOf(member);
  if (seconds !== undefined) out.u16(0x5455, 5).u8(1).u32(seconds);
}

function timestampLength(member: ArchiveMember): number {
  return timestampOf(member) === undefined ? 0 : 9;
}

function timestampOf({ lastModified }: ArchiveMember): number | undefined {
  if (!lastModified) return undefined;
  const seconds = Math.floor(lastModified.getTime() / 1000);
  return seconds >= -0x8000_0000 && seconds <= 0x7fff_ffff ? seconds : undefined;
}
