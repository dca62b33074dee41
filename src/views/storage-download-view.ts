import type { Choice } from "../choice.ts";
import { FileNotFoundError, ImproperlyConfiguredError, InvalidPathError } from "../errors.ts";
import type { DownloadFile, FileStat, OpenFile, OpenOptions, StatOptions } from "../files/download-file.ts";
import type { EntityTagFormat } from "../http/etag.ts";
import { assertDotfilePolicy, hasDeniedDotfile, type DotfilePolicy } from "../files/dotfiles.ts";
import { assertEntityTagOption, type EntityTagOption } from "../files/local/etag.ts";
import { hasEncodedSeparator } from "../http/url-path.ts";
import { StorageFile } from "../storages/storage-file.ts";
import type { Storage } from "../storages/storage.ts";
import { answersByItself, BaseDownloadView } from "./base-download-view.ts";
import { routeParam } from "./view.ts";

/**
 * Serves a file by its name in a storage. The name is the URL parameter `pathParam`, else `path`; override `getPath()` to
 * compute another one. A name with a separator that was encoded in the URL (`admin%2Fsecret.txt`) is a
 * 404: a guard on `/admin/*` has not seen it.
 *
 * @example
 * ```ts
 * import { MemoryStorage, StorageDownloadView } from "downloadview";
 *
 * const storage = new MemoryStorage();
 * await storage.save("hello.txt", "Hello world!");
 * const handler = StorageDownloadView.asView({ storage });
 * const request = new Request("http://localhost/hello.txt");
 * const result = await handler(request, { params: { path: "hello.txt" }, native: undefined });
 * console.assert(!(result instanceof Response) && result.status === 200);
 * ```
 */
export class StorageDownloadView<C = unknown> extends BaseDownloadView<C> {
  /** Where the file is. Required, unless `getStorage()` is overridden. */
  storage: Storage | undefined = undefined;
  /** The name in the storage, if the URL has none. Default: none, and then the URL must have one. */
  path: string | undefined = undefined;
  /** The URL parameter with the name. Default: `"path"`. */
  pathParam = "path";
  /**
   * Whether a name from the URL may have a segment that begins with a dot: `"deny"` (the default), `"allow"`, or a list of
   * those that may be served, such as `[".well-known"]`.
   */
  dotfiles: Choice<"deny" | "allow"> | readonly string[] = "deny";
  /**
   * How the entity tag is made, in place of the storage's own: a function of size and time, or `false` for none. `"content"`, a hash of
   * the bytes, needs a `FileSystemStorage`; `MemoryStorage` has that tag anyway.
   */
  etag: EntityTagOption | undefined = undefined;

  override checkConfiguration(): void {
    super.checkConfiguration();
    if (!answersByItself(this, StorageDownloadView, "getStorage")) this.getStorage();
    assertDotfilePolicy(this.dotfiles, this.constructor.name);
    checkEntityTag(this);
    if (this.path === "") throw new ImproperlyConfiguredError(`${this.constructor.name} has an empty path`);
  }

  /** The storage that the file is in: override it to choose one per request. */
  getStorage(): Storage {
    if (this.storage) return this.storage;
    throw new ImproperlyConfiguredError(`${this.constructor.name} needs a storage: asView({ storage: new … })`);
  }

  getPath(): string | undefined | Promise<string | undefined> {
    return this.path === undefined
      ? routeParam(this, [this.pathParam], "pathParam")
      : (this.params[this.pathParam] ?? this.path);
  }

  override getFile(): DownloadFile | Promise<DownloadFile> {
    return this.#findFile();
  }

  async #findFile(): Promise<DownloadFile> {
    const path = await this.getPath();
    if (!path) throw new FileNotFoundError(undefined, { cause: new Error("getPath() returned no name") });
    if (hasEncodedSeparator(this.request.url, path)) throw new InvalidPathError();
    // By the policy of the URL alone: `path` and `getPath()` are the application's own.
    if (path === this.params[this.pathParam] && hasDeniedDotfile(path, this.dotfiles as DotfilePolicy))
      throw new InvalidPathError();
    const { etag } = this;
    const storage = this.getStorage();
    if (etag === undefined) return new StorageFile(storage, path);
    if (isTaggable(storage)) return new StorageFile(taggedStorage(storage, etag), path);
    return etag === "content" ? new StorageFile(storage, path) : new TaggedStorageFile(storage, path, etag);
  }
}

/** A storage that can make other entity tags, as `FileSystemStorage` can. */
interface TaggableStorage extends Storage {
  withEntityTag(etag: EntityTagOption): Storage;
}

function isTaggable(storage: Storage): storage is TaggableStorage {
  return "withEntityTag" in storage && typeof storage.withEntityTag === "function";
}

const taggedStorages = new WeakMap<Storage, Map<EntityTagOption, Storage>>();

function taggedStorage(storage: TaggableStorage, etag: EntityTagOption): Storage {
  const known = taggedStorages.get(storage) ?? new Map<EntityTagOption, Storage>();
  taggedStorages.set(storage, known);
  const tagged = known.get(etag) ?? storage.withEntityTag(etag);
  known.set(etag, tagged);
  return tagged;
}

function checkEntityTag({ etag, storage, constructor }: StorageDownloadView): void {
  if (etag === undefined) return;
  assertEntityTagOption(etag, constructor.name);
  if (etag !== "content" || !storage || isTaggable(storage)) return;
  throw new ImproperlyConfiguredError(
    `${constructor.name}: etag: "content" needs a FileSystemStorage; give this storage an entity tag where it is made`,
  );
}

/**
 * A file of a storage with another entity tag than its own: a function of its size and its time, or none (`false`). A file
 * without a size or a time gets none either.
 */
class TaggedStorageFile extends StorageFile {
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

// The client's tag is not a tag of the source: the source could not compare it.
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
