/**
 * Names of archive members that unpack on every system, below the folder they are unpacked into. The names come from
 * users: titles, uploads, keys. So a name is changed where it has to be, and never refused.
 */

/** Longest segment that Linux, macOS and Windows all accept, in bytes of UTF-8. */
const maxSegmentBytes = 255;

/** Windows allows 260 characters with the folder that the archive is unpacked into. This leaves some for that folder. */
const maxNameLength = 220;

/** What folders may take of it, in characters, and how many there may be if they take more. */
const maxFoldersLength = 160;
const maxLongFolders = 16;

const maxPlainName = 150;

/** What Windows forbids in a name, controls, and the characters that reverse the direction of text (CVE-2021-42574). */
const forbidden = /[\u0000-\u001F\u007F-\u009F<>:"|?*\u200E\u200F\u202A-\u202E\u2066-\u2069\uFFFE\uFFFF]/g;

/** Windows opens a device for these, whatever follows the first dot, and spaces before that. */
const device = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?= *(?:\.|$))/i;

/** Whether an entry of this name is a folder. */
export function isFolderName(name: string): boolean {
  return /[\\/]$/.test(name);
}

/**
 * `name` as a member of an archive: forward slashes, NFC, no drive, no `..`, nothing that a system forbids. A folder
 * keeps its slash at the end. Empty for a folder that is the archive itself.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { safeEntryName } from "downloadview/archive";
 *
 * assert.equal(safeEntryName("C:\\photos\\..\\a: b?.jpg"), "photos/a_ b_.jpg");
 * assert.equal(safeEntryName("../../etc/passwd"), "etc/passwd");
 * assert.equal(safeEntryName("con.txt"), "_con.txt");
 * ```
 */
