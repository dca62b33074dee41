/** Compiled, never run: what the types of models promise, and refuse. */
import { eq } from "drizzle-orm";
import type { LibSQLDatabase } from "drizzle-orm/libsql";
import type { NodePgDatabase } from "drizzle-orm/node-postgres";
import { pgTable, uuid } from "drizzle-orm/pg-core";
import { blob, integer, sqliteTable } from "drizzle-orm/sqlite-core";
import type { Generated, Kysely } from "kysely";
import type { Repository } from "typeorm";
import { ObjectDownloadView, type Model } from "downloadview";
import { drizzleModel } from "downloadview/drizzle";
import { kyselyModel } from "downloadview/kysely";
import { prismaModel, sequelizeModel, typeormModel } from "downloadview/models";

interface Document {
  id: number;
  data: Uint8Array;
}

export function drizzleKnowsItsRows(sqlite: LibSQLDatabase, postgres: NodePgDatabase): void {
  const documents = sqliteTable("documents", { id: integer().primaryKey(), data: blob({ mode: "buffer" }).notNull() });
  const model: Model<Document> = drizzleModel(sqlite, documents, { where: eq(documents.id, 1) });
  ObjectDownloadView.asView({ model });
  drizzleModel(postgres, pgTable("documents", { id: uuid() }), { columns: { id: "uuid" } });
  // @ts-expect-error no table
  drizzleModel(sqlite, "documents");
  // @ts-expect-error no condition of Drizzle's
  drizzleModel(sqlite, documents, { where: { id: 1 } });
  // @ts-expect-error no type of column
  drizzleModel(sqlite, documents, { columns: { id: "int" } });
}

interface Tables {
  documents: { id: Generated<number>; data: Uint8Array; published: boolean };
  people: { name: string };
}

export function kyselyKnowsItsTables(db: Kysely<Tables>): void {
  const model: Model<Document> = kyselyModel(db, "documents", {
    columns: { id: "bigint" },
    where: (eb) => eb("published", "=", true),
  });
  ObjectDownloadView.asView({ model });
  // @ts-expect-error no such table
  kyselyModel(db, "nobody", { columns: {} });
  // @ts-expect-error a column of another table
  kyselyModel(db, "documents", { columns: { name: "text" } });
  // @ts-expect-error a column of another table
  kyselyModel(db, "documents", { columns: { id: "bigint" }, where: (eb) => eb("name", "=", "ada") });
  // @ts-expect-error nothing to look up by
  kyselyModel(db, "documents");
}

declare class SequelizeDocument {
  id: number;
  data: Uint8Array;
  static readonly sequelize?: { getDialect(): string };
  static getAttributes(): Record<"id" | "data", { type: string }>;
  static findOne<M extends SequelizeDocument>(
    this: new () => M,
    options?: { where?: Record<string, unknown> },
  ): Promise<M | null>;
}

export function structuralModelsKnowTheirRows(
  repository: Repository<Document>,
  delegate: { findFirst<A extends { where?: object }>(args?: A): Promise<Document | null>; fields: object },
): void {
  const models: Model<Document>[] = [
    typeormModel(repository, { where: { id: 1 } }),
    prismaModel(delegate, { where: { OR: [{ id: 1 }] } }),
    sequelizeModel(SequelizeDocument, { where: { id: [1, 2] } }),
  ];
  for (const model of models) ObjectDownloadView.asView({ model });
  // @ts-expect-error no repository
  typeormModel(delegate);
  // @ts-expect-error no delegate
  prismaModel(repository.manager);
}
