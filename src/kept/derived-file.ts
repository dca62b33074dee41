import { ImproperlyConfiguredError } from "../errors.ts";
import { debug, reasonOf } from "../diagnostics.ts";
import type { DownloadFile, FileStat, OpenFile, OpenOptions, StatOptions } from "../files/download-file.ts";
import { VirtualFile } from "../files/virtual-file.ts";
import { readBytes } from "../files/byte-reader.ts";
import { isByteSource, isOneShot, type ByteSource } from "../files/byte-source.ts";
import { preferredEncoding } from "../http/encoding.ts";
import { refuseJSON } from "../serialization.ts";
import { AlreadyEncodedError, availableCodings, CompressedFile, isCoding, type DerivedCoding } from "./compression.ts";
import { hashKey, type HashedKey, type KeptKey } from "./key.ts";
import type { KeptFile } from "./kept-file.ts";
import type { KeptFiles } from "./kept-files.ts";
import type { KeepOptions } from "./kept-options.ts";
import { obtainWhole, type Obtained } from "./obtain-whole.ts";
import { openForClient } from "./open-for-client.ts";
import { storeOf } from "./store-of.ts";
import { RestatedOpenFile } from "../files/described-file.ts";
import { varyingStat } from "./varying-file.ts";
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
   * What is made, such as `"webp-800"`: part of the key, so that it must change with what {@link make} does. `"br"`, `"zstd"` and
   * `"gzip"`, or a list of those, compress without a {@link make}: each client gets the one that it prefers of those it accepts, or
   * else the original. Of equal ones the first is sent.
   */
  readonly recipe: string | readonly DerivedCoding[];
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

/** A file that is made of another one, once for each version of it. */
export class DerivedFile implements DownloadFile {
  readonly name: string;
  /** The file that it is made of. */
  readonly original: DownloadFile;
  readonly #kept: KeptFiles;
  readonly #options: DeriveOptions;
  /** The codings that it is compressed to. Empty for a recipe with a {@link DeriveOptions.make}. */
  readonly #codings: readonly DerivedCoding[];
  /** That of the original, if it is compressed: a rule that matches it is then told the path of what is sent. */
  declare readonly path?: string;

  /** @throws {ImproperlyConfiguredError} without a way to make it, or a key that tells the version of the original */
  constructor(kept: KeptFiles, original: DownloadFile, options: DeriveOptions) {
    const { make, key } = options;
    this.#codings = make ? [] : codingsOf(options.recipe);
    if (make) assertRecipe(options.recipe);
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
    if (this.#codings.length > 0) {
      Object.defineProperty(this, "path", { get: () => original.path, enumerable: true });
    }
  }

  /**
   * The file on the disk, made if need be: it has a path, which a server in front can be told. Of several codings it is the first.
   *
   * @returns undefined if it cannot be kept, or, with `onFailure: "original"`, if it cannot be made
   */
  async ready(options: StatOptions = {}): Promise<KeptFile | undefined> {
    const making = async (): Promise<KeptFile | undefined> => {
      const found = await this.#obtain(this.#recipes[0]!, options);
      return found.kind === "kept" ? found.file : undefined;
    };
    return this.#orOriginal(making, async () => undefined);
  }

  /** Waits until the file is made. */
  async stat(options: StatOptions = {}): Promise<FileStat> {
    const recipe = this.#choose(options);
    const original = async (): Promise<FileStat> => this.#described(await this.original.stat(options));
    return recipe === undefined ? original() : this.#orOriginal(() => this.#stat(recipe, options), original);
  }

  async open(options: OpenOptions = {}): Promise<OpenFile> {
    const recipe = this.#choose(options);
    const original = async (): Promise<OpenFile> => this.#opened(await this.original.open(options));
    return recipe === undefined ? original() : this.#orOriginal(() => this.#open(recipe, options), original);
  }

