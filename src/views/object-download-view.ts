import { warnOnce } from "../diagnostics.ts";
import { FileNotFoundError, ImproperlyConfiguredError } from "../errors.ts";
import { DescribedFile, type FileDescription } from "../files/described-file.ts";
import { type DownloadFile, isDownloadFile } from "../files/download-file.ts";
import { VirtualFile, type VirtualSource } from "../files/virtual-file.ts";
import { StorageFile } from "../storages/storage-file.ts";
import type { Storage } from "../storages/storage.ts";
import { answersByItself, BaseDownloadView } from "./base-download-view.ts";
import { routeParam } from "./view.ts";
import { dateOf, isEmpty, mediaTypeOf, sizeOf, textOf, tokenOf } from "./field-values.ts";

/** Where objects are found: a table, a repository, a collection. `downloadview/models` makes one of most ORMs'. */
export interface Model<T = unknown> {
  /** The one object whose fields equal those of `where`, if there is one. */
  findOne(where: Readonly<Record<string, unknown>>): Promise<T | null | undefined> | T | null | undefined;
  /** Whether its objects have this field, where that is known: a view then refuses a wrong one when it is made. */
  hasField?(name: string): boolean;
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
 *   filenameField: "title",
 * });
 * const request = new Request("http://localhost/documents/report");
 * const result = await handler(request, { params: { slug: "report" }, native: undefined });
 * console.assert("filename" in result && result.filename === "Annual report.pdf");
 * ```
 */
export class ObjectDownloadView<C = unknown, T = unknown> extends BaseDownloadView<C> {
  /** Where to find the object. Required, unless `getQueryset()` or `getObject()` is overridden. */
  model: Model<T> | undefined = undefined;
  /** A narrower place to find it, such as the published rows only. It comes before {@link model}. */
  queryset: Model<T> | undefined = undefined;
  /** The field with the primary key. Default: `"id"`. */
  pkField = "id";
  /** The URL parameter with the primary key. It comes before the slug. Default `"pk"`. */
  pkParam = "pk";
  /** The field with the slug. Default: `"slug"`. */
  slugField = "slug";
  /** The URL parameter with the slug. Default: `"slug"`. */
  slugParam = "slug";
  /**
   * Whether the object must match the primary key and the slug, where the URL has both. Default `false`: the slug is
   * then not looked at. With `true`, a guessed key without its slug is a 404.
   */
  queryPkAndSlug = false;
  /** The storage that a text in the file field is a name in. */
  storage: Storage | undefined = undefined;
  /** The field with the file: a name in `storage`, a `Blob`, bytes or a `DownloadFile`. Default: `"file"`. */
  fileField = "file";
  /** The field with the name that the client sees. Default: none, the name is that of the file. */
  filenameField: string | undefined = undefined;
  /** The field with the content coding. Default: none. */
  contentEncodingField: string | undefined = undefined;
  /** The field with the media type. Default: none. */
  contentTypeField: string | undefined = undefined;
  /** The field with the charset. Default: none. */
  charsetField: string | undefined = undefined;
  /** A `Date`, milliseconds since the epoch, or an ISO 8601 text, which is in UTC where it names no zone. */
  lastModifiedField: string | undefined = undefined;
  /** A length in bytes, for files that do not know their own. */
  sizeField: string | undefined = undefined;
  /** What {@link getObject} found. */
  object: T | undefined = undefined;

  override checkConfiguration(): void {
    super.checkConfiguration();
    if (answersByItself(this, ObjectDownloadView, "getObject", "getQueryset")) return;
    const model = this.getQueryset();
    if (!model) {
      throw new ImproperlyConfiguredError(
        `${this.constructor.name} needs a place to find objects: asView({ model }) with a model that has ` +
          `findOne(where), or override getObject()`,
      );
    }
    const unknown = this.#fields().filter((name) => model.hasField?.(name) === false);
    if (unknown.length > 0) {
      const names = unknown.map((name) => JSON.stringify(name)).join(", ");
      throw new ImproperlyConfiguredError(`${this.constructor.name}: the model has no field ${names}`);
    }
  }

  #fields(): string[] {
    const described = [
      this.fileField,
      this.filenameField,
      this.contentEncodingField,
      this.contentTypeField,
      this.charsetField,
    ];
    const measured = [this.lastModifiedField, this.sizeField];
    return [...this.#lookupFields(), ...described, ...measured].filter((name) => name !== undefined);
  }

  // A default that isn't there only says that the other one is used.
  #lookupFields(): string[] {
    const has = (name: string): boolean => this.getQueryset()?.hasField?.(name) !== false;
    const fields = [this.pkField, this.slugField];
    return fields.some(has) ? fields.filter((name) => name !== "id" && name !== "slug") : fields;
  }

  getQueryset(): Model<T> | undefined {
    return this.queryset ?? this.model;
  }

  /** The object that the URL names. @throws {FileNotFoundError} */
  getObject(): T | Promise<T> {
    return this.#findObject();
  }

  async #findObject(): Promise<T> {
    const object = await this.getQueryset()?.findOne(this.#lookup());
    if (object === null || object === undefined) {
      const cause = new Error(`No object has ${JSON.stringify(this.#lookup())}`);
      throw new FileNotFoundError(undefined, { cause });
    }
    return object;
  }

  #lookup(): Record<string, string> {
    routeParam(this, [this.pkParam, this.slugParam], "pkParam or slugParam");
    const { [this.pkParam]: pk, [this.slugParam]: slug } = this.params;
    const bySlug = slug === undefined ? {} : { [this.slugField]: slug };
    if (pk !== undefined) return { ...(this.queryPkAndSlug ? bySlug : {}), [this.pkField]: pk };
    if (slug !== undefined) return bySlug;
    const cause = new Error(`The route has neither a parameter "${this.pkParam}" nor "${this.slugParam}"`);
    throw new FileNotFoundError(undefined, { cause });
  }

  override getFile(): DownloadFile | Promise<DownloadFile> {
    return this.#findFile();
  }

  async #findFile(): Promise<DownloadFile> {
    this.object = await this.getObject();
    this.#checkObject();
    const value = this.#fieldOf(this.fileField);
    if (isEmpty(value)) {
      throw new FileNotFoundError(undefined, { cause: new Error(`The field "${this.fileField}" is empty`) });
    }
    return new DescribedFile(this.#fileFrom(value), this.#description());
  }

  /** A model that cannot tell which fields it has is checked here: a misspelled field must not look like an empty one. */
  #checkObject(): void {
    const { object, constructor } = this;
    const model = this.getQueryset() ?? constructor;
    const describing = [this.filenameField, this.contentEncodingField, this.contentTypeField, this.charsetField];
    const measuring = [this.lastModifiedField, this.sizeField];
    if (!isKnownField(model, object, this.fileField)) {
      throw new ImproperlyConfiguredError(missingField(constructor.name, this.fileField));
    }
    for (const name of [...describing, ...measuring]) {
      if (name !== undefined && !isKnownField(model, object, name)) {
        warnOnce("DOWNLOADVIEW_NO_SUCH_FIELD", missingField(constructor.name, name));
      }
    }
  }

  /** The storage that a text in the file field is a name in. Override it to choose one per object or request. */
  getStorage(): Storage | undefined {
    return this.storage;
  }

  override getFilename(): string | undefined | Promise<string | undefined> {
    return super.getFilename() ?? textOf(this.#fieldOf(this.filenameField));
  }

  override getContentEncoding(): string | undefined | Promise<string | undefined> {
    return super.getContentEncoding() ?? tokenOf(this.#fieldOf(this.contentEncodingField));
  }

  override getContentType(): string | undefined | Promise<string | undefined> {
    return super.getContentType() ?? mediaTypeOf(this.#fieldOf(this.contentTypeField));
  }

  override getCharset(): string | false | undefined | Promise<string | false | undefined> {
    return super.getCharset() ?? tokenOf(this.#fieldOf(this.charsetField));
  }

  #fieldOf(name: string | undefined): unknown {
    return name === undefined ? undefined : (this.object as Record<string, unknown> | undefined)?.[name];
  }

  #fileFrom(value: unknown): DownloadFile {
    if (isDownloadFile(value)) return value;
    if (typeof value !== "string") return new VirtualFile(value as VirtualSource, nameIfAbsent(value, this.fileField));
    const storage = this.getStorage();
    if (storage) return new StorageFile(storage, value);
    throw new ImproperlyConfiguredError(
      `${this.constructor.name}: the field "${this.fileField}" holds a name, so the view needs the storage that the ` +
        `name is in: asView({ model, storage })`,
    );
  }

  #description(): FileDescription {
    return {
      size: sizeOf(this.#fieldOf(this.sizeField)),
      lastModified: dateOf(this.#fieldOf(this.lastModifiedField)),
    };
  }
}

// Documents without a schema leave out what is empty: a field that another object of the model has is no mistake.
const knownFields = new WeakMap<object, Set<string>>();

function isKnownField(model: object, object: unknown, name: string): boolean {
  const known = knownFields.get(model) ?? new Set();
  knownFields.set(model, known);
  if (typeof object === "object" && object !== null && name in object) known.add(name);
  return known.has(name);
}

function missingField(view: string, name: string): string {
  return (
    `${view}: the object that was found has no field ${JSON.stringify(name)}. ` +
    `Is the name misspelled, or is the column not selected?`
  );
}

function nameIfAbsent(value: unknown, name: string): { name?: string } {
  return value instanceof Blob && "name" in value ? {} : { name };
}
