import { FileNotFoundError, ImproperlyConfiguredError } from "../errors.ts";
import { DescribedFile, type FileDescription } from "../files/described-file.ts";
import type { DownloadFile } from "../files/download-file.ts";
import { VirtualFile, type VirtualSource } from "../files/virtual-file.ts";
import { StorageFile } from "../storages/storage-file.ts";
import type { Storage } from "../storages/storage.ts";
import { BaseDownloadView } from "./base-download-view.ts";

/** Where objects are found: a table, a repository, a collection. `downloadview/models` makes one of most ORMs'. */
export interface Model<T = unknown> {
  /** The one object whose fields equal those of `where`, if there is one. */
  findOne(where: Readonly<Record<string, unknown>>): Promise<T | null | undefined> | T | null | undefined;
}

/**
 * Serves the file of an object: a row, a document, an entity. The file field holds a name in `storage`, a `Blob`,
 * bytes, or a `DownloadFile`; other fields may hold what is known of it.
 *
 * @example
 * ```ts
 * import { MemoryStorage, ObjectDownloadView } from "downloadview";
 *
 * const storage = new MemoryStorage();
 * await storage.save("2024/7f3a.pdf", "%PDF-1.7");
 * const rows = [{ slug: "report", file: "2024/7f3a.pdf", title: "Annual report.pdf" }];
 * const handler = ObjectDownloadView.asView({
 *   model: { findOne: ({ slug }) => rows.find((row) => row.slug === slug) },
 *   storage,
 *   basenameField: "title",
 * });
 * const request = new Request("http://localhost/documents/report");
 * const result = await handler(request, { params: { slug: "report" }, native: undefined });
 * console.assert("basename" in result && result.basename === "Annual report.pdf");
 * ```
 */
export class ObjectDownloadView<C = unknown, T = unknown> extends BaseDownloadView<C> {
  /** Where to find the object. */
  model: Model<T> | undefined = undefined;
  /** A narrower place to find it, such as the published rows only. It comes before {@link model}. */
  queryset: Model<T> | undefined = undefined;
  pkField = "id";
  /** The URL parameter with the primary key. It comes before the slug. */
  pkParam = "pk";
  slugField = "slug";
  slugParam = "slug";
  /** The storage that a text in the file field is a name in. */
  storage: Storage | undefined = undefined;
  fileField = "file";
  basenameField: string | undefined = undefined;
  encodingField: string | undefined = undefined;
  mimeTypeField: string | undefined = undefined;
  charsetField: string | undefined = undefined;
  /** A `Date`, or milliseconds since the epoch. */
  modificationTimeField: string | undefined = undefined;
  /** A length in bytes, for files that do not know their own. */
  sizeField: string | undefined = undefined;
  /** What {@link getObject} found. */
  object: T | undefined = undefined;

  override checkConfiguration(): void {
    if (!this.getQueryset() && this.getObject === ObjectDownloadView.prototype.getObject) {
      throw new ImproperlyConfiguredError(
        `${this.constructor.name} needs a place to find objects: asView({ model }) with a model that has ` +
          `findOne(where), or override getObject()`,
      );
    }
  }

  getQueryset(): Model<T> | undefined {
    return this.queryset ?? this.model;
  }

  /** The object that the URL names. @throws {FileNotFoundError} */
  async getObject(): Promise<T> {
    const where = this.#lookup();
    const object = where && (await this.getQueryset()?.findOne(where));
    if (object === null || object === undefined) throw new FileNotFoundError();
    return object;
  }

  #lookup(): Record<string, string> | undefined {
    const pk = this.params[this.pkParam];
    if (pk !== undefined) return { [this.pkField]: pk };
    const slug = this.params[this.slugParam];
    return slug === undefined ? undefined : { [this.slugField]: slug };
  }

  override async getFile(): Promise<DownloadFile> {
    this.object = await this.getObject();
    const value = this.#fieldOf(this.fileField);
    if (isEmpty(value)) throw new FileNotFoundError();
    return new DescribedFile(this.#fileFrom(value), this.#description());
  }

  override async getBasename(): Promise<string | undefined> {
    return (await super.getBasename()) ?? textOf(this.#fieldOf(this.basenameField));
  }

  override async getEncoding(): Promise<string | undefined> {
    return (await super.getEncoding()) ?? textOf(this.#fieldOf(this.encodingField));
  }

  override async getMimetype(): Promise<string | undefined> {
    return (await super.getMimetype()) ?? textOf(this.#fieldOf(this.mimeTypeField));
  }

  override async getCharset(): Promise<string | false | undefined> {
    return (await super.getCharset()) ?? textOf(this.#fieldOf(this.charsetField));
  }

  #fieldOf(name: string | undefined): unknown {
    return name === undefined ? undefined : (this.object as Record<string, unknown> | undefined)?.[name];
  }

  #fileFrom(value: unknown): DownloadFile {
    if (isDownloadFile(value)) return value;
    if (typeof value !== "string") return new VirtualFile(value as VirtualSource, nameIfAbsent(value, this.fileField));
    if (this.storage) return new StorageFile(this.storage, value);
    throw new ImproperlyConfiguredError(
      `${this.constructor.name}: the field "${this.fileField}" holds a name, so the view needs the storage that the ` +
        `name is in: asView({ model, storage })`,
    );
  }

  #description(): FileDescription {
    return {
      size: sizeOf(this.#fieldOf(this.sizeField)),
      lastModified: dateOf(this.#fieldOf(this.modificationTimeField)),
    };
  }
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

function isDownloadFile(value: unknown): value is DownloadFile {
  return typeof value === "object" && value !== null && "stat" in value && "open" in value;
}

function nameIfAbsent(value: unknown, name: string): { name?: string } {
  return value instanceof Blob && "name" in value ? {} : { name };
}

function textOf(value: unknown): string | undefined {
  return isEmpty(value) ? undefined : String(value);
}

function sizeOf(value: unknown): number | undefined {
  const size = isEmpty(value) ? Number.NaN : Number(value);
  return Number.isSafeInteger(size) && size >= 0 ? size : undefined;
}

function dateOf(value: unknown): Date | undefined {
  if (isEmpty(value)) return undefined;
  const date = value instanceof Date ? value : new Date(value as string | number);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
