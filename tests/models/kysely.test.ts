import { Kysely, sql, SqliteDialect, type SqliteDatabase } from "kysely";
import initSqlJs, { type SqlValue } from "sql.js";
import { describe, expect, it } from "vitest";
import { kyselyModel } from "downloadview/kysely";
import { describeModel, documents, type DocumentModels } from "./document-contract.ts";

interface Tables {
  documents: {
    id: number;
    slug: string;
    data: Uint8Array;
    key: string;
    title: string;
    type: string;
    modified: number;
    published: number;
  };
}

/** SQLite compiled to WebAssembly, in the form that Kysely's dialect knows. */
async function sqlite(): Promise<SqliteDatabase> {
  const database = new (await initSqlJs()).Database();
  return {
    close: () => database.close(),
    prepare: (sql) => {
      const statement = database.prepare(sql);
      const rows = (parameters: readonly unknown[]): object[] => {
        statement.bind(parameters as SqlValue[]);
        const found: object[] = [];
        while (statement.step()) found.push(statement.getAsObject());
        statement.free();
        return found;
      };
      return {
        reader: statement.getColumnNames().length > 0,
        all: rows,
        run: (parameters) => {
          rows(parameters);
          return { changes: database.getRowsModified(), lastInsertRowid: 0 };
        },
        iterate: (parameters) => rows(parameters).values(),
      };
    },
  };
}

const columns = { id: "bigint", slug: "text", data: "other" } as const;

async function database(
  log: (sql: string, parameters: readonly unknown[]) => void = () => {},
): Promise<Kysely<Tables>> {
  const db = new Kysely<Tables>({
    dialect: new SqliteDialect({ database: await sqlite() }),
    log: ({ query }) => log(query.sql, query.parameters),
  });
  const texts = ["slug", "key", "title", "type"] as const;
  const created = db.schema.createTable("documents").addColumn("id", "integer", (id) => id.primaryKey());
  await texts
    .reduce((table, name) => table.addColumn(name, "text"), created)
    .addColumn("data", "blob")
    .addColumn("modified", "integer")
    .addColumn("published", "integer")
    .execute();
  for (const row of documents) {
    await db
      .insertInto("documents")
      .values({ ...row, published: Number(row.published) })
      .execute();
  }
  return db;
}

async function models(): Promise<DocumentModels> {
  const db = await database();
  return {
    all: kyselyModel(db, "documents", { columns }),
    published: kyselyModel(db, "documents", { columns, where: (eb) => eb("published", "=", 1) }),
    first: kyselyModel(db, "documents", { columns, where: (eb) => eb("id", "=", 1) }),
    either: kyselyModel(db, "documents", { columns, where: sql<boolean>`id = 1 OR id = 2` }),
  };
}

describeModel("Kysely", models);

describe("kyselyModel", () => {
  it("sends values beside the statement", async () => {
    const statements: [string, readonly unknown[]][] = [];
    const db = await database((...statement) => void statements.push(statement));
    statements.length = 0;
    const model = kyselyModel(db, "documents", { columns, where: (eb) => eb("published", "=", 1) });
    await model.findOne({ slug: "' OR 1=1 --" });
    expect(statements).toEqual([
      ['select * from "documents" where ("published" = ?) and "slug" = ?', [1, "' OR 1=1 --"]],
    ]);
  });
});
