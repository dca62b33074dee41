import type { Dir } from "node:fs";
import { lstat, mkdtemp, opendir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileSystemStorage, type FileSystemStorageOptions } from "../storages/file-system/file-system-storage.ts";

/** A storage in its own folder, which is removed with the storage. */
export class TemporaryStorage extends FileSystemStorage implements AsyncDisposable {
  readonly #folder: MadeFolder;
  #disposal: Promise<void> | undefined;

  /** Use {@link temporaryStorage}. */
  constructor(folder: MadeFolder, options: FileSystemStorageOptions) {
    super(folder.path, options);
    this.#folder = folder;
  }

  /**
   * Removes the folder and what is in it; of a symlink in it, only the link. What stands in the folder's place by then,
   * and isn't the folder that was made, stays. Idempotent.
   */
  dispose(): Promise<void> {
    return (this.#disposal ??= remove(this.#folder));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

/**
 * A `FileSystemStorage` in a new folder below the system's own for temporary files, for one test.
 *
 * @example
 * ```ts
 * import { access } from "node:fs/promises";
 * import assert from "node:assert/strict";
 * import { temporaryStorage } from "downloadview/testing";
 *
 * const storage = await temporaryStorage(); // or `await using`
 * await storage.save("hello.txt", "Hello");
 * await storage.dispose();
 * await assert.rejects(access(storage.root));
 * ```
 */
export async function temporaryStorage(options: FileSystemStorageOptions = {}): Promise<TemporaryStorage> {
  return new TemporaryStorage(await makeFolder(), options);
}

/** The folder of a {@link TemporaryStorage}, and which one it was when it was made. */
export interface MadeFolder {
  readonly path: string;
  readonly inode: string | undefined;
  /** Open for as long as the folder is ours: the number of an inode that is in use isn't given to another one. */
  readonly handle: Dir;
}

async function makeFolder(): Promise<MadeFolder> {
  const path = await mkdtemp(join(tmpdir(), "downloadview-"));
  return { path, handle: await opendir(path), inode: await inodeOf(path) };
}

async function remove({ path, inode, handle }: MadeFolder): Promise<void> {
  const isOurs = (await inodeOf(path)) === inode;
  await handle.close();
  if (isOurs) await rm(path, { recursive: true, force: true });
}

/** Of the folder itself, not of one that a symlink leads to. Undefined where nothing is. */
async function inodeOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await lstat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
