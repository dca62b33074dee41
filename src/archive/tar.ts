/**
 * TAR in the pax format (POSIX.1-2017, pax): headers of 512 bytes, content padded to 512. What a classic header cannot
 * hold (long names, other than ASCII, 8 GiB and more) goes into an extended header before it. There is no checksum of
 * content, so that a range needs no other member.
 */
import { isFolder, type ArchiveMember } from "./member.ts";
import type { ArchiveFormat, Part } from "./part.ts";

const blockSize = 512;
/** 11 octal digits. */
const maxOctal = 0o777_7777_7777;

export const tar: ArchiveFormat = {
  version: "tar-1",
  contentType: "application/x-tar",
  extension: ".tar",
  hasChecksums: false,
  parts: tarParts,
};

function* tarParts(members: readonly ArchiveMember[]): Generator<Part> {
  for (const [index, member] of members.entries()) {
    const extended = extendedRecords(member);
    const length = blockSize + (extended ? blockSize + padded(extended.byteLength) : 0);
    yield { kind: "bytes", length, write: (target) => target.set(headers(member, extended)) };
    if (member.size === 0) continue;
    yield { kind: "content", length: member.size, member: index, blocks: false };
    const padding = padded(member.size) - member.size;
    if (padding > 0) yield { kind: "bytes", length: padding, write: fillWithZeros };
  }
  // Two empty blocks end an archive.
  yield { kind: "bytes", length: 2 * blockSize, write: fillWithZeros };
}

function fillWithZeros(target: Uint8Array): void {
  target.fill(0);
}

function padded(length: number): number {
  return Math.ceil(length / blockSize) * blockSize;
}

function headers(member: ArchiveMember, extended: Uint8Array | undefined): Uint8Array {
  const own = header(member.name, member.size, member, isFolder(member) ? "5" : "0");
  if (!extended) return own;
  const bytes = new Uint8Array(2 * blockSize + padded(extended.byteLength));
  bytes.set(header("PaxHeader", extended.byteLength, member, "x"));
  bytes.set(extended, blockSize);
  bytes.set(own, blockSize + padded(extended.byteLength));
  return bytes;
}

/** Undefined where a classic header says it all. */
function extendedRecords({ name, size, lastModified }: ArchiveMember): Uint8Array | undefined {
  const seconds = secondsOf(lastModified);
  const records = [
    isClassicName(name) ? "" : record("path", name),
    size <= maxOctal ? "" : record("size", String(size)),
    seconds >= 0 && seconds <= maxOctal ? "" : record("mtime", String(seconds)),
  ].join("");
  return records === "" ? undefined : encoder.encode(records);
}

/** `"<length> <key>=<value>\n"`, where the length counts its own digits. */
function record(key: string, value: string): string {
  const rest = encoder.encode(` ${key}=${value}\n`).byteLength;
  let length = rest + String(rest).length;
  while (length !== rest + String(length).length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

/** The fields of a ustar header; the offsets are those of POSIX. */
function header(name: string, size: number, { mode, lastModified }: ArchiveMember, type: "0" | "5" | "x"): Uint8Array {
  const bytes = new Uint8Array(blockSize);
  const text = (at: number, value: string): void => bytes.set(encoder.encode(value), at);
  text(0, isClassicName(name) ? name : shortName(name));
  text(100, octal(mode & 0o777, 7));
  text(108, octal(0, 7));
  text(116, octal(0, 7));
  text(124, octal(Math.min(size, maxOctal), 11));
  text(136, octal(Math.min(Math.max(secondsOf(lastModified), 0), maxOctal), 11));
  text(156, type);
  text(257, "ustar\u000000");
  text(148, `${octal(checksum(bytes), 6)}\u0000 `);
  return bytes;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

/** The sum of all bytes, those of the checksum's own field taken as spaces. */
function checksum(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum + byte, 8 * 0x20);
}

function secondsOf(time: Date | undefined): number {
  return time ? Math.floor(time.getTime() / 1000) : 0;
}

function isClassicName(name: string): boolean {
  return name.length <= 100 && /^[\u0020-\u007E]*$/.test(name);
}

/** For readers that know no extended headers. */
function shortName(name: string): string {
  const ascii = name.replace(/[^\u0020-\u007E]/g, "_");
  return ascii.length <= 100 ? ascii : ascii.slice(ascii.length - 100).replace(/^[/ ]+/, "");
}

const encoder = new TextEncoder();
