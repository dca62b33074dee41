import type { FileStat, OpenFile, OpenOptions, StatOptions } from "../files/download-file.ts";
import type { EntityTagFormat } from "../http/etag.ts";
import { StorageFile } from "../storages/storage-file.ts";
import type { Storage } from "../storages/storage.ts";

/**
 * A file of a storage with another entity tag than its own: one that a function makes of its size and its time, or none
 * (`false`). A file without a size or a time has none either.
 */
export class TaggedStorageFile extends StorageFile {
  readonly #format: EntityTagFormat | false;

  constructor(storage: Storage, name: string, format: EntityTagFormat | false) {
    super(storage, name);
    this.#format = format;
  }

  override async stat(options?: StatOptions): Promise<FileStat> {
    return tagged(await super.stat(options), this.#format);
  }

  override async open(options?: OpenOptions): Promise<OpenFile> {
    return openTagged(await super.open(withoutTag(options)), this.#format);
  }
}

// The client's tag is not the source's own: the source can't tell whether it holds.
function withoutTag(options: OpenOptions | undefined): OpenOptions {
  return { signal: options?.signal, range: options?.range };
}

function openTagged(opened: OpenFile, format: EntityTagFormat | false): OpenFile {
  const stat = tagged(opened.stat, format);
  const close = (): Promise<void> => opened.close();
  return {
    stat,
    notModified: opened.notModified,
    content: (range) => opened.content(range),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function tagged({ etag: _own, ...stat }: FileStat, format: EntityTagFormat | false): FileStat {
  const { size, lastModified } = stat;
  if (!format || size === undefined || lastModified === undefined) return stat;
  return { ...stat, etag: format({ size, mtimeNanoseconds: BigInt(lastModified.getTime()) * 1_000_000n }, new Date()) };
}
