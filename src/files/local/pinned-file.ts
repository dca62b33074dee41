import { basename, dirname } from "node:path";
import { FileChangedError } from "../../errors.ts";
import { rangeLength, type ByteRange } from "../../http/range.ts";
import { refuseJSON } from "../../serialization.ts";
import { closedEarly } from "../byte-reader.ts";
import type { SeekableContent } from "../content.ts";
import type { FileStat, OpenFile } from "../download-file.ts";
import {
  isSameVersion,
  readOnce,
  readOnly,
  readOnlyUnlinked,
  reported,
  type FileVersion,
  type ReadOnce,
} from "./file-system.ts";
import { OpenFolder } from "./open-folder.ts";
import type { LocalRoot } from "./root.ts";

/**
 * A small file, of which only the version that was described is of use. Each read opens the file, and proves that it is that
 * version, and where it is. So thousands of them are open in turn, and a client that stalls holds none.
 */
export class PinnedFile implements OpenFile {
  readonly stat: FileStat;
  readonly #path: string;
  readonly #root: LocalRoot | undefined;
  readonly #version: FileVersion;
  #isClosed = false;

  constructor(path: string, root: LocalRoot | undefined, stat: FileStat, version: FileVersion) {
    this.stat = stat;
    this.#path = path;
    this.#root = root;
    this.#version = version;
  }

  async content({ start, end }: ByteRange = { start: 0, end: Infinity }): Promise<SeekableContent> {
    const length = rangeLength({ start, end: Math.min(end, Number(this.#version.size) - 1) });
    const readInto: SeekableContent["readInto"] = (target, position) =>
      this.#read(target.subarray(0, length - position), start + position);
    return { kind: "seekable", length, readInto };
  }

  /**
   * @throws {FileChangedError} if it is another version: a stat after the bytes were read proves that they are of this one
   * @throws {InvalidPathError} if what was opened is outside the root
   */
  async #read(target: Uint8Array, position: number): Promise<number> {
    if (this.#isClosed) throw closedEarly();
    try {
      const { count, stats } = await this.#readFrom(target, position);
      if (count < target.byteLength || !isSameVersion(this.#version, stats)) throw new FileChangedError();
      if (this.#isClosed) throw closedEarly();
      return count;
    } catch (error) {
      throw reported(this.#path, error);
    }
  }

  #readFrom(target: Uint8Array, position: number): Promise<ReadOnce> {
    const root = this.#root;
    return root ? this.#readInside(root, target, position) : readOnce(this.#path, readOnly, target, position);
  }

  async #readInside(root: LocalRoot, target: Uint8Array, position: number): Promise<ReadOnce> {
    const path = this.#path;
    root.assertNameAllowed(path);
    const folder = OpenFolder.enter(dirname(path), root);
    try {
      const ready = folder.ready();
      if (ready) await ready;
      if (folder.place !== undefined) {
        try {
          return await readOnce(`${folder.place}/${basename(path)}`, readOnlyUnlinked, target, position);
        } catch {
          // A symlink, or a failure that the path has as well.
        }
      }
      const check = (descriptor: number): Promise<void> => root.assertDescriptorInside(descriptor, this.#version, path);
      return await readOnce(path, readOnly, target, position, check);
    } finally {
      folder.leave();
    }
  }

  /** A read that is under way closes what it has opened. */
  async close(): Promise<void> {
    this.#isClosed = true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}
