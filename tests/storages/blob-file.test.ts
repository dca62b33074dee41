import { randomBytes } from "node:crypto";
import { createClient } from "@libsql/client";
import { blobFile, ObjectDownloadView } from "downloadview";
import { toNodeHandler } from "downloadview/node";
import { eq, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/libsql";
import { blob, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listen } from "../support/sockets.ts";

const table = sqliteTable("scans", {
  id: integer().primaryKey(),
  name: text().notNull(),
  data: blob({ mode: "buffer" }).notNull(),
});
const content = randomBytes(1_000_000);
const lengths: number[] = [];

const db = drizzle(createClient({ url: ":memory:" }));

/** A row without its BLOB: the file reads that when it is sent. */
async function findScan(id: number) {
  const length = sql<number>`length(${table.data})`;
  const [row] = await db
    .select({ id: table.id, name: table.name, length })
    .from(table)
    .where(eq(table.id, id))
    .limit(1);
  return row && { ...row, file: scanFile(row.id, row.length) };
}

function scanFile(id: number, size: number) {
  return blobFile({
    size,
    name: "scan",
    etag: `"${id}-${size}"`,
    async read(offset, length) {
      lengths.push(length);
      const piece = sql<ArrayBuffer>`substr(${table.data}, ${offset + 1}, ${length})`;
      const [row] = await db.select({ piece }).from(table).where(eq(table.id, id));
      return row && new Uint8Array(row.piece);
    },
  });
}

describe("A BLOB column behind ObjectDownloadView", () => {
  let server: Awaited<ReturnType<typeof listen>>;
  beforeAll(async () => {
    await db.run(sql`CREATE TABLE scans (id INTEGER PRIMARY KEY, name TEXT NOT NULL, data BLOB NOT NULL)`);
    await db.insert(table).values({ id: 1, name: "Ärzte.png", data: content });
    const model = { findOne: ({ id }: Readonly<Record<string, unknown>>) => findScan(Number(id)) };
    const view = ObjectDownloadView.asView({ model, filenameField: "name" });
    server = await listen(toNodeHandler(view, { params: ({ url = "" }) => ({ pk: url.slice(1) }) }));
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const ask = async (headers: Record<string, string> = {}, path = "/1"): Promise<Response> => {
    lengths.length = 0;
    return fetch(server.url + path, { headers });
  };

  it("is sent piece by piece", async () => {
    const answer = await ask();
    expect(Buffer.from(await answer.arrayBuffer()).equals(content)).toBe(true);
    expect(answer.headers.get("content-disposition")).toContain("filename*=UTF-8''%C3%84rzte.png");
    expect(lengths).toEqual([262_144, 262_144, 262_144, 213_568]);
  });

  it("is read for a range no further than it must", async () => {
    const answer = await ask({ Range: "bytes=500000-500009" });
    expect(answer.status).toBe(206);
    expect(Buffer.from(await answer.arrayBuffer()).equals(content.subarray(500_000, 500_010))).toBe(true);
    expect(lengths).toEqual([10]);
  });

  it("is not read for a client that has it", async () => {
    const { headers } = await ask({ Range: "bytes=0-0" });
    expect((await ask({ "If-None-Match": headers.get("etag") ?? "" })).status).toBe(304);
    expect(lengths).toEqual([]);
  });

  it("is not found where there is no row", async () => {
    expect((await ask({}, "/2")).status).toBe(404);
  });
});
