import { constants, createBrotliCompress, createGzip } from "node:zlib";
import { pipeline, Readable } from "node:stream";
import { ImproperlyConfiguredError } from "../errors.ts";
import { debug, reasonOf } from "../diagnostics.ts";
import { readOpened } from "../files/content.ts";
import { DescribedFile } from "../files/described-file.ts";
import type { DownloadFile, FileStat, OpenFile, OpenOptions, StatOptions } from "../files/download-file.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import type { ByteSource } from "../files/bytes.ts";
import { refuseJSON } from "../serialization.ts";
import { hashKey, type HashedKey, type KeptKey } from "./key.ts";
import type { KeptFile } from "./kept-file.ts";
import type { KeptFiles } from "./kept-files.ts";
import type { KeepOptions } from "./kept-options.ts";
import { obtainWhole, type Obtained } from "./obtain-whole.ts";
import { openForClient } from "./open-for-client.ts";
import { storeOf } from "./store-of.ts";
import { visitOf, type Visit } from "./visit.ts";

/** What a recipe is told. */
export interface DeriveContext {
  /** Aborts when no client waits for the result any more. */
  readonly signal: AbortSignal;
}

/** Makes a file of another one: returns its bytes, as text, bytes, a stream or an iterable. */
export type DeriveFunction = (source: DownloadFile, context: DeriveContext) => ByteSource | Promise<ByteSource>;

export interface DeriveOptions extends KeepOptions {
  /**
   * What is made, such as `"webp-800"`: part of the key, so that it must change with what {@link make} does. `"br"` and `"gzip"`
   * compress, without a {@link make}.
   */
  readonly recipe: string;
  readonly make?: DeriveFunction | undefined;
  /**
   * What the original is, and its version. Required unless the original is a kept file, or a file on the disk: that is told by its
   * path, size, time and entity tag.
   */
  readonly key?: KeptKey | undefined;
  /** What the client sees. Default: the name of the original. */
  readonly name?: string | undefined;
  readonly contentType?: string | undefined;
  /** `"original"` serves the original if {@link make} fails. Default `"error"`. */
  readonly onFailure?: "original" | "error" | undefined;
}

/** A coding that a file can be compressed to. */
export type DerivedCoding = "br" | "gzip";

/** A file that is made of another one, once for each version of it. */
export class DerivedFile implements DownloadFile {
  readonly name: string;
  /** The file that it is made of. */
  readonly original: DownloadFile;
  readonly #kept: KeptFiles;
  readonly #options: DeriveOptions;

  /** @throws {ImproperlyConfiguredError} without a way to make it, or a key that tells the version of the original */
  constructor(kept: KeptFiles, original: DownloadFile, options: DeriveOptions) {
    const { recipe, make, key } = options;
    if (typeof recipe !== "string" || recipe === "") {
      throw new ImproperlyConfiguredError('derive: recipe must be a text, such as "webp-800"');
    }
    if (!make && !isCoding(recipe)) {
      throw new ImproperlyConfiguredError(`derive: ${recipe} needs a make function. Only "br" and "gzip" need none`);
    }
    if (key === undefined && !isKept(original) && original.path === undefined) {
      throw new ImproperlyConfiguredError(
        "derive: key must name the original and its version, such as [photo.id, photo.revision]. Without it only a kept file or " +
          "a file on the disk can be told apart from its next version",
      );
    }
    this.#kept = kept;
    this.original = original;
    this.#options = options;
    this.name = options.name ?? original.name;
  }

  /**
   * The file on the disk, made if need be: it has a path, which a server in front can be told.
   *
   * @returns undefined if it cannot be kept, or, with `onFailure: "original"`, if it cannot be made
   */
  async ready(options: StatOptions = {}): Promise<KeptFile | undefined> {
    return this.#orOriginal(
      async () => {
        const found = await this.#obtain(options);
        return found.kind === "kept" ? found.file : undefined;
      },
      async () => undefined,
    );
  }

  /** Waits until the file is made. */
  async stat(options: StatOptions = {}): Promise<FileStat> {
    return this.#orOriginal(
      async () => {
        const found = await this.#obtain(options);
        return found.kind === "kept" ? found.file.stat(options) : this.#source().stat(options);
      },
      () => this.original.stat(options),
    );
  }

  async open(options: OpenOptions = {}): Promise<OpenFile> {
    return this.#orOriginal(
      async () => openForClient(storeOf(this.#kept), await this.#visit(options), options),
      () => this.original.open(options),
    );
  }

  async #obtain(options: StatOptions): Promise<Obtained> {
    return obtainWhole(storeOf(this.#kept), await this.#visit(options), undefined);
  }

  async #visit(options: StatOptions): Promise<Visit> {
    return visitOf(await this.#key(options), this.#source(), this.#options, { signal: options.signal });
  }

  async #orOriginal<T>(derived: () => Promise<T>, original: () => Promise<T>): Promise<T> {
    try {
      return await derived();
    } catch (error) {
      if (this.#options.onFailure !== "original") throw error;
      debug(() => `${this.#options.recipe} of ${this.name} failed, the original is served: ${reasonOf(error)}`);
      return original();
    }
  }

  async #key(options: StatOptions): Promise<HashedKey> {
    const { recipe, key } = this.#options;
    return hashKey(["derived", recipe, key ?? (await this.#version(options))]);
  }

  async #version({ signal }: StatOptions): Promise<KeptKey> {
    const { original } = this;
    const { size, lastModified, etag } = await original.stat({ signal });
    if (isKept(original)) return ["kept", original.key, etag ?? null];
    return ["path", original.path ?? null, size ?? null, lastModified?.getTime() ?? null, etag ?? null];
  }

  #source(): DownloadFile {
    const { recipe, make, contentType } = this.#options;
    const { original, name } = this;
    if (make) return new VirtualFile(({ signal }) => make(original, { signal }), { name, contentType });
    return compressed(original, recipe as DerivedCoding, name);
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}

function isCoding(recipe: string): recipe is DerivedCoding {
  return recipe === "br" || recipe === "gzip";
}

function isKept(file: DownloadFile): file is KeptFile {
  return "key" in file && Array.isArray(file.key);
}

/** The bytes of a file in a coding. Its type and date are those of the file. */
function compressed(original: DownloadFile, coding: DerivedCoding, name: string): DownloadFile {
  const bytes = new VirtualFile(({ signal }) => compress(original, coding, signal), { name, contentEncoding: coding });
  return new CompressedFile(original, bytes);
}

async function* compress(
  original: DownloadFile,
  coding: DerivedCoding,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const opened = await original.open({ signal });
  try {
    const level = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } };
    const coder = coding === "br" ? createBrotliCompress(level) : createGzip({ level: 6 });
    yield* pipeline(
      Readable.from(readOpened(opened), { objectMode: false }),
      coder,
      () => undefined,
    ) as AsyncIterable<Uint8Array>;
  } finally {
    await opened.close();
  }
}

class CompressedFile extends DescribedFile {
  readonly #original: DownloadFile;

  constructor(original: DownloadFile, bytes: DownloadFile) {
    super(bytes, {});
    this.#original = original;
  }

  override async open(options?: OpenOptions): Promise<OpenFile> {
    const { contentType, lastModified } = await this.#original.stat(options);
    return new DescribedFile(this.source, { contentType, lastModified }).open(options);
  }
}
