import { ImproperlyConfiguredError } from "../errors.ts";
import type { Model } from "../views/object-download-view.ts";
import { columnValue, type ColumnType, type ColumnValue } from "./column-type.ts";

/** The columns of a table, and the query for one row. */
export interface LookupTable<T> {
  /** The name of the table in errors. */
  readonly name: string;
  /** The columns by which rows can be looked up. */
  readonly columns: ReadonlyMap<string, ColumnType>;
  /** See `Model`. */
  readonly hasField?: (name: string) => boolean;
  /** Returns the first row in which each of these columns has this value. */
  readonly find: (
    lookup: readonly (readonly [column: string, value: ColumnValue])[],
  ) => PromiseLike<T | null | undefined>;
}

/** Makes a model that queries the database only for values that the columns can hold. */
export function lookupModel<T>(table: LookupTable<T>): Model<T> {
  const { hasField, find } = table;
  return {
    async findOne(where) {
      const lookup = Object.entries(where).map(([name, value]) => [name, valueFor(table, name, value)] as const);
      // Without a condition the database returns the first row of the table, which may be any.
      return lookup.length > 0 && lookup.every(isPossible) ? find(lookup) : undefined;
    },
    ...(hasField ? { hasField } : {}),
  };
}

function isPossible(entry: readonly [string, ColumnValue | undefined]): entry is readonly [string, ColumnValue] {
  return entry[1] !== undefined;
}

/** @throws {ImproperlyConfiguredError} if the column is unknown, or a URL cannot name its values */
function valueFor(
  { name: table, columns }: LookupTable<unknown>,
  name: string,
  value: unknown,
): ColumnValue | undefined {
  assertColumns(table, columns, [name]);
  const type = columns.get(name);
  if (type === undefined || type === "other") {
    throw new ImproperlyConfiguredError(
      `Nothing in a URL can name a value of the column "${name}" of ${table}. If it can, say what the column holds: ` +
        `{ columns: { ${name}: "text" } }`,
    );
  }
  if (typeof value === "string") return columnValue(type, value);
  // Never an object: an ORM may read it as an operator, such as Prisma's `{ not: "" }`.
  return typeof value === "number" || typeof value === "bigint" || typeof value === "boolean" ? value : undefined;
}

/** @throws {ImproperlyConfiguredError} if the configuration names an unknown column */
export function assertColumns(table: string, known: { has(name: string): boolean }, names: Iterable<string>): void {
  const unknown = [...names].filter((name) => !known.has(name)).map((name) => JSON.stringify(name));
  if (unknown.length > 0) throw new ImproperlyConfiguredError(`There is no column ${unknown.join(", ")} in ${table}`);
}

export interface ModelOptions {
  /** Types of columns that the ORM does not know exactly, such as a `uuid` that it calls a text. Default: none. */
  columns?: Readonly<Record<string, ColumnType>>;
}

/**
 * Merges the columns that an ORM knows with the types that the application declares.
 * @throws {ImproperlyConfiguredError} if the application names an unknown column
 */
export function describedColumns(
  table: string,
  known: ReadonlyMap<string, ColumnType>,
  { columns = {} }: ModelOptions,
): ReadonlyMap<string, ColumnType> {
  assertColumns(table, known, Object.keys(columns));
  return new Map([...known, ...Object.entries(columns)]);
}