export function safeEntryName(name: string): string {
  if (isPlainName(name)) return name;
  const path = name
    .replace(/\p{Surrogate}/gu, "_")
    .normalize("NFC")
    .replaceAll("\\", "/")
    .replace(/^\/*[A-Za-z]:(?=\/|$)/, "");
  const segments = path
    .split("/")
    .filter((segment) => segment !== "" && !/^\.{1,2}$/.test(segment))
    .map(safeSegment);
  if (isFolderName(name)) return shortenedFolders(segments);
  return shortenedPath(segments.length > 0 ? segments : ["_"]);
}

/** Letters, digits and a few more, no dot or space at the ends of a segment: nearly all names, and nothing to change. */
const plainName = /^(?:[\w(-](?:[\w() .-]*[\w)-])?\/)*[\w(-](?:[\w() .-]*[\w)-])?\/?$/;
const deviceSegment = /(?:^|\/)(?:con|prn|aux|nul|com\d|lpt\d) *(?:[./]|$)/i;

function isPlainName(name: string): boolean {
  return name.length <= maxPlainName && plainName.test(name) && !deviceSegment.test(name);
}

function safeSegment(segment: string): string {
  const allowed = segment
    .replace(forbidden, "_")
    .replace(/[. ]+$/, "")
    .replace(/^ +/, "");
  const named = allowed === "" ? "_" : device.test(allowed) ? `_${allowed}` : allowed;
  return shortened(named, (text) => byteLength(text) <= maxSegmentBytes);
}

function shortenedPath(segments: readonly string[]): string {
  const folder = shortenedFolders(segments.slice(0, -1));
  return folder + shortened(segments.at(-1) ?? "_", fitsIn(folder));
}

/** The path of folders, with a slash at its end. The innermost of too many are left out: their files are then in the one above. */
function shortenedFolders(segments: readonly string[]): string {
  const path = segments.map((segment) => `${segment}/`).join("");
  if (path.length <= maxFoldersLength) return path;
  const kept = segments.slice(0, maxLongFolders);
  const room = Math.floor(maxFoldersLength / kept.length) - 1;
  return kept.map((segment) => `${shortened(segment, (text) => text.length <= room)}/`).join("");
}

/** Whether a last segment leaves the name below {@link maxNameLength}. It has 40 characters, however long its folder is. */
function fitsIn(folder: string): (text: string) => boolean {
  const room = Math.max(maxNameLength - folder.length, 40);
  return (text) => text.length <= room && byteLength(text) <= maxSegmentBytes;
}

/** `name` with its stem cut until it `fits`. The extension stays, since it says what opens the file. */
function shortened(name: string, fits: (text: string) => boolean): string {
  if (fits(name)) return name;
  const extension = /\.[^.]{1,16}$/.exec(name)?.[0] ?? "";
  return cut(name.slice(0, name.length - extension.length), extension, fits);
}

/** `stem` with `ending`, cut until both fit. */
function cut(stem: string, ending: string, fits: (text: string) => boolean): string {
  if (fits(stem + ending)) return stem + ending;
  // By character, not by code unit: half a surrogate pair is no text.
  // Of a stem as long as a book nothing beyond this fits: each try costs the length of the text.
  const characters = Array.from(stem.slice(0, maxSegmentBytes + 1));
  while (characters.length > 1 && !fits(characters.join("") + ending)) characters.pop();
  return characters.join("").replace(/[. ]+$/, "_") + ending;
}

const encoder = new TextEncoder();

function byteLength(text: string): number {
  return encoder.encode(text).byteLength;
}

const isASCII = /^[\u0000-\u007F]*$/;

/** Equal for names that are one file on Windows and macOS, which ignore case and Unicode normalisation. */
function collisionKey(name: string): string {
  return isASCII.test(name) ? name.toLowerCase() : name.normalize("NFC").toUpperCase().toLowerCase();
}

/** The keys of all folders that names are in: `a/b/c.txt` is in `a/` and `a/b/`. */
function foldersOf(names: readonly string[]): Set<string> {
  const folders = new Set<string>();
  let last = "";
  for (const name of names) {
    let folder = name.slice(0, name.lastIndexOf("/") + 1);
    if (folder === last) continue;
    last = folder;
    while (folder !== "" && !folders.has(collisionKey(folder))) {
      folders.add(collisionKey(folder));
      folder = folder.slice(0, folder.lastIndexOf("/", folder.length - 2) + 1);
    }
  }
  return folders;
}

/** What {@link uniqueNames} found for one name: another one where the name was taken, or a folder that is there twice. */
export type UniqueName = { readonly kind: "first" | "renamed" | "same folder"; readonly name: string };

/**
 * The names under which all members can be unpacked side by side, in the order of `names`: the second `a.jpg` becomes
 * `a (2).jpg`. A file whose name is also that of a folder is renamed as well. Folders of one name are one folder.
 */
export function uniqueNames(names: readonly string[], reserved: readonly string[] = []): UniqueName[] {
  const folders = foldersOf(names);
  const taken = new Set(reserved.map(collisionKey));
  const isTaken = (key: string): boolean => taken.has(key) || (folders.size > 0 && folders.has(`${key}/`));
  // Where to go on counting: many files of one name must not begin at 2 each time.
  const counts = new Map<string, number>();
  return names.map((name) => {
    const key = collisionKey(name);
    if (name.endsWith("/")) {
      if (taken.has(key)) return { kind: "same folder", name };
      taken.add(key);
      return { kind: "first", name };
    }
    if (!isTaken(key)) {
      taken.add(key);
      return { kind: "first", name };
    }
    let count = counts.get(key) ?? 1;
    let unique: string;
    do unique = numbered(name, (count += 1));
    while (isTaken(collisionKey(unique)));
    counts.set(key, count);
    taken.add(collisionKey(unique));
    return { kind: "renamed", name: unique };
  });
}

function numbered(name: string, count: number): string {
  const folder = name.slice(0, name.lastIndexOf("/") + 1);
  const [, stem = "", extension = ""] = /^(.+?)((?:\.tar)?\.[^.]{1,16})?$/s.exec(name.slice(folder.length)) ?? [];
  return folder + cut(stem, ` (${count})${extension}`, fitsIn(folder));
}
