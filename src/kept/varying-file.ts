import type { Content } from "../files/content.ts";
import type { FileStat, OpenFile } from "../files/download-file.ts";
import type { ByteRange } from "../http/range.ts";
import { refuseJSON } from "../serialization.ts";

/** One for each description that a file returns again and again: what is derived of it is derived once. */
const varying = new WeakMap<FileStat, FileStat>();

/**
 * The description of one of several forms of a file, which is chosen by `Accept-Encoding`.
 * @param path where the bytes are. Undefined: where the file says
 */
export function varyingStat(stat: FileStat, path?: string): FileStat {
  const known = varying.get(stat);
  if (known && known.path === (path ?? stat.path)) return known;
  const varied = Object.freeze({ ...stat, vary: "Accept-Encoding", ...(path === undefined ? {} : { path }) });
  if (Object.isFrozen(stat)) varying.set(stat, varied);
  return varied;
}

/** An opened file with another description. */
export class VaryingOpenFile implements OpenFile {
  readonly stat: FileStat;
  readonly #opened: OpenFile;

  constructor(opened: OpenFile) {
    this.#opened = opened;
    this.stat = varyingStat(opened.stat);
  }

  get notModified(): boolean | undefined {
    return this.#opened.notModified;
  }

  get fields(): OpenFile["fields"] {
    return this.#opened.fields;
  }

  get isAuthorized(): boolean | undefined {
    return this.#opened.isAuthorized;
  }

  content(range?: ByteRange): Promise<Content> {
    return this.#opened.content(range);
  }

  close(): Promise<void> {
    return this.#opened.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}
