import { ImproperlyConfiguredError } from "../errors.ts";
import type { Model } from "../views/object-download-view.ts";
import { columnTypeIn, sqlColumnType, type ColumnType } from "./column-type.ts";
import { assertColumns, describedColumns, lookupModel, type ModelOptions } from "./lookup-model.ts";

/** The part of a TypeORM repository that is used. */
export interface TypeormRepository<T> {
  readonly metadata: TypeormMetadata;
  readonly manager: { readonly dataSource?: TypeormDataSource; readonly connection?: TypeormDataSource };
  createQueryBuilder(alias: string): TypeormQuery<T>;
}

export interface TypeormDataSource {
  readonly options: { readonly type: string };
}

export interface TypeormQuery<T> {
  where(where: never): TypeormQuery<T>;
  andWhere(where: never): TypeormQuery<T>;
  addSelect(column: string): TypeormQuery<T>;
  limit(count: number): TypeormQuery<T>;
  getOne(): Promise<T | null>;
}

export interface TypeormMetadata {
  readonly name: string;
  /** The class of an entity, or the name of an entity without a class. */
  readonly target: unknown;
  readonly columns: readonly TypeormColumn[];
  readonly relations: readonly { readonly propertyName: string }[];
}

export interface TypeormColumn {
  readonly propertyPath: string;
  readonly type: unknown;
  readonly isArray: boolean;
  readonly isSelect: boolean;
  readonly enum?: readonly (string | number)[] | undefined;
}

export interface TypeormModelOptions extends ModelOptions {
  /** Values of columns that every row has to have, in the form of TypeORM's `FindOptionsWhere`. */
  where?: Readonly<Record<string, unknown>>;
}

/**
 * Makes a model of a TypeORM repository. Initialize the data source before.
 *
 * @throws {ImproperlyConfiguredError} if `where` or `columns` names an unknown column, or the data source is not initialized
 *
 * @example
 * ```ts
 * import { DataSource, EntitySchema } from "typeorm";
 * import { ObjectDownloadView } from "downloadview";
 * import { typeormModel } from "downloadview/models";
 *
 * const Document = new EntitySchema<{ id: number; data: Uint8Array }>({
 *   name: "Document",
 *   columns: { id: { type: Number, primary: true }, data: { type: "blob" } },
 * });
 * const source = new DataSource({ type: "sqljs", entities: [Document], synchronize: true });
 * await source.initialize();
 * const documents = typeormModel(source.getRepository(Document));
 * const handler = ObjectDownloadView.asView({ model: documents, fileField: "data" });
 * const request = new Request("http://localhost/");
 * const missing = await handler(request, { params: { pk: "7" }, native: undefined }).catch((error) => error);
 * console.assert(missing.status === 404);
 * await source.destroy();
 * ```
 */
export function typeormModel<T>(repository: TypeormRepository<T>, options: TypeormModelOptions = {}): Model<T> {
  const metadata = metadataOf(repository);
  const { name, relations } = metadata;
  const known = columnTypes(metadata, dialectOf(repository));
  const { where } = options;
  const conditions = new Set([...known.keys(), ...relations.map(({ propertyName }) => propertyName)]);
  assertColumns(name, conditions, Object.keys(where ?? {}));
  return lookupModel({
    name,
    columns: describedColumns(name, known, options),
    hasField: (field) => conditions.has(field) || hasMember(metadata, field),
    find: (lookup) => {
      const rows = selectAll(repository, metadata).where(Object.fromEntries(lookup) as never);
      return restricted(rows, where).limit(1).getOne();
    },
  });
}

/**
 * TypeORM puts no parentheses around the SQL of `Raw()`: with an OR of its own it would let any of its rows through. It
 * puts them around a list of alternatives, so that each condition is written as two that are the same.
 */
function restricted<T>(rows: TypeormQuery<T>, where: TypeormModelOptions["where"] = {}): TypeormQuery<T> {
  return Object.entries(where).reduce((query, [name, value]) => {
    const condition = { [name]: value };
    return query.andWhere([condition, condition] as never);
  }, rows);
}

/** @throws {ImproperlyConfiguredError} if the data source is not initialized */
function metadataOf(repository: TypeormRepository<unknown>): TypeormMetadata {
  try {
    return repository.metadata;
  } catch (cause) {
    throw new ImproperlyConfiguredError("Initialize the DataSource before you make a model of a repository", { cause });
  }
}

function dialectOf({ manager }: TypeormRepository<unknown>): string {
  return (manager.dataSource ?? manager.connection)?.options.type ?? "";
}

// With the columns that are left out of a list, such as the very bytes that are to be served.
function selectAll<T>(repository: TypeormRepository<T>, { columns }: TypeormMetadata): TypeormQuery<T> {
  const leftOut = columns.filter(({ isSelect }) => !isSelect);
  return leftOut.reduce<TypeormQuery<T>>(
    (query, { propertyPath }) => query.addSelect(`object.${propertyPath}`),
    repository.createQueryBuilder("object"),
  );
}

// An entity may compute a field: a getter of its class.
function hasMember({ target }: TypeormMetadata, field: string): boolean {
  return typeof target === "function" && field in (target.prototype as object);
}

function columnTypes({ columns }: TypeormMetadata, dialect: string): Map<string, ColumnType> {
  return new Map(
    columns.map((column) => [column.propertyPath.split(".", 1).join(), columnTypeIn(dialect, columnType(column))]),
  );
}

function columnType({ type, isArray, enum: values, propertyPath }: TypeormColumn): ColumnType {
  // One with a dot is of an embedded entity, whose columns have no name of their own here.
  if (isArray || propertyPath.includes(".")) return "other";
  if (values?.length) return values.map(String);
  return typeof type === "function" ? (constructorTypes.get(type) ?? "other") : sqlColumnType(String(type));
}

const constructorTypes = new Map<unknown, ColumnType>([
  [Number, "integer"],
  [String, "text"],
  [Boolean, "boolean"],
]);
