import {
  and,
  eq,
  getTableColumns,
  getTableName,
  sql,
  type Column,
  type InferSelectModel,
  type SQL,
  type Table,
} from "drizzle-orm";
import type { Model } from "../views/object-download-view.ts";
import { columnTypeIn, sqlColumnType, type ColumnType } from "./column-type.ts";
import { describedColumns, lookupModel, type ModelOptions } from "./lookup-model.ts";

/** The part of a Drizzle database that is used, in any dialect. */
export interface DrizzleDatabase {
  select(): { from(table: never): unknown };
}

export interface DrizzleModelOptions extends ModelOptions {
  /** A condition in Drizzle's own form that every row has to meet. */
  where?: SQL;
}

/**
 * Makes a model of a table of a Drizzle database. Columns have their names in the schema, not in the database.
 *
 * @throws {ImproperlyConfiguredError} if `columns` names a column that the table does not have
 *
 * @example
 * ```ts
 * import { createClient } from "@libsql/client";
 * import { eq } from "drizzle-orm";
 * import { drizzle } from "drizzle-orm/libsql";
 * import { blob, integer, sqliteTable } from "drizzle-orm/sqlite-core";
 * import { ObjectDownloadView } from "downloadview";
 * import { drizzleModel } from "downloadview/drizzle";
 *
 * const documents = sqliteTable("documents", {
 *   id: integer().primaryKey(),
 *   data: blob({ mode: "buffer" }),
 *   published: integer({ mode: "boolean" }),
 * });
 * const db = drizzle(createClient({ url: ":memory:" }));
 * await db.run("CREATE TABLE documents (id INTEGER PRIMARY KEY, data BLOB, published INTEGER)");
 * const model = drizzleModel(db, documents, { where: eq(documents.published, true) });
 * const handler = ObjectDownloadView.asView({ model, fileField: "data" });
 * const request = new Request("http://localhost/");
 * const missing = await handler(request, { params: { pk: "7" }, native: undefined }).catch((error) => error);
 * console.assert(missing.status === 404);
 * ```
 */
export function drizzleModel<T extends Table>(
  db: DrizzleDatabase,
  table: T,
  options: DrizzleModelOptions = {},
): Model<InferSelectModel<T>> {
  const name = getTableName(table);
  const columns: Readonly<Record<string, Column>> = getTableColumns(table);
  // `and()` puts no parentheses around `sql` text: with an OR of its own it would let any of its rows through.
  const where = options.where && sql`(${options.where})`;
  const known = new Map(Object.entries(columns).map(([key, column]) => [key, columnType(column)]));
  return lookupModel({
    name,
    columns: describedColumns(name, known, options),
    hasField: (key) => known.has(key),
    find: async (lookup) => {
      const conditions = lookup.map(([key, value]) => eq(columns[key]!, value));
      const [row] = await selectFrom(db, table, and(...conditions, where));
      return row as InferSelectModel<T> | undefined;
    },
  });
}

interface DrizzleQuery {
  where(condition: SQL | undefined): { limit(count: number): Promise<unknown[]> };
}

function selectFrom(db: DrizzleDatabase, table: Table, condition: SQL | undefined): Promise<unknown[]> {
  return (db.select().from(table as never) as DrizzleQuery).where(condition).limit(1);
}

function columnType(column: Column): ColumnType {
  if (column.enumValues?.length) return column.enumValues;
  if (column.dataType.startsWith("boolean")) return "boolean";
  // The database stores the value in another form than the application has it: a date as an integer, JSON as a text.
  if (/date|json|buffer|array|object/.test(column.dataType)) return "other";
  return columnTypeIn(column.columnType, sqlColumnType(column.getSQLType()));
}
