import type { ByteRange } from "../http/range.ts";
import type { Content } from "./content.ts";
import type { DownloadFile, FileStat, OpenFile, OpenOptions, SignedUrlOptions, StatOptions } from "./download-file.ts";
import { refuseJSON } from "../serialization.ts";

/** What an application knows of a file from elsewhere, such as the columns beside it. */
export interface FileDescription {
  name?: string | undefined;
  /** Used where the file does not know its own length: the length that is sent is always that of the bytes. */
  size?: number | undefined;
  lastModified?: Date | undefined;
  contentType?: string | undefined;
  contentEncoding?: string | undefined;
}

/**
 * The file under all descriptions of it, which has the name that its storage knows.
 *
 * @example
 * ```ts
 * import { DescribedFile, unwrap, VirtualFile } from "downloadview";
 *
 * const file = new VirtualFile("a,b", { name: "x7f3" });
 * const described = new DescribedFile(file, { name: "report.csv" });
 * console.assert(unwrap(described) === file && unwrap(file) === file);
 * ```
 */
export function unwrap(file: DownloadFile): DownloadFile {
  const within = file.unwrap?.();
  return within === undefined ? file : unwrap(within);
}

/** A file with a description on top of what it says of itself. */
export class DescribedFile implements DownloadFile {
  /** The file itself. */
  readonly source: DownloadFile;
  readonly #description: FileDescription;
  declare readonly name: string;
  declare readonly path?: string;
  declare readonly url?: string;
  declare wasModifiedSince?: (since: Date) => boolean | Promise<boolean>;
  declare signedUrl?: (options?: SignedUrlOptions) => Promise<string>;

  constructor(file: DownloadFile, description: FileDescription) {
    this.source = file;
    this.#description = description;
    // When they are asked for: a URL may have to be signed, and a remote file learns its name from the upstream.
    Object.defineProperty(this, "name", { get: () => description.name ?? file.name, enumerable: true });
    Object.defineProperty(this, "path", { get: () => file.path, enumerable: true });
    Object.defineProperty(this, "url", { get: () => file.url, enumerable: true });
    if (file.wasModifiedSince) this.wasModifiedSince = (since) => file.wasModifiedSince!(since);
    if (file.signedUrl) this.signedUrl = (options) => file.signedUrl!(options);
  }

  unwrap(): DownloadFile {
    return this.source;
  }

  async release(): Promise<void> {
    await this.source.release?.();
  }

  async stat(options?: StatOptions): Promise<FileStat> {
    return described(await this.source.stat(options), this.#description);
  }

  async open(options?: OpenOptions): Promise<OpenFile> {
    const opened = await this.source.open(options);
    return new RestatedOpenFile(opened, described(opened.stat, this.#description));
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}

/** An opened file with another description. All else is forwarded: a new member of {@link OpenFile} is forwarded here. */
export class RestatedOpenFile implements OpenFile {
  readonly #opened: OpenFile;
  readonly stat: FileStat;

  constructor(opened: OpenFile, stat: FileStat) {
    this.#opened = opened;
    this.stat = stat;
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

function described(stat: FileStat, description: FileDescription): FileStat {
  const { size, lastModified, contentType, contentEncoding } = description;
  return {
    ...(size === undefined ? {} : { size }),
    ...stat,
    ...(lastModified === undefined ? {} : { lastModified }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
  };
}
