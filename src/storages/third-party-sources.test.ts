import { readOpened } from "../files/content.ts";
import { Readable } from "node:stream";
import { expect, it } from "vitest";
import type { Storage } from "./storage.ts";
import { BlobProviderStorage, type FileLike } from "./third-party/blob-provider-storage.ts";
import { FlyDriveStorage, type FlyDriveDisk } from "./third-party/flydrive-storage.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { UnstorageStorage, type Unstorage } from "./third-party/unstorage-storage.ts";

/** As much of an unstorage as reads what is stored: its memory driver returns the stored bytes themselves. */
function unstorage(): Unstorage {
  const items = new Map<string, unknown>();
  return {
    hasItem: async (key) => items.has(key),
    getItemRaw: async (key) => items.get(key),
    setItemRaw: async (key, value) => void items.set(key, value),
    removeItem: async (key) => void items.delete(key),
    getMeta: async () => ({ mtime: new Date(Number.NaN) }),
    setMeta: async () => undefined,
    getKeys: async () => [...items.keys()],
  };
}

const storages: [string, () => Storage, number][] = [
  ["MemoryStorage", () => new MemoryStorage(), 10],
  ["MemoryStorage, of a large file", () => new MemoryStorage(), 1_000_000],
  ["UnstorageStorage", () => new UnstorageStorage(unstorage()), 10],
];

it.each(storages)("%s: what one reader writes into the bytes it got, no other sees", async (_, make, size) => {
  const storage = make();
  // Of a Buffer, slice() is no copy.
  const content = Buffer.alloc(size, 7);
  await storage.save("a", content);
  for (const range of [undefined, { start: 2, end: size - 2 }]) {
    await using opened = await storage.open("a");
    const given = await opened.content(range);
    if (given.kind === "bytes" && given.shared === false) given.bytes.fill(0);
    for await (const chunk of readOpened(opened, range)) chunk.fill(0);
  }
  await using opened = await storage.open("a");
  const chunks: Uint8Array[] = [];
  for await (const chunk of readOpened(opened)) chunks.push(chunk);
  expect(Buffer.concat(chunks).equals(Buffer.alloc(size, 7))).toBe(true);
  await using part = await storage.open("a");
  let read = 0;
  for await (const chunk of readOpened(part, { start: 2, end: size - 2 })) read += chunk.byteLength;
  expect(read).toBe(size - 3);
});

it("UnstorageStorage ignores an invalid time", async () => {
  const storage = new UnstorageStorage(unstorage());
  await storage.save("a", "x");
  expect((await storage.stat("a")).lastModified).toBeUndefined();
});

it.each([null, undefined, Number.NaN, -1, 2.5])(
  "BlobProviderStorage takes the size %s for unknown, not for 0",
  async (size) => {
    const stream = (): ReadableStream<Uint8Array> => new Blob(["hello"]).stream();
    const file = { size, type: "", lastModified: Number.NaN, stream, slice: () => ({ stream }) } as FileLike;
    const storage = new BlobProviderStorage({
      get: () => file,
      has: () => true,
      set: () => undefined,
      remove: () => undefined,
      list: () => ({ files: [{ key: "a" }] }),
    });
    const stat = await storage.stat("a");
    expect([stat.size, stat.lastModified, stat.etag]).toEqual([undefined, undefined, undefined]);
    await using opened = await storage.open("a");
    let text = "";
    for await (const chunk of readOpened(opened)) text += new TextDecoder().decode(chunk);
    expect(text).toBe("hello");
  },
);

it.each<[unknown, unknown, object]>([
  [5, '"v1"', { size: 5, etag: 'W/"v1"' }],
  [5n, "v1", { size: 5, etag: 'W/"v1"' }],
  [null, 'W/"v1"', { etag: 'W/"v1"' }],
  [Number.NaN, "", {}],
  [-1, undefined, {}],
])("FlyDriveStorage takes a size of %s and the tag %s for what they are", async (contentLength, etag, known) => {
  const disk = {
    getMetaData: async () => ({ contentLength, etag, lastModified: new Date(0) }),
    getStream: async () => Readable.from([Buffer.from("hello")]),
  } as unknown as FlyDriveDisk;
  expect(await new FlyDriveStorage(disk).stat("a")).toEqual({ ...known, lastModified: new Date(0), seekable: false });
});
