import { ImproperlyConfiguredError } from "../errors.ts";
import type { Model } from "../views/object-download-view.ts";
import { columnValue, type ColumnType, type ColumnValue } from "./column-type.ts";

/** What an adapter knows of a table, and how it asks for one row. */
export interface LookupTable<T> {
  /** What the table is called in errors. */
  readonly name: string;
  /** The columns that rows can be looked up by. */
  readonly columns: ReadonlyMap<string, ColumnType>;
  /** See `Model`. */
  readonly hasField?: (name: string) => boolean;
  /** The first row in which each of these columns has this value. */
  readonly find: (
    lookup: readonly (readonly [column: string, value: ColumnValue])[],
  ) => PromiseLike<T | null | undefined>;
}

/** A model that asks the database only for what a row of its table can be. */
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

/** @throws {ImproperlyConfiguredError} for a column that isn't there, or that nothing can be looked up by */
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
  // Never an object: to an ORM that may be an operator, such as Prisma's `{ not: "" }`.
  return typeof value === "number" || typeof value === "bigint" || typeof value === "boolean" ? value : undefined;
}

/** @throws {ImproperlyConfiguredError} if the configuration names a column that isn't there */
export function assertColumns(table: string, known: { has(name: string): boolean }, names: Iterable<string>): void {
  const unknown = [...names].filter((name) => !known.has(name)).map((name) => JSON.stringify(name));
  if (unknown.length > 0) throw new ImproperlyConfiguredError(`There is no column ${unknown.join(", ")} in ${table}`);
}

export interface ModelOptions {
  /** What columns hold, where the ORM doesn't say it well enough, such as a `uuid` that it takes for a text. */
  columns?: Readonly<Record<string, ColumnType>>;
}

/**
 * The columns that an ORM knows, with what the application says of some of them.
 * @throws {ImproperlyConfiguredError} if the application names one that isn't there
 */
export function describedColumns(
  table: string,
  known: ReadonlyMap<string, ColumnType>,
  { columns = {} }: ModelOptions,
): ReadonlyMap<string, ColumnType> {
  assertColumns(table, known, Object.keys(columns));
  return new Map([...known, ...Object.entries(columns)]);
}
