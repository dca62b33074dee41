import type { ExpressionOrFactory, Kysely, Selectable, SqlBool } from "kysely";
import type { Model } from "../views/object-download-view.ts";
import type { ColumnType } from "./column-type.ts";
import { lookupModel } from "./lookup-model.ts";

export interface KyselyModelOptions<DB, Table extends keyof DB & string> {
  /** The columns that rows can be looked up by, and what they hold, which Kysely does not know at run time. */
  columns: { readonly [Column in keyof DB[Table] & string]?: ColumnType };
  /** A condition in Kysely's own form that every row has to meet. */
  where?: ExpressionOrFactory<DB, Table, SqlBool>;
}

/**
 * A table of a Kysely database.
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
 * console.assert(typeof handler === "function" && (await documents.findOne({ id: "7" })) === undefined);
 * ```
 */
export function kyselyModel<DB, Table extends keyof DB & string>(
  db: Kysely<DB>,
  table: Table,
  { columns, where }: KyselyModelOptions<DB, Table>,
): Model<Selectable<DB[Table]>> {
  // Kysely's types follow each query; this one is put together from names that are only known at run time.
  const all = (db as unknown as Kysely<Tables>).selectFrom(table).selectAll();
  const rows = where === undefined ? all : all.where(where as unknown as ExpressionOrFactory<Tables, string, SqlBool>);
  return lookupModel({
    name: table,
    columns: new Map(Object.entries<ColumnType>(columns as Record<string, ColumnType>)),
    // Without a limit, which not every database spells alike: what a row is looked up by is unique.
    find: async (lookup) => {
      const query = lookup.reduce((found, [name, value]) => found.where(name, "=", value), rows);
      return (await query.executeTakeFirst()) as Selectable<DB[Table]> | undefined;
    },
  });
}

type Tables = Record<string, Record<string, unknown>>;
