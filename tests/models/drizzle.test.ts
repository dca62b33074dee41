import { createClient } from "@libsql/client";
import { and, eq, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/libsql";
import { bigint, boolean, integer as pgInteger, numeric, pgEnum, pgTable, smallint, uuid } from "drizzle-orm/pg-core";
import { blob, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { describe, expect, it } from "vitest";
import { ImproperlyConfiguredError } from "downloadview";
import { drizzleModel } from "downloadview/drizzle";
import { describeFields, describeModel, documents, type DocumentModels } from "./document-contract.ts";

const table = sqliteTable("documents", {
  id: integer("document_id").primaryKey(),
  slug: text().notNull(),
  data: blob({ mode: "buffer" }).notNull(),
  key: text().notNull(),
  title: text().notNull(),
  type: text().notNull(),
  modified: integer({ mode: "timestamp_ms" }).notNull(),
  published: integer({ mode: "boolean" }).notNull(),
});

async function database(): Promise<ReturnType<typeof drizzle>> {
  const db = drizzle(createClient({ url: ":memory:" }));
  await db.run(
    sql`CREATE TABLE documents (document_id INTEGER PRIMARY KEY, slug TEXT, data BLOB, key TEXT, title TEXT, type TEXT, modified INTEGER, published INTEGER)`,
  );
  for (const { data, modified, ...row } of documents) {
    await db.insert(table).values({ ...row, data: Buffer.from(data), modified: new Date(modified) });
  }
  return db;
}

async function models(): Promise<DocumentModels> {
  const db = await database();
  return {
    all: drizzleModel(db, table),
    published: drizzleModel(db, table, { where: eq(table.published, true) }),
    first: drizzleModel(db, table, { where: eq(table.id, 1) }),
    either: drizzleModel(db, table, { where: sql`${table.id} = 1 OR ${table.id} = 2` }),
  };
}

describeModel("Drizzle", models);

describe("drizzleModel", () => {
  describeFields(models);

  it("looks up by a boolean in the form that the database has it in", async () => {
    const model = drizzleModel(await database(), table);
    expect(await model.findOne({ published: "false" })).toMatchObject({ id: 2, published: false });
    expect(await model.findOne({ published: "0" })).toBeUndefined();
  });

  it("looks nothing up by what the database has in another form than the application", async () => {
    const model = drizzleModel(await database(), table);
    await expect(model.findOne({ modified: "0" })).rejects.toBeInstanceOf(ImproperlyConfiguredError);
  });

  it("sends values beside the statement", async () => {
    const statements: [string, unknown[]][] = [];
    const db = drizzle(createClient({ url: ":memory:" }), {
      logger: { logQuery: (statement, parameters) => void statements.push([statement, parameters]) },
    });
    const where = and(eq(table.published, true), eq(table.type, "application/pdf"));
    const model = drizzleModel(db, table, { where: where! });
    await expect(model.findOne({ slug: "' OR 1=1 --" })).rejects.toThrow();
    expect(statements).toHaveLength(1);
    expect(statements[0]?.[0]).toMatch(/"slug" = \? and .*"published" = \? and .*"type" = \?.* limit \?$/);
    expect(statements[0]?.[1]).toEqual(["' OR 1=1 --", 1, "application/pdf", 1]);
  });

  it("knows what PostgreSQL would refuse", async () => {
    const state = pgEnum("state", ["draft", "final"]);
    const strict = pgTable("strict", {
      small: smallint(),
      id: pgInteger(),
      serial: bigint({ mode: "number" }),
      token: uuid(),
      price: numeric(),
      state: state(),
      open: boolean(),
    });
    const asked: unknown[] = [];
    const rows = { where: (condition: unknown) => ({ limit: async () => (asked.push(condition), [{ found: true }]) }) };
    const model = drizzleModel({ select: () => ({ from: () => rows }) }, strict);
    const refused = { small: "32768", id: "2147483648", serial: "9223372036854775808", token: "7", price: "1e3" };
    for (const [name, value] of Object.entries({ ...refused, state: "lost", open: "yes" })) {
      expect(await model.findOne({ [name]: value })).toBeUndefined();
    }
    expect(asked).toEqual([]);
    const taken = { small: "32767", id: "2147483647", serial: "9223372036854775807", price: "1.50", state: "final" };
    for (const [name, value] of Object.entries(taken)) expect(await model.findOne({ [name]: value })).toBeDefined();
  });
});
