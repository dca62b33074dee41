import { createHash, randomBytes } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { createClient } from "@libsql/client";
import { FileSystemStorage, type Model, type Storage } from "downloadview";
import { drizzleModel } from "downloadview/drizzle";
import { and, desc, eq, isNull, or, type SQL } from "drizzle-orm";
import { drizzle } from "drizzle-orm/libsql";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { User } from "./visitors.ts";

const documents = sqliteTable("documents", {
  id: integer().primaryKey(),
  slug: text().notNull().unique(),
  /** A name in the storage: made by us, so that nothing of what a user types ever becomes a path. */
  file: text().notNull(),
  /** Beside it, a file for `sha256sum -c`. */
  anotherFile: text("another_file").notNull(),
  /** What the user calls it, as it was typed. */
  filename: text().notNull(),
  /** Whose it is. None: everybody's. */
  owner: text().$type<User>(),
  size: integer().notNull(),
  createdAt: integer("created_at", { mode: "timestamp" }).notNull(),
});

const createTable = `CREATE TABLE IF NOT EXISTS documents (
  id INTEGER PRIMARY KEY, slug TEXT NOT NULL UNIQUE, file TEXT NOT NULL, another_file TEXT NOT NULL,
  filename TEXT NOT NULL, owner TEXT, size INTEGER NOT NULL, created_at INTEGER NOT NULL)`;

export type Document = typeof documents.$inferSelect;
export type Content = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

export interface NewDocument {
  readonly owner?: User | undefined;
  /** Default: made of the filename. */
  readonly slug?: string;
}

export interface Library {
  readonly storage: Storage;
  /** The folder of the storage. */
  readonly filesDir: string;
  /** Where the views look a document up: among those of everybody and of this user. The others are missing. */
  documentsOf(user: User | undefined): Model<Document>;
  list(user?: User): Promise<Document[]>;
  add(filename: string, content: Content, document?: NewDocument): Promise<Document>;
  /** Whether there was such a document among those of this user. */
  remove(slug: string, user?: User): Promise<boolean>;
  /** Makes it as it was when it was new. */
  reset(): Promise<void>;
  close(): void;
}

/**
 * Documents are rows of an embedded SQLite database; their bytes are files of a storage. A library that is new is
 * filled by `seed`.
 */
export async function openLibrary(dataDir: string, seed: (library: Library) => Promise<void>): Promise<Library> {
  await mkdir(dataDir, { recursive: true });
  const client = createClient({ url: pathToFileURL(join(dataDir, "library.db")).href });
  const db = drizzle(client);
  const filesDir = join(dataDir, "files");
  const storage = new FileSystemStorage(filesDir);
  const models = new Map<User | undefined, Model<Document>>();

  const library: Library = {
    storage,
    filesDir,
    list: (user) => db.select().from(documents).where(readableBy(user)).orderBy(desc(documents.id)),

    documentsOf(user) {
      const model = models.get(user) ?? drizzleModel(db, documents, { where: readableBy(user) });
      models.set(user, model);
      return model;
    },

    async add(filename, content, { owner, slug = slugFor(filename) } = {}) {
      const sum = new Sum();
      const file = await storage.save(`object/${slug}${extensionOf(filename)}`, sum.of(content));
      const anotherFile = await storage.save(`object-other/${slug}.sha256`, sum.line(file));
      const row = { slug, file, anotherFile, filename, owner, size: sum.size, createdAt: new Date() };
      return db.insert(documents).values(row).returning().get();
    },

    async remove(slug, user) {
      const row = await db
        .delete(documents)
        .where(and(eq(documents.slug, slug), readableBy(user)))
        .returning()
        .get();
      // Whoever is downloading the file keeps it to the end: its bytes go when the last descriptor is closed.
      for (const name of row ? [row.file, row.anotherFile] : []) await storage.delete(name);
      return row !== undefined;
    },

    async reset() {
      await client.batch(["DROP TABLE IF EXISTS documents", createTable]);
      await rm(filesDir, { recursive: true, force: true });
      await mkdir(filesDir, { recursive: true });
      await seed(library);
      await client.execute(`PRAGMA user_version = ${schemaVersion}`);
    },

    close: () => client.close(),
  };

  // Whatever is there was left by a first start that was broken off, or by a demo that kept less of a document.
  const { rows } = await client.execute("PRAGMA user_version");
  if (rows[0]?.user_version !== schemaVersion) await library.reset();
  return library;
}

const schemaVersion = 2;

/** A filter of the query, not a check of its result: another user's document is as missing as one that never was. */
function readableBy(user: User | undefined): SQL {
  const isEverybodys = isNull(documents.owner);
  return (user && or(isEverybodys, eq(documents.owner, user))) ?? isEverybodys;
}

/** Measures bytes while they pass through. */
class Sum {
  size = 0;
  readonly #hash = createHash("sha256");

  async *of(content: Content): AsyncGenerator<Uint8Array> {
    for await (const chunk of content) {
      this.size += chunk.byteLength;
      this.#hash.update(chunk);
      yield chunk;
    }
  }

  line(file: string): string {
    return `${this.#hash.digest("hex")}  ${file.split("/").at(-1)}\n`;
  }
}

/** `Q3 Report.pdf` becomes `q3-report-5f0c2a`: readable, and free. */
function slugFor(filename: string): string {
  const words = filename
    .replace(/\.[^.]*$/, "")
    .normalize("NFKD")
    .toLowerCase();
  const readable =
    words
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-+|-+$/g, "")
      .slice(0, 40) || "document";
  return `${readable}-${randomBytes(3).toString("hex")}`;
}

function extensionOf(filename: string): string {
  const extension = extname(filename).toLowerCase();
  return /^\.[a-z0-9]{1,10}$/.test(extension) ? extension : "";
}
