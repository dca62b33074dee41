import { assertChoice } from "../choice.ts";
import { FileExistsError, InvalidPathError } from "../errors.ts";
import type { SaveOptions } from "./storage.ts";

/** The limit of S3, the lowest of all supported storages. */
const maxBytes = 1024;

/**
 * Returns `name` unchanged if every storage accepts it: segments separated by `/`, none of them empty,
 * `.` or `..`; no backslash (a separator on Windows), no control character, no half of a surrogate pair (two such names
 * would be one file), and no more than 1024 bytes of UTF-8.
 *
 * @throws {InvalidPathError} with the reason in its `cause`
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { InvalidPathError, normalizeName } from "downloadview";
 *
 * assert.equal(normalizeName("reports/Q1 2026.pdf"), "reports/Q1 2026.pdf");
 * assert.throws(() => normalizeName("reports/../../etc/passwd"), InvalidPathError);
 * ```
 */
export function normalizeName(name: string): string {
  const fault = faultOf(name);
  if (fault !== undefined) throw new InvalidPathError(undefined, { cause: new Error(`The name ${fault}`) });
  return name;
}

/**
 * Returns `name` if a file that is on this machine's disk already can have it. A POSIX file system accepts
 * backslashes, tabs and line breaks, which other storages refuse. `separator` is the system's own.
 *
 * @throws {InvalidPathError} with the reason in its `cause`
 */
export function normalizeLocalName(name: string, separator: string): string {
  if (separator === "\\") return normalizeName(name);
  const fault = name.includes("\0") ? "holds a NUL" : portableFaultOf(name);
  if (fault !== undefined) throw new InvalidPathError(undefined, { cause: new Error(`The name ${fault}`) });
  return name;
}

function faultOf(name: string): string | undefined {
  if (/[\0-\x1f\x7f]/.test(name)) return "holds a control character";
  if (name.includes("\\")) return "holds a backslash";
  return portableFaultOf(name);
}

function portableFaultOf(name: string): string | undefined {
  if (name.split("/").some((segment) => segment === "" || isDotSegment(segment))) {
    return 'holds a segment that is empty, "." or ".."';
  }
  return textFaultOf(name);
}

/**
 * Returns `key` if an object store can keep an object under it, as it is. Slashes and backslashes are characters like any
 * other there: `a//b`, `/a`, `a/` and `a\\b` are four keys. Refused are an empty key, control characters, half a surrogate
 * pair, more than 1024 bytes of UTF-8, and the segments `.` and `..`, which a URL cannot hold.
 *
 * @throws {InvalidPathError} with the reason in its `cause`
 */
export function normalizeKey(key: string): string {
  const fault = faultOfKey(key);
  if (fault !== undefined) throw new InvalidPathError(undefined, { cause: new Error(`The key ${fault}`) });
  return key;
}

function faultOfKey(key: string): string | undefined {
  if (key === "") return "is empty";
  if (/[\0-\x1f\x7f]/.test(key)) return "holds a control character";
  // URL parsers treat a backslash as a slash.
  if (key.split(/[/\\]/).some(isDotSegment)) return 'holds a segment "." or ".."';
  return textFaultOf(key);
}

function textFaultOf(text: string): string | undefined {
  if (/\p{Surrogate}/u.test(text)) return "holds half a surrogate pair";
  if (byteLength(text) > maxBytes) return `is longer than ${maxBytes} bytes`;
  return undefined;
}

function isDotSegment(segment: string): boolean {
  return segment === "." || segment === "..";
}

/** A prefix that names to list may begin with: a name, or the beginning of one. @throws {InvalidPathError} */
export function normalizePrefix(prefix: string): string {
  if (prefix !== "") normalizeName(prefix.endsWith("/") ? prefix.slice(0, -1) : prefix);
  return prefix;
}

/** The limit of most file systems for one segment, in bytes of UTF-8. */
const maxSegmentBytes = 255;

/** Returns another, random name for a file whose own name is taken: `report_k3x9w2a.pdf`, beside `report.pdf`. */
export function alternativeName(name: string): string {
  const folder = name.slice(0, name.lastIndexOf("/") + 1);
  const [, stem = "", extension = ""] = /^(.+?)((?:\.tar)?\.[^.]*)?$/s.exec(name.slice(folder.length)) ?? [];
  const ending = `_${randomLetters(7)}${extension}`;
  return `${folder}${cut(stem, maxSegmentBytes - byteLength(ending))}${ending}`;
}

/** Returns the beginning of `text`, in whole characters, that fits into `bytes` of UTF-8. */
function cut(text: string, bytes: number): string {
  // As a stream, whose next chunk would bring the rest of a character that is cut: without it that is left out.
  return new TextDecoder().decode(new TextEncoder().encode(text).subarray(0, bytes), { stream: true });
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

/** Returns random letters and digits that an attacker cannot guess. */
export function randomLetters(count: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(count));
  return Array.from(bytes, (byte) => (byte % 36).toString(36)).join("");
}

/** @throws {ImproperlyConfiguredError} for anything but one of the three, or undefined: a mistyped value could replace a file */
export function assertIfExists({ ifExists }: SaveOptions): void {
  assertChoice(ifExists, ["replace", "rename", "fail"], "save(): ifExists");
}

/** The error of `save()` with `ifExists: "fail"`: 409. */
export function nameTaken(cause?: unknown): FileExistsError {
  return new FileExistsError(undefined, { cause });
}
