import type { BigIntStats } from "node:fs";
import { debug, reasonOf } from "../../diagnostics.ts";
import { FileChangedError } from "../../errors.ts";
import { rangeLength, type ByteRange } from "../../http/range.ts";
import {
  hasGrown,
  isSameFile,
  isSameVersion,
  closeDescriptor,
  oncePerTurn,
  openForReading,
  readDescriptor,
  statDescriptor,
  type FileVersion,
} from "./file-system.ts";
import type { LocalRoot } from "./root.ts";

interface Opened {
  /** The descriptor. */
  readonly number: number;
  /** The file as it was when it was opened. */
  readonly stats: BigIntStats;
}

/** A part of a file in memory. */
export interface FilePart {
  readonly bytes: Buffer;
  /** The file as it was after the bytes were read. */
  readonly stats: BigIntStats;
}

/**
 * A descriptor that all readers of one version of a file share: 500 downloads of a file open it once. It is verified when it is
 * opened: between the stat and the open, an attacker can swap a folder for a symlink, so the inode of the descriptor is compared
 * with the one that was described, and its location with the root.
 */
export class SharedDescriptor {
  readonly #key: string;
  readonly #version: FileVersion;
  readonly #opening: Promise<Opened>;
  #borrowers = 0;

  private constructor(key: string, path: string, root: LocalRoot | undefined, version: FileVersion) {
    this.#key = key;
    this.#version = version;
    this.#opening = openVerified(path, root, version);
    lent.set(key, this);
    this.#opening.catch(() => this.#retire());
  }

  /** Opens `path`, or shares the open descriptor of the very version that a fresh stat has just described. */
  static borrow(path: string, root: LocalRoot | undefined, version: FileVersion): SharedDescriptor {
    const key = keyOf(path, root);
    const open = lent.get(key);
    const shared =
      open && isSameVersion(open.#version, version) ? open : new SharedDescriptor(key, path, root, version);
    shared.#borrowers += 1;
    return shared;
  }

  /** Whether some version of `path` is open. */
  static isOpen(path: string, root: LocalRoot | undefined): boolean {
    return lent.size > 0 && lent.has(keyOf(path, root));
  }

  /**
   * What was opened, as it was then: the file that was described, but perhaps with more bytes at its end.
   * @throws {FileChangedError} if another file is there by now
   * @throws {InvalidPathError} if what is there leads out of the root
   */
  async opened(): Promise<BigIntStats> {
    return (await this.#opening).stats;
  }

  /** The open file as it is now. */
  async stat(): Promise<BigIntStats> {
    return statDescriptor((await this.#opening).number);
  }

  /** Returns how many bytes were read: fewer than `target` has room for only at the end of the file. */
  async read(target: Uint8Array, position: number): Promise<number> {
    return readDescriptor((await this.#opening).number, target, position);
  }

  /**
   * The bytes of a small part, less what is beyond the end of the file, and the file as it is once they are read.
   * Callers that ask for the same part in the same turn of the event loop get the same memory, which none may change:
   * viewers of a live stream ask in chorus.
   */
  readPart(range: ByteRange): Promise<FilePart> {
    return this.#partOf(`${range.start}-${range.end}`);
  }

  readonly #partOf = oncePerTurn(async (key) => {
    const [start = 0, end = 0] = key.split("-").map(Number);
    const bytes = Buffer.allocUnsafeSlow(rangeLength({ start, end }));
    const count = await this.read(bytes, start);
    return { bytes: bytes.subarray(0, count), stats: await this.stat() };
  });

  /** Called once by each borrower. The last one closes the descriptor. Never rejects: a response that is over can't be told. */
  async release(): Promise<void> {
    this.#borrowers -= 1;
    if (this.#borrowers > 0) return;
    this.#retire();
    const opened = await this.#opening.catch(() => undefined);
    if (opened)
      await closeDescriptor(opened.number).catch((error: unknown) =>
        debug(() => `a file was not closed: ${reasonOf(error)}`),
      );
  }

  #retire(): void {
    if (lent.get(this.#key) === this) lent.delete(this.#key);
  }
}

/** The latest version of each open file. An older one stays open until its last borrower releases it. */
const lent = new Map<string, SharedDescriptor>();

function keyOf(path: string, root: LocalRoot | undefined): string {
  return `${path}\0${root?.key ?? ""}`;
}

async function openVerified(path: string, root: LocalRoot | undefined, expected: FileVersion): Promise<Opened> {
  const number = await openForReading(path);
  try {
    const verifying = statDescriptor(number).then((stats) => {
      if (isSameVersion(expected, stats) || hasGrown(expected, stats)) return stats;
      // In `/proc`, the times are those of the look.
      if (isSameFile(expected, stats) && expected.blocks === 0n) return stats;
      throw new FileChangedError();
    });
    const [stats] = await Promise.all([verifying, root?.assertDescriptorInside(number, expected, path)]);
    return { number, stats };
  } catch (error) {
    await closeDescriptor(number);
    throw error;
  }
}
