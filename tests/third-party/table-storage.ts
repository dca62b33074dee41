import {
  FileExistsError,
  FileNotFoundError,
  normalizeName,
  readOpened,
  VirtualFile,
  type ByteRange,
  type Content,
  type FileStat,
  type OpenFile,
  type SaveOptions,
  type Storage,
  type StorageContent,
  type StorageEntry,
} from "downloadview";

interface Row {
  readonly bytes: Buffer;
  readonly version: number;
}

/** Rows of a table, whose bytes can be read from any position, as with SQL's `substr`. */
export class TableStorage implements Storage {
  readonly #rows = new Map<string, Row>();
  #versions = 0;

  async stat(name: string): Promise<FileStat> {
    const { bytes, version } = this.#row(name);
    return { size: bytes.byteLength, etag: `"${version}"` };
  }

  async open(name: string): Promise<OpenFile> {
    const { bytes } = this.#row(name);
    const close = async (): Promise<void> => undefined;
    return {
      stat: await this.stat(name),
      content: async (range?: ByteRange): Promise<Content> => seekable(bytes, range),
      close,
      [Symbol.asyncDispose]: close,
    };
  }

  async save(name: string, content: StorageContent, { ifExists = "replace" }: SaveOptions = {}): Promise<string> {
    normalizeName(name);
    await using opened = await new VirtualFile(content).open();
    const chunks: Uint8Array[] = [];
    for await (const chunk of readOpened(opened)) chunks.push(chunk);
    const taken = this.#rows.has(name);
    if (taken && ifExists === "fail") throw new FileExistsError();
    this.#versions += 1;
    const saved = taken && ifExists === "rename" ? `${this.#versions}-${name}` : name;
    this.#rows.set(saved, { bytes: Buffer.concat(chunks), version: this.#versions });
    return saved;
  }

  async delete(name: string): Promise<void> {
    this.#rows.delete(normalizeName(name));
  }

  async exists(name: string): Promise<boolean> {
    return this.#rows.has(normalizeName(name));
  }

  async *list(prefix = ""): AsyncGenerator<StorageEntry> {
    // A copy: whoever saves while listing must not list for ever.
    const rows = [...this.#rows];
    for (const [name, { bytes }] of rows) if (name.startsWith(prefix)) yield { name, size: bytes.byteLength };
  }

  #row(name: string): Row {
    const row = this.#rows.get(normalizeName(name));
    if (!row) throw new FileNotFoundError();
    return row;
  }
}

function seekable(bytes: Buffer, range?: ByteRange): Content {
  const part = range ? bytes.subarray(range.start, range.end + 1) : bytes;
  return {
    kind: "seekable",
    length: part.byteLength,
    readInto: async (target, position) => part.copy(target, 0, position),
  };
}
