import { createHash, randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { createClient } from "@libsql/client";
import { FileSystemStorage, type Model, type Storage } from "downloadview";
import { drizzleModel } from "downloadview/drizzle";
import { desc, eq } from "drizzle-orm";
import { drizzle } from "drizzle-orm/libsql";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

const documents = sqliteTable("documents", {
  id: integer().primaryKey(),
  slug: text().notNull().unique(),
  /** A name in the storage: made by us, so that nothing of what a user types ever becomes a path. */
  file: text().notNull(),
  /** Beside it, a file for `sha256sum -c`. */
  anotherFile: text("another_file").notNull(),
  /** What the user calls it, as it was typed. */
  filename: text().notNull(),
  size: integer().notNull(),
  createdAt: integer("created_at", { mode: "timestamp" }).notNull(),
});

const createTable = `CREATE TABLE IF NOT EXISTS documents (
  id INTEGER PRIMARY KEY, slug TEXT NOT NULL UNIQUE, file TEXT NOT NULL, another_file TEXT NOT NULL,
  filename TEXT NOT NULL, size INTEGER NOT NULL, created_at INTEGER NOT NULL)`;

export type Document = typeof documents.$inferSelect;
export type Content = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

export interface Library {
  readonly storage: Storage;
  /** Where the views look a document up. */
  readonly model: Model<Document>;
  list(): Promise<Document[]>;
  add(filename: string, content: Content, slug?: string): Promise<Document>;
  /** Whether there was such a document. */
  remove(slug: string): Promise<boolean>;
  close(): void;
}

/**
 * Documents are rows of an embedded SQLite database; their bytes are files of a storage. A library that is new is
 * filled by `seed`.
 */
export async function openLibrary(dataDir: string, seed: (library: Library) => Promise<void>): Promise<Library> {
  await mkdir(dataDir, { recursive: true });
  const client = createClient({ url: pathToFileURL(join(dataDir, "library.db")).href });
  await client.execute(createTable);
  const db = drizzle(client);
  const storage = new FileSystemStorage(join(dataDir, "files"));

  const library: Library = {
    storage,
    model: drizzleModel(db, documents),
    list: () => db.select().from(documents).orderBy(desc(documents.id)),

    async add(filename, content, slug = slugFor(filename)) {
      const sum = new Sum();
      const file = await storage.save(`object/${slug}${extensionOf(filename)}`, sum.of(content));
      const anotherFile = await storage.save(`object-other/${slug}.sha256`, sum.line(file));
      const row = { slug, file, anotherFile, filename, size: sum.size, createdAt: new Date() };
      return db.insert(documents).values(row).returning().get();
    },

    async remove(slug) {
      const row = await db.delete(documents).where(eq(documents.slug, slug)).returning().get();
      // Whoever is downloading the file keeps it to the end: its bytes go when the last descriptor is closed.
      for (const name of row ? [row.file, row.anotherFile] : []) await storage.delete(name);
      return row !== undefined;
    },

    close: () => client.close(),
  };

  const { rows } = await client.execute("PRAGMA user_version");
  if (rows[0]?.user_version === 0) {
    // Whatever is there was left by a first start that was broken off.
    await db.delete(documents);
    await seed(library);
    await client.execute("PRAGMA user_version = 1");
  }
  return library;
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
