import { readOpened } from "downloadview";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { get } from "node:http";
import { createClient } from "@libsql/client";
import { ObjectDownloadView, StorageDownloadView, withMiddleware, type Storage } from "downloadview";
import { drizzleModel } from "downloadview/drizzle";
import { toNodeHandler } from "downloadview/node";
import { redirectToStorage } from "downloadview/redirect";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/libsql";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileChangedError, FileNotFoundError, IncompleteBodyError } from "../../src/errors.ts";
import { listen, until } from "../support/sockets.ts";
import { startCuttingProxy, type CuttingProxy } from "./support/cutting-proxy.ts";

/** A store that runs, and storages in it. */
export interface RunningStore {
  readonly port: number;
  /** How it is asked for metadata. Default HEAD. */
  readonly metadataMethod?: string;
  /** A storage of its own place in the store, and the same place seen through a proxy. */
  makeStorages(proxy: CuttingProxy): Promise<{ direct: Storage; proxied: Storage }>;
}

const megabyte = 1_000_000;
const content = randomBytes(4 * megabyte);

/** How downloads from every object store go, seen from a proxy in front of it. */
export function describeObjectDownloads(store: () => RunningStore): void {
  describe("A download", () => {
    let proxy: CuttingProxy;
    let direct: Storage;
    let proxied: Storage;

    beforeEach(async () => {
      proxy = await startCuttingProxy(store().port);
      ({ direct, proxied } = await store().makeStorages(proxy));
      await direct.save("a.bin", content);
    });
    afterEach(() => proxy[Symbol.asyncDispose]());

    const bytesOf = async (start = 0, end = content.length - 1): Promise<Buffer> => {
      await using opened = await proxied.open("a.bin", { range: { start, end } });
      return await collect(readOpened(opened, { start, end }));
    };
    const serve = () =>
      listen(toNodeHandler(StorageDownloadView.asView({ storage: proxied }), { params: () => ({ path: "a.bin" }) }));

    it("is one request, for the part that is asked for", async () => {
      expect(digest(await bytesOf(10, 99))).toBe(digest(content.subarray(10, 100)));
      expect(proxy.requests.map(withoutPath)).toEqual(["GET bytes=10-99"]);
    });

    it("asks for metadata only, to know what a file is", async () => {
      const stat = await proxied.stat("a.bin");
      expect(proxy.requests.map(withoutPath)).toEqual([store().metadataMethod ?? "HEAD"]);
      await using opened = await proxied.open("a.bin");
      expect(opened.stat).toEqual(stat);
      await using part = await proxied.open("a.bin", { range: { start: 5 } });
      expect(part.stat).toEqual(stat);
    });

    it("brings no bytes of an object that the client has", async () => {
      await using server = await serve();
      const first = await fetch(server.url);
      await first.arrayBuffer();
      const received = proxy.received;
      const headers = { "If-None-Match": first.headers.get("etag") ?? "" };
      const second = await fetch(server.url, { headers });
      expect([second.status, second.headers.get("etag")]).toEqual([304, first.headers.get("etag")]);
      expect(proxy.received - received).toBeLessThan(5000);
      expect([proxy.requests.length, proxy.connections]).toEqual([2, 1]);
      await direct.save("a.bin", "another");
      const third = await fetch(server.url, { headers });
      expect([third.status, await third.text()]).toEqual([200, "another"]);
    });

    it("brings an object of which the client has another version, by the application's own validators", async () => {
      const view = StorageDownloadView.asView({ storage: proxied, headers: { ETag: '"own"' } });
      await using server = await listen(toNodeHandler(view, { params: () => ({ path: "a.bin" }) }));
      const { etag = "" } = await direct.stat("a.bin");
      const answer = await fetch(server.url, { headers: { "If-None-Match": etag } });
      expect([answer.status, answer.headers.get("content-length")]).toEqual([200, String(content.length)]);
      expect(digest(Buffer.from(await answer.arrayBuffer()))).toBe(digest(content));
    });

    it("leaves its connection to the next one", async () => {
      for (let index = 0; index < 5; index += 1) {
        const opened = await proxied.open("a.bin");
        let read = 0;
        for await (const chunk of readOpened(opened)) {
          read += chunk.length;
          if (read === content.length) break;
        }
        await opened.close();
      }
      expect(proxy.connections).toBe(1);
    });

    it("goes on from where its body broke", async () => {
      proxy.cut(3, megabyte);
      expect(digest(await bytesOf())).toBe(digest(content));
      const starts = proxy.requests.map((line) => Number(/bytes=(\d+)/.exec(line)?.[1]));
      expect(starts).toHaveLength(4);
      expect(starts).toEqual([...new Set(starts)].toSorted((one, other) => one - other));
      expect(starts.at(-1)).toBeGreaterThan(megabyte);
    });

    it("goes on within a range, from where its body broke", async () => {
      proxy.cut(1, megabyte);
      expect(digest(await bytesOf(777, 3 * megabyte))).toBe(digest(content.subarray(777, 3 * megabyte + 1)));
      expect(proxy.requests).toHaveLength(2);
    });

    it("fails where its body breaks again and again", async () => {
      proxy.cut(Infinity, megabyte / 2);
      const failure = await bytesOf().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(IncompleteBodyError);
    });

    it("fails where its body breaks and the object is another one by then", async () => {
      proxy.cut(1, megabyte, () => direct.save("a.bin", randomBytes(content.length)));
      await expect(bytesOf()).rejects.toThrow(FileChangedError);
    });

    it("reaches its client in one piece when the store breaks off", async () => {
      await using server = await serve();
      proxy.cut(2, megabyte);
      const answer = await fetch(server.url);
      expect(digest(Buffer.from(await answer.arrayBuffer()))).toBe(digest(content));
    });

    it("destroys its client's connection when the object changes under way", async () => {
      await using server = await serve();
      proxy.cut(1, megabyte, () => direct.save("a.bin", randomBytes(content.length)));
      const answer = await fetch(server.url);
      expect(answer.status).toBe(200);
      await expect(answer.arrayBuffer()).rejects.toThrow();
    });

    it("reads no faster than its client, and ends with it", async () => {
      await direct.save("large", randomBytes(48 * megabyte));
      await using server = await listen(
        toNodeHandler(StorageDownloadView.asView({ storage: proxied }), { params: () => ({ path: "large" }) }),
      );
      const request = get(server.url);
      const [response] = await once(request, "response");
      response.pause();
      const settled = async (): Promise<number> => {
        for (let last = -1; last !== proxy.received;) {
          last = proxy.received;
          await new Promise((resolve) => setTimeout(resolve, 300));
        }
        return proxy.received;
      };
      expect(await settled()).toBeLessThan(32 * megabyte);
      request.destroy();
      await proxy.idle();
    });

    it("ends its request when it is closed, read or unread", async () => {
      for (const chunks of [0, 1]) {
        const opened = await proxied.open("a.bin");
        const reading = readOpened(opened)[Symbol.asyncIterator]();
        for (let index = 0; index < chunks; index += 1) await reading.next();
        await opened.close();
        await proxy.idle();
      }
    });

    it("ends its request when the client leaves before an answer came", async () => {
      const client = new AbortController();
      const opening = proxied.open("a.bin", { signal: client.signal });
      const failed = expect(opening).rejects.toThrow("gone");
      await until(() => proxy.connections > 0);
      client.abort(new Error("gone"));
      await failed;
      await proxy.idle();
    });

    it("is refused in the words of the log, not of the client, where there is no such object", async () => {
      const failure = await proxied.open("secret").catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(FileNotFoundError);
      const { message, cause } = failure as Error;
      expect(message).not.toContain("secret");
      expect(String(cause)).toMatch(/:\/\/\S+\/secret: 404 /);
      expect(await (failure as FileNotFoundError).getResponse().text()).toBe("Not Found\n");
    });
  });
}

