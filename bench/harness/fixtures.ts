import { createHash, randomFillSync } from "node:crypto";
import { createReadStream, rmSync } from "node:fs";
import { mkdir, mkdtemp, open, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const KIB = 1024;
export const MIB: number = 1024 * KIB;
export const GIB: number = 1024 * MIB;

/** The files that every server serves, and how long each is. */
export type FileSizes = Readonly<Record<FileName, number>>;

export type FileName = "1KiB.bin" | "10KiB.bin" | "64KiB.bin" | "1MiB.bin" | "large.bin" | typeof OWN_FILE;

/** Folders whose files an archive is made of. */
export type FolderName = "200x1MiB" | "20000x1KiB";

/** How many files a folder has, and how long each is. */
export interface Folder {
  readonly files: number;
  readonly size: number;
}

export const folders: Readonly<Record<FolderName, Folder>> = {
  "200x1MiB": { files: 200, size: MIB },
  "20000x1KiB": { files: 20_000, size: KIB },
};

/** One of many files: the star stands for its number. */
export const OWN_FILE = "own-*.bin";
export const OWN_FILES = 10_000;

/** The name of one of many files, or the target of a request for it. */
export function ownOf(name: string, number: number): string {
  return name.replace("*", String(number));
}

export function fileSizes({ large }: { large: number }): FileSizes {
  return {
    "1KiB.bin": KIB,
    "10KiB.bin": 10 * KIB,
    "64KiB.bin": 64 * KIB,
    "1MiB.bin": MIB,
    "large.bin": large,
    [OWN_FILE]: 10 * KIB,
  };
}

/** A folder of files with real bytes, in the page cache because they were just written. */
export class Fixtures {
  readonly root: string;
  readonly sizes: FileSizes;
  readonly #digests = new Map<string, string>();

  private constructor(root: string, sizes: FileSizes) {
    this.root = root;
    this.sizes = sizes;
  }

  /** `ownFiles`: how many there are of {@link OWN_FILE}. */
  static async create(sizes: FileSizes, needed: readonly FolderName[], ownFiles: number): Promise<Fixtures> {
    const fixtures = new Fixtures(await mkdtemp(join(tmpdir(), "downloadview-bench-")), sizes);
    process.once("exit", () => rmSync(fixtures.root, { recursive: true, force: true }));
    for (const [name, size] of Object.entries(sizes)) {
      const files = name === OWN_FILE ? ownFiles : 1;
      for (let at = 0; at < files; at++) await writeFile(join(fixtures.root, ownOf(name, at)), size);
    }
    for (const name of needed) await writeFolder(join(fixtures.root, name), folders[name]);
    return fixtures;
  }

  /** SHA-256 of a file or of a part of it, both ends included. */
  async digest(name: FileName, part: { start: number; end: number }): Promise<string> {
    const key = `${name} ${part.start} ${part.end}`;
    const known = this.#digests.get(key) ?? (await digestOf(join(this.root, ownOf(name, 0)), part));
    this.#digests.set(key, known);
    return known;
  }
}

async function writeFolder(path: string, { files, size }: Folder): Promise<void> {
  await mkdir(path);
  for (let at = 0; at < files; at++) await writeFile(join(path, `${at}.bin`), size);
}

/** Random bytes, with the number of each block in its first bytes, so that no two blocks are the same. */
async function writeFile(path: string, size: number): Promise<void> {
  const block = randomFillSync(Buffer.allocUnsafe(Math.min(size, MIB)));
  const file = await open(path, "wx");
  for (let written = 0; written < size; written += block.length) {
    block.writeUInt32LE(written / block.length);
    await file.write(block);
  }
  await file.close();
  // A file that changed just now is given a weak validator, or none, by those who care.
  const yesterday = Date.now() / 1000 - 86_400;
  await utimes(path, yesterday, Math.floor(yesterday));
}

async function digestOf(path: string, part: { start: number; end: number }): Promise<string> {
  const digest = createHash("sha256");
  for await (const bytes of createReadStream(path, { ...part, highWaterMark: MIB })) digest.update(bytes as Buffer);
  return digest.digest("hex");
}
