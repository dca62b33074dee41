import { RestatedOpenFile } from "../files/described-file.ts";
import { FileNotFoundError } from "../errors.ts";
import type { DownloadFile, FileStat, OpenFile, OpenOptions, StatOptions } from "../files/download-file.ts";
import { LocalFile } from "../files/local/local-file.ts";
import { refuseJSON } from "../serialization.ts";
import type { KeptKey } from "./key.ts";
import type { KeptRecord } from "./record.ts";

/** What is written beside a kept file. */
export let recordOf: (file: KeptFile) => KeptRecord;

/**
 * A file that was made once and lies on the disk. It has a `path`, so that offload rules match, and a strong entity tag,
 * a SHA-256 and a CRC-32 of its bytes.
 */
export class KeptFile implements DownloadFile {
  readonly name: string;
  readonly path: string;
  /** The key that it was made for. */
  readonly key: KeptKey;
  declare readonly wasModifiedSince?: (since: Date) => boolean | Promise<boolean>;
  readonly #record: KeptRecord;
  readonly #local: LocalFile;
  readonly #original: DownloadFile | undefined;

  constructor(record: KeptRecord, path: string, original?: DownloadFile) {
    this.#record = record;
    this.key = record.key;
    this.path = path;
    this.#original = original;
    this.name = nameOf(record, original);
    this.#local = localFileOf(record, path);
    if (original?.wasModifiedSince) this.wasModifiedSince = (since) => original.wasModifiedSince!(since);
  }

  static {
    recordOf = (file) => file.#record;
  }

  /** The file that was kept, as the view returned it for this request. */
  get original(): DownloadFile | undefined {
    return this.#original;
  }

  /** When the bytes were made. */
  get madeAt(): Date {
    return new Date(this.#record.madeAt);
  }

  /** @throws {FileNotFoundError} if it was removed */
  async stat(options?: StatOptions): Promise<FileStat> {
    return keptStat(this.#record, await this.#local.stat(options));
  }

  async open(options?: OpenOptions): Promise<OpenFile> {
    const opened = await this.#local.open(options);
    try {
      return new RestatedOpenFile(opened, keptStat(this.#record, opened.stat));
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}

/**
 * The name of the original of this request. If the original learns its name from its upstream, as a remote file does, the name
 * that it had learned when it was made.
 */
function nameOf({ name, askedName }: KeptRecord, original: DownloadFile | undefined): string {
  return original === undefined || original.name === askedName ? name : original.name;
}

// Never sent. A file with a strong tag is not taken for one that may grow.
const strongTag = (): string => '"kept"';

const localFiles = new WeakMap<KeptRecord, LocalFile>();

function localFileOf(record: KeptRecord, path: string): LocalFile {
  const known = localFiles.get(record);
  if (known?.path === path) return known;
  const file = new LocalFile(path, { etag: strongTag });
  localFiles.set(record, file);
  return file;
}

/** One description for each record, as long as the disk agrees. */
const stats = new WeakMap<KeptRecord, FileStat>();

/** @throws {FileNotFoundError} if the file on the disk is not as long as the one that was made */
function keptStat(record: KeptRecord, onDisk: FileStat): FileStat {
  // Something else wrote to the file, or the disk lost its end. The record is useless by now.
  if (onDisk.size !== record.size) {
    throw new FileNotFoundError(undefined, {
      cause: new Error(`A kept file has ${onDisk.size} bytes, not ${record.size}`),
    });
  }
  const known = stats.get(record);
  if (known) return known;
  const stat = describe(record);
  stats.set(record, stat);
  return stat;
}

function describe({ size, sha256, crc32, lastModified, contentType, contentEncoding }: KeptRecord): FileStat {
  return Object.freeze({
    size,
    crc32,
    etag: `"${sha256}"`,
    digests: Object.freeze({ "sha-256": new Uint8Array(Buffer.from(sha256, "base64url")) }),
    lastModified: new Date(lastModified),
    ...(contentType === undefined ? {} : { contentType }),
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
  });
}