/** A table that has, beside the key of each file, what people call it. */
const documents = sqliteTable("documents", {
  id: integer().primaryKey(),
  key: text().notNull(),
  title: text().notNull(),
});

async function documentModel(): Promise<ReturnType<typeof drizzleModel<typeof documents>>> {
  const db = drizzle(createClient({ url: ":memory:" }));
  await db.run(sql`CREATE TABLE documents (id INTEGER PRIMARY KEY, key TEXT NOT NULL, title TEXT NOT NULL)`);
  await db.insert(documents).values({ id: 1, key: "7f3a", title: "Übersicht, 1.csv" });
  return drizzleModel(db, documents);
}

/** How the files of a model go whose rows hold keys of an object store. */
export function describeDocuments(store: () => RunningStore): void {
  describe("A document whose key is in a database", () => {
    let proxy: CuttingProxy;
    let proxied: Storage;

    beforeEach(async () => {
      proxy = await startCuttingProxy(store().port);
      const { direct, proxied: other } = await store().makeStorages(proxy);
      proxied = other;
      await direct.save("7f3a", "a,b\n1,2\n");
    });
    afterEach(() => proxy[Symbol.asyncDispose]());

    const view = async () =>
      ObjectDownloadView.asView({
        model: await documentModel(),
        fileField: "key",
        filenameField: "title",
        storage: proxied,
      });
    const title = /filename\*=UTF-8''%C3%9Cbersicht%2C%201\.csv/;

    it("is sent under its title, in one request", async () => {
      await using server = await listen(toNodeHandler(await view(), { params: () => ({ pk: "1" }) }));
      const answer = await fetch(server.url, { headers: { Range: "bytes=4-6" } });
      expect([answer.status, await answer.text()]).toEqual([206, "1,2"]);
      expect(answer.headers.get("content-disposition")).toMatch(title);
      expect(answer.headers.get("etag")).toBeTruthy();
      expect(proxy.requests.map(withoutPath)).toEqual(["GET bytes=4-6"]);
    });

    it("is had from the store under its title, by whoever is sent there", async () => {
      const handler = withMiddleware(await view(), redirectToStorage({ expiresIn: 600 }));
      await using server = await listen(toNodeHandler(handler, { params: () => ({ pk: "1" }) }));
      const redirect = await fetch(server.url, { redirect: "manual" });
      expect(redirect.status).toBe(302);
      expect(redirect.headers.get("cache-control")).toMatch(/^private, max-age=[1-5]\d\d$/);
      const answer = await fetch(server.url, { headers: { Range: "bytes=4-6" } });
      expect(answer.url).toBe(redirect.headers.get("location"));
      expect([answer.status, await answer.text()]).toEqual([206, "1,2"]);
      expect(answer.headers.get("content-disposition")).toMatch(title);
      expect(answer.headers.get("content-type")).toMatch(/^text\/csv/);
    });

    it("is described to HEAD by the application", async () => {
      const handler = withMiddleware(await view(), redirectToStorage({ expiresIn: 600 }));
      await using server = await listen(toNodeHandler(handler, { params: () => ({ pk: "1" }) }));
      const answer = await fetch(server.url, { method: "HEAD", redirect: "manual" });
      expect([answer.status, answer.headers.get("content-length")]).toEqual([200, "8"]);
      expect(proxy.requests.map(withoutPath)).toEqual([store().metadataMethod ?? "HEAD"]);
    });
  });
}

function withoutPath(line: string): string {
  const [method, , ...rest] = line.split(" ");
  return [method, ...rest].join(" ");
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const collected: Uint8Array[] = [];
  for await (const chunk of chunks) collected.push(chunk);
  return Buffer.concat(collected);
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
