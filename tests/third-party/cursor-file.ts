import { FileNotFoundError, type DownloadFile, type FileStat, type OpenFile } from "downloadview";

/** What a database driver has: pages of bytes, read one after the other, and a cursor that must be closed. */
export interface Cursor {
  next(): Promise<Uint8Array | undefined>;
  close(): Promise<void>;
}

/** A file that can be read from its beginning alone: nothing but `stat` and chunks. */
export class CursorFile implements DownloadFile {
  readonly name: string;
  readonly #find: () => Promise<Cursor | undefined>;
  readonly #stat: FileStat;

  constructor(name: string, find: () => Promise<Cursor | undefined>, stat: FileStat = {}) {
    this.name = name;
    this.#find = find;
    this.#stat = { ...stat, seekable: false };
  }

  async stat(): Promise<FileStat> {
    return this.#stat;
  }

  async open(): Promise<OpenFile> {
    const cursor = await this.#find();
    if (!cursor) throw new FileNotFoundError();
    const close = (): Promise<void> => cursor.close();
    return {
      stat: this.#stat,
      content: async () => ({ kind: "chunks", chunks: pages(cursor), length: this.#stat.size }),
      close,
      [Symbol.asyncDispose]: close,
    };
  }
}

async function* pages(cursor: Cursor): AsyncGenerator<Uint8Array> {
  for (let page = await cursor.next(); page; page = await cursor.next()) yield page;
}