  get #recipes(): readonly string[] {
    return this.#codings.length > 0 ? this.#codings : [this.#options.recipe as string];
  }

  /** Undefined if the client is sent the original: it accepts no coding. A caller that is no client gets the first one. */
  #choose({ acceptEncoding }: StatOptions): string | undefined {
    if (this.#codings.length === 0 || acceptEncoding === undefined) return this.#recipes[0];
    const preferred = preferredEncoding(acceptEncoding, this.#codings);
    return preferred === "identity" ? undefined : preferred;
  }

  async #stat(recipe: string, options: StatOptions): Promise<FileStat> {
    const found = await this.#obtain(recipe, options);
    if (found.kind !== "kept") return this.#described(await this.#source(recipe).stat(options));
    return this.#described(await found.file.stat(options), found.file.path);
  }

  async #open(recipe: string, options: OpenOptions): Promise<OpenFile> {
    const visit = await this.#visit(recipe, options);
    return this.#opened(await openForClient(storeOf(this.#kept), visit, options));
  }

  #described(stat: FileStat, path?: string): FileStat {
    return this.#codings.length === 0 ? stat : varyingStat(stat, path);
  }

  #opened(opened: OpenFile): OpenFile {
    return this.#codings.length === 0 ? opened : new RestatedOpenFile(opened, varyingStat(opened.stat));
  }

  async #obtain(recipe: string, options: StatOptions): Promise<Obtained> {
    return obtainWhole(storeOf(this.#kept), await this.#visit(recipe, options), undefined);
  }

  async #visit(recipe: string, { signal }: StatOptions): Promise<Visit> {
    const { key } = this.#options;
    const version = key === undefined ? await this.original.stat({ signal }) : undefined;
    const hashed = hashKey(["derived", recipe, key ?? this.#keyOf(version ?? {})]);
    const onRead = version && (() => this.#dropUnlessStill(version, hashed));
    return visitOf(hashed, this.#source(recipe, onRead), this.#options, { signal });
  }

  /** Between the stat that the key is made of and the reading, another file may have taken the place of the original. */
  async #dropUnlessStill(version: FileStat, { hash }: HashedKey): Promise<void> {
    const now = await this.original.stat().catch(() => undefined);
    // A making whose key is dropped meanwhile is served, and not kept.
    if (!now || !isSameVersion(version, now)) await storeOf(this.#kept).drop(hash);
  }

  async #orOriginal<T>(derived: () => Promise<T>, original: () => Promise<T>): Promise<T> {
    try {
      return await derived();
    } catch (error) {
      if (this.#options.onFailure !== "original" && !(error instanceof AlreadyEncodedError)) throw error;
      debug(() => `${this.#recipes.join(", ")} of ${this.name} failed, the original is served: ${reasonOf(error)}`);
      return original();
    }
  }

  #keyOf({ size, lastModified, etag }: FileStat): KeptKey {
    const { original } = this;
    if (isKept(original)) return ["kept", original.key, etag ?? null];
    return ["path", original.path ?? null, size ?? null, lastModified?.getTime() ?? null, etag ?? null];
  }

  /** @param onRead called when all of the original was read, before the end of what is made of it is known */
  #source(recipe: string, onRead: () => Promise<void> = async () => undefined): DownloadFile {
    const { make, contentType } = this.#options;
    const { original, name } = this;
    if (!make) return new CompressedFile(original, recipe as DerivedCoding, name, onRead);
    const made = async (signal: AbortSignal): Promise<ByteSource> => {
      const bytes = await make(original, { signal });
      // What is no source is refused where it is read.
      if (isByteSource(bytes) && isOneShot(bytes)) return followedBy(bytes, onRead);
      await onRead();
      return bytes;
    };
    return new VirtualFile(({ signal }) => made(signal), { name, contentType });
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}

/** @throws {ImproperlyConfiguredError} unless all are codings that this version of Node has */
function codingsOf(recipe: DeriveOptions["recipe"]): readonly DerivedCoding[] {
  if (typeof recipe === "string") assertRecipe(recipe);
  const recipes: readonly string[] = typeof recipe === "string" ? [recipe] : recipe;
  if (Array.isArray(recipes) && recipes.length > 0 && recipes.every(isCoding)) return availableCodings(recipes);
  throw new ImproperlyConfiguredError(
    `derive: ${JSON.stringify(recipe)} needs a make function. Only "br", "zstd" and "gzip" need none`,
  );
}

function assertRecipe(recipe: unknown): void {
  if (typeof recipe === "string" && recipe !== "") return;
  throw new ImproperlyConfiguredError(
    `derive: recipe must be a text, such as "webp-800", got ${JSON.stringify(recipe)}`,
  );
}

async function* followedBy(bytes: ByteSource, onRead: () => Promise<void>): AsyncGenerator<Uint8Array> {
  yield* readBytes(bytes);
  await onRead();
}

/** A weak entity tag may be another one each time, so the size and the time decide there. */
function isSameVersion(one: FileStat, other: FileStat): boolean {
  if (one.etag?.startsWith('"') && other.etag?.startsWith('"')) return one.etag === other.etag;
  return one.size === other.size && one.lastModified?.getTime() === other.lastModified?.getTime();
}

function isKept(file: DownloadFile): file is KeptFile {
  return "key" in file && Array.isArray(file.key);
}
