import { constants } from "node:fs";
import { link, lstat, mkdir, open, opendir, rename, unlink, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { debug, warnOnce } from "../../diagnostics.ts";
import { InvalidPathError, isDownloadError, UpstreamError } from "../../errors.ts";
import { readBytes } from "../../files/byte-reader.ts";
import { assertByteSource } from "../../files/byte-source.ts";
import { concatBytes, copyOf } from "../../files/bytes.ts";
import { LocalRoot } from "../../files/local/root.ts";
import { alternativeName, assertIfExists, nameTaken, randomLetters } from "../name.ts";
import type { SaveOptions, StorageContent } from "../storage.ts";

/** The permission bits of saved files and their folders. */
export interface FileModes {
  /** Permission bits of a new file, before the umask. Default `0o666`. */
  fileMode?: number;
  /** Permission bits of a new folder, before the umask. Default `0o777`. */
  directoryMode?: number;
}

/**
 * Writes `content` to a temporary file beside its place, then moves it there in one step. So readers never see a part of
 * the file, and two saves of one name never mix.
 */
export async function saveWhole(
  root: string,
  name: string,
  content: StorageContent,
  options: SaveOptions & FileModes,
): Promise<string> {
  assertByteSource(content);
  assertIfExists(options);
  const folder = await onStorage(() => makeFolder(root, dirname(join(root, name)), options.directoryMode));
  // An early check, before a long upload is read. The check after the upload decides.
  if (options.ifExists === "fail" && (await isTaken(join(folder, basename(name))))) throw nameTaken();
  const part = join(folder, partName());
  const swept = sweepOnce(folder);
  try {
    await writePart(part, content, options);
    return await onStorage(() => moveInto(folder, part, name, options.ifExists));
  } finally {
    await unlink(part).catch(() => undefined);
    await swept;
  }
}

/** A save that has written nothing for so long, in milliseconds, was killed. A slow upload writes now and then. */
const abandonedAfter = 24 * 60 * 60 * 1000;

const maxSwept = 4096;
const sweptFolders = new Set<string>();

/** Removes what killed saves left in a folder, when the first file of this process is saved there. */
async function sweepOnce(folder: string): Promise<void> {
  if (sweptFolders.has(folder)) return;
  if (sweptFolders.size >= maxSwept) sweptFolders.clear();
  sweptFolders.add(folder);
  // The save does not depend on it.
  await sweepFolder(folder).catch(() => undefined);
}

/**
 * Removes the parts of files that saves left in a folder when their process was killed, a day or more ago. Returns how many, and
 * warns once of the first.
 */
export async function sweepFolder(folder: string): Promise<number> {
  let removed = 0;
  for await (const entry of await opendir(folder)) {
    if (entry.isFile() && isPartName(entry.name) && (await removeAbandoned(join(folder, entry.name)))) removed += 1;
  }
  if (removed > 0) {
    debug(() => `removed ${removed} abandoned part files in ${folder}`);
    warnOnce(
      "DOWNLOADVIEW_ABANDONED_SAVES",
      "FileSystemStorage removed part files (*.downloadview-part) of saves that were killed: is the process ended while " +
        "files are uploaded? NODE_DEBUG=downloadview names the folders",
    );
  }
  return removed;
}

async function removeAbandoned(part: string): Promise<boolean> {
  try {
    if (Date.now() - (await lstat(part)).mtimeMs < abandonedAfter) return false;
    await unlink(part);
    return true;
  } catch {
    // The save has ended, or another process has removed the file.
    return false;
  }
}

/** A hidden file in the same folder: a file can't be renamed from another disk, which another folder may be on. */
function partName(): string {
  return `.${randomLetters(16)}.downloadview-part`;
}

/** Whether a segment of a name is that of a file that is being saved, or was when the process died. */
export function isPartName(segment: string): boolean {
  return /^\.[0-9a-z]{16}\.downloadview-part$/.test(segment);
}

/** Makes the missing parents of a folder one by one, so that none is made beyond a symlink. Returns the real path. */
async function makeFolder(root: string, folder: string, mode = 0o777): Promise<string> {
  try {
    return await LocalRoot.at(root).realPathInside(folder);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
  if (folder === root) {
    await mkdir(root, { recursive: true, mode });
  } else {
    const parent = await makeFolder(root, dirname(folder), mode);
    await unlessTaken(mkdir(join(parent, basename(folder)), { mode }));
  }
  return LocalRoot.at(root).realPathInside(folder);
}

async function writePart(
  part: string,
  content: StorageContent,
  { fileMode = 0o666, signal }: SaveOptions & FileModes,
): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
  const file = await onStorage(() => open(part, flags, fileMode));
  try {
    for await (const bytes of gather(readBytes(content, signal))) await onStorage(() => file.writeFile(bytes));
    await onStorage(() => flush(file));
  } finally {
    await file.close();
  }
}

const minWrite = 64 * 1024;

/** Joins small chunks to larger ones: the rows of a table come a few bytes at a time. */
async function* gather(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let gathered: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.byteLength;
    const enough = length >= minWrite;
    // A copy: a source may reuse its memory for the next chunk.
    gathered.push(enough ? chunk : copyOf(chunk));
    if (!enough) continue;
    yield concatBytes(gathered);
    gathered = [];
    length = 0;
  }
  yield concatBytes(gathered);
}

// A rename may reach the disk before the bytes do: after a crash an empty file would stand in the place of a good one.
function flush(file: FileHandle): Promise<void> {
  return file.datasync();
}

async function moveInto(
  folder: string,
  part: string,
  name: string,
  ifExists: SaveOptions["ifExists"] = "replace",
): Promise<string> {
  const place = join(folder, basename(name));
  if (ifExists === "replace") {
    await rename(part, place);
    return name;
  }
  if (await claim(place, part)) return name;
  if (ifExists === "fail") throw nameTaken();
  return moveInto(folder, part, alternativeName(name), ifExists);
}

/** Renames the file unless the name is taken: `link` fails then, `rename` would replace the other file. */
async function claim(place: string, part: string): Promise<boolean> {
  try {
    return await unlessTaken(link(part, place));
  } catch (error) {
    // FAT and some network file systems have no links: take the name with an empty file, then replace that.
    if (!hasCode(error, "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK")) throw error;
    const taken = await unlessTaken(open(place, "wx").then((file) => file.close()));
    if (taken) await rename(part, place);
    return taken;
  }
}

async function isTaken(place: string): Promise<boolean> {
  return lstat(place).then(
    () => true,
    () => false,
  );
}

/** Returns false if the name is taken. */
async function unlessTaken(operation: Promise<unknown>): Promise<boolean> {
  try {
    await operation;
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException | null)?.code ?? "");
}

// A file where a folder should be, a folder where the file should be, a segment too long: this name cannot be kept.
const refusals = ["ENOENT", "ENOTDIR", "EISDIR", "EEXIST", "ENOTEMPTY", "ENAMETOOLONG", "ELOOP"];

/** Maps errors of the file system. Errors of the content are left to the caller as they are. */
async function onStorage<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (cause) {
    if (isDownloadError(cause)) throw cause;
    if (hasCode(cause, ...refusals)) throw new InvalidPathError(undefined, { cause });
    throw new UpstreamError(503, "The file system failed", { cause });
  }
}
