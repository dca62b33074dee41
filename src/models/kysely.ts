import type { Expression, ExpressionBuilder, ExpressionOrFactory, Kysely, Selectable, SqlBool } from "kysely";
import type { Model } from "../views/object-download-view.ts";
import type { ColumnType } from "./column-type.ts";
import { lookupModel } from "./lookup-model.ts";

export interface KyselyModelOptions<DB, Table extends keyof DB & string> {
  /** The columns by which rows can be looked up, with their types: Kysely does not know them at run time. */
  columns: { readonly [Column in keyof DB[Table] & string]?: ColumnType };
  /** A condition in Kysely's own form that every row has to meet. */
  where?: ExpressionOrFactory<DB, Table, SqlBool>;
}

/**
 * Makes a model of a table of a Kysely database.
 *
 * @example
 * ```ts
 * import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from "kysely";
 * import { ObjectDownloadView } from "downloadview";
 * import { kyselyModel } from "downloadview/kysely";
 *
 * interface Tables {
 *   documents: { id: number; slug: string; data: Uint8Array; published: number };
 * }
 * const db = new Kysely<Tables>({
 *   dialect: {
 *     createAdapter: () => new SqliteAdapter(),
 *     createDriver: () => new DummyDriver(),
 *     createIntrospector: (database) => new SqliteIntrospector(database),
 *     createQueryCompiler: () => new SqliteQueryCompiler(),
 *   },
 * });
 * const documents = kyselyModel(db, "documents", {
 *   columns: { id: "bigint", slug: "text" },
 *   where: (eb) => eb("published", "=", 1),
 * });
 * const handler = ObjectDownloadView.asView({ model: documents, fileField: "data" });
 * const request = new Request("http://localhost/");
 * const missing = await handler(request, { params: { pk: "7" }, native: undefined }).catch((error) => error);
 * console.assert(missing.status === 404);
 * ```
 */
export function kyselyModel<DB, Table extends keyof DB & string>(
  db: Kysely<DB>,
  table: Table,
  { columns, where }: KyselyModelOptions<DB, Table>,
): Model<Selectable<DB[Table]>> {
  // Kysely types each query, but the names in this one are known at run time only.
  const all = (db as unknown as Kysely<Tables>).selectFrom(table).selectAll();
  const rows = where === undefined ? all : all.where((eb) => eb.parens(conditionOf(where as never, eb)));
  return lookupModel({
    name: table,
    columns: new Map(Object.entries<ColumnType>(columns as Record<string, ColumnType>)),
    // Without a limit, because databases spell it differently: rows are looked up by unique columns.
    find: async (lookup) => {
      const query = lookup.reduce((found, [name, value]) => found.where(name, "=", value), rows);
      return (await query.executeTakeFirst()) as Selectable<DB[Table]> | undefined;
    },
  });
}

// Kysely puts no parentheses around `sql` text: with an OR of its own it would let any of its rows through.
function conditionOf(
  where: ExpressionOrFactory<Tables, string, SqlBool>,
  eb: ExpressionBuilder<Tables, string>,
): Expression<SqlBool> {
  return (typeof where === "function" ? where(eb) : where) as Expression<SqlBool>;
}

type Tables = Record<string, Record<string, unknown>>;
