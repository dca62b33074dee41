import type { BigIntStats } from "node:fs";
import { FileChangedError } from "../errors.ts";
import { rangeLength, type ByteRange } from "../http/range.ts";
import { isSameVersion } from "./local-file-memo.ts";
import type { LocalRoot } from "./local-file-root.ts";
import { closeDescriptor, openForReading, readDescriptor, statDescriptor } from "./local-file-system.ts";
import { oncePerTurn } from "./once-per-turn.ts";

/** A descriptor that all who read one version of a file at the same time share: 500 downloads of a file open it once. */
export class SharedDescriptor {
  readonly #key: string;
  readonly #version: BigIntStats;
  readonly #number: Promise<number>;
  #borrowers = 0;

  private constructor(key: string, path: string, root: LocalRoot | undefined, version: BigIntStats) {
    this.#key = key;
    this.#version = version;
    this.#number = openVerified(path, root, version);
    lent.set(key, this);
    this.#number.catch(() => this.#retire());
  }

  /** Opens `path`, or shares what others have open of the very version that a fresh stat has just seen there. */
  static borrow(path: string, root: LocalRoot | undefined, version: BigIntStats): SharedDescriptor {
    const key = `${path}\0${root?.path ?? ""}`;
    const open = lent.get(key);
    const shared =
      open && isSameVersion(open.#version, version) ? open : new SharedDescriptor(key, path, root, version);
    shared.#borrowers += 1;
    return shared;
  }

  /**
   * Settles when the file is open.
   * @throws {FileChangedError} if another file is there by now
   * @throws {InvalidPathError} if what is there leads out of the root
   */
  async opened(): Promise<void> {
    await this.#number;
  }

  /** Gives how many bytes were read: fewer than `target` has room for only at the end of the file. */
  async read(target: Uint8Array, position: number): Promise<number> {
    return readDescriptor(await this.#number, target, position);
  }

  /**
   * The bytes of a small part, less what is beyond the end of the file. Whoever asks for the same part in the same turn
   * of the event loop gets the same memory, which nobody may change: viewers of a live stream ask in chorus.
   */
  readPart(range: ByteRange): Promise<Buffer> {
    return this.#partOf(`${range.start}-${range.end}`);
  }

  readonly #partOf = oncePerTurn(() => async (key) => {
    const [start = 0, end = 0] = key.split("-").map(Number);
    const bytes = Buffer.allocUnsafeSlow(rangeLength({ start, end }));
    return bytes.subarray(0, await this.read(bytes, start));
  });

  /** To be called once by everybody who borrowed it. The last one closes it. */
  async release(): Promise<void> {
    this.#borrowers -= 1;
    if (this.#borrowers > 0) return;
    this.#retire();
    const descriptor = await this.#number.catch(() => undefined);
    if (descriptor !== undefined) await closeDescriptor(descriptor);
  }

  #retire(): void {
    if (lent.get(this.#key) === this) lent.delete(this.#key);
  }
}

/** Of each file the version that was asked for last. Another one stays open until its last borrower is done. */
const lent = new Map<string, SharedDescriptor>();

async function openVerified(path: string, root: LocalRoot | undefined, expected: BigIntStats): Promise<number> {
  const descriptor = await openForReading(path);
  try {
    const verifying = statDescriptor(descriptor).then((opened) => {
      if (!isSameVersion(opened, expected)) throw new FileChangedError();
    });
    await Promise.all([verifying, root?.assertDescriptorInside(descriptor, expected, path)]);
    return descriptor;
  } catch (error) {
    await closeDescriptor(descriptor);
    throw error;
  }
}
