import { readOpened } from "downloadview";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileNotFoundError, InvalidPathError } from "../../src/errors.ts";
import type { ByteRange } from "../../src/http/range.ts";
import type { SaveOptions, Storage, StorageContent } from "../../src/storages/storage.ts";

/** A storage of its own for one test, and what frees it. */
export interface StorageUnderTest {
  storage: Storage;
  dispose(): Promise<void>;
}

/** What not every storage can do. */
export interface StorageCapabilities {
  /** `ifExists: "fail"` and `"rename"` hold also among saves at the same time. Default true. */
  exclusiveSaves?: boolean;
  /** Keeps the `contentType` of a save. Default false: it goes by the name. */
  keepsContentType?: boolean;
  /** Takes every name that is one. Default true; else letters, digits, and within a segment spaces and dots. */
  anyName?: boolean;
  /** Looks for files whose names it would not save: they may be on the disk. Default false. */
  looksUpLocalNames?: boolean;
  /** Takes keys in which slashes, and perhaps backslashes, are characters like any other. Default: takes names alone. */
  keys?: "slashes" | "slashes and backslashes";
}

/** What every storage does alike. */
export function describeStorage(
  title: string,
  makeStorage: () => Promise<StorageUnderTest>,
  {
    exclusiveSaves = true,
    keepsContentType = false,
    anyName = true,
    looksUpLocalNames = false,
    keys,
  }: StorageCapabilities = {},
): void {
  describe(title, () => {
    let made: StorageUnderTest;
    let storage: Storage;
    beforeEach(async () => {
      made = await makeStorage();
      ({ storage } = made);
    });
    afterEach(() => made.dispose());

    const save = (name: string, content: StorageContent, options?: SaveOptions): Promise<string> =>
      storage.save(name, content, options);
    const read = async (name: string, range?: ByteRange): Promise<string> =>
      new TextDecoder().decode(await readBytes(storage, name, range));
    const names = async (prefix?: string): Promise<string[]> => {
      const found: string[] = [];
      for await (const entry of storage.list(prefix)) found.push(entry.name);
      return found.toSorted();
    };

    describe("save", () => {
      it.each(Object.entries(contents))("keeps %s", async (_, content) => {
        expect(await save("folder/a.txt", content())).toBe("folder/a.txt");
        expect(await read("folder/a.txt")).toBe("häppy");
      });

      it("keeps an empty file", async () => {
        await save("empty", "");
        expect((await storage.stat("empty")).size).toBe(0);
        expect(await read("empty")).toBe("");
      });

      it("keeps a large stream, chunk by chunk", async () => {
        await save("large", pattern(0, largeSize, 40_001));
        const bytes = await readBytes(storage, "large");
        expect(bytes.byteLength).toBe(largeSize);
        expect(bytes.findIndex((byte, index) => byte !== index % 251)).toBe(-1);
      });

      it.each([
        ["a Uint8Array", new Uint8Array(3)],
        ["a Buffer", Buffer.alloc(3)],
      ])("keeps the chunks of a source that fills %s again and again", async (_, memory) => {
        const filling = async function* (): AsyncGenerator<Uint8Array> {
          for (const letter of "abcd") yield memory.fill(letter.charCodeAt(0));
        };
        await save("filled", filling());
        expect(await read("filled")).toBe("aaabbbcccddd");
      });

      it.each([
        ["bytes", (text: string) => new TextEncoder().encode(text)],
        ["a Buffer, whose slice() is no copy", (text: string) => Buffer.from(text)],
      ])("keeps its own copy of %s", async (_, encoded) => {
        const bytes = encoded("before");
        await save("a", bytes);
        bytes.set(new TextEncoder().encode("after!"));
        expect(await read("a")).toBe("before");
      });

      it.each([
        ["chunks", () => new Uint8Array(1000)],
        ["Buffers, whose slice() is no copy,", () => Buffer.alloc(1000)],
      ])("keeps %s whose memory is used again", async (_, makeChunk) => {
        const chunk = makeChunk();
        const counting = function* (): Generator<Uint8Array> {
          for (let value = 0; value < 250; value++) yield chunk.fill(value);
        };
        await save("a", counting());
        const bytes = await readBytes(storage, "a");
        expect(bytes.byteLength).toBe(250_000);
        expect(bytes.findIndex((byte, index) => byte !== Math.floor(index / 1000))).toBe(-1);
      });

      it("replaces a file of that name", async () => {
        await save("a", "a long first version");
        expect(await save("a", "second")).toBe("a");
        expect(await read("a")).toBe("second");
      });

      it("keeps a file of that name, when told to fail", async () => {
        await save("a", "first");
        await expect(save("a", "second", { ifExists: "fail" })).rejects.toMatchObject({ status: 409 });
        expect(await save("b", "other", { ifExists: "fail" })).toBe("b");
        expect([await read("a"), await read("b")]).toEqual(["first", "other"]);
      });

      it("takes another name with the same folder and extension, when told to rename", async () => {
        expect(await save("f.1/a.tar.gz", "first", { ifExists: "rename" })).toBe("f.1/a.tar.gz");
        const name = await save("f.1/a.tar.gz", "second", { ifExists: "rename" });
        expect(name).toMatch(/^f\.1\/a_[0-9a-z]{7}\.tar\.gz$/);
        expect([await read("f.1/a.tar.gz"), await read(name)]).toEqual(["first", "second"]);
      });

      it("ends with one whole version when the same name is saved many times at once", async () => {
        const versions = Array.from({ length: 8 }, (_, index) => String(index).repeat(100_000 + index));
        await Promise.all(versions.map((version) => save("a", [version.slice(0, 7), version.slice(7)])));
        expect(versions).toContain(await read("a"));
        expect(await names()).toEqual(["a"]);
      });

      if (exclusiveSaves)
        it("lets one of many saves at once have the name, when told to fail", async () => {
          const versions = Array.from({ length: 8 }, (_, index) => String(index).repeat(1000));
          const saves = await Promise.allSettled(versions.map((version) => save("a", version, { ifExists: "fail" })));
          const winner = saves.findIndex(({ status }) => status === "fulfilled");
          expect(saves.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
          expect(await read("a")).toBe(versions[winner]);
          expect(await names()).toEqual(["a"]);
        });

      if (exclusiveSaves)
        it("gives each of many saves at once a name of its own, when told to rename", async () => {
          const versions = Array.from({ length: 8 }, (_, index) => String(index).repeat(1000));
          const saved = await Promise.all(versions.map((version) => save("a.txt", version, { ifExists: "rename" })));
          expect(new Set(saved).size).toBe(8);
          expect(await Promise.all(saved.map((name) => read(name)))).toEqual(versions);
        });

      it("leaves nothing of a save whose content fails", async () => {
        await expect(save("folder/new", failing())).rejects.toThrow("no more");
        expect(await storage.exists("folder/new")).toBe(false);
        expect(await names()).toEqual([]);
      });

      it("leaves the old version when the content of the new one fails", async () => {
        await save("a", "first");
        await expect(save("a", failing())).rejects.toThrow("no more");
        expect(await read("a")).toBe("first");
      });

      it("leaves nothing of a save that is aborted, and frees its content", async () => {
        const upload = new AbortController();
        const { content, pulled, freed } = stuck();
        const saving = save("a", content, { signal: upload.signal });
        const failure = expect(saving).rejects.toThrow("gone");
        await pulled;
        upload.abort(new Error("gone"));
        await failure;
        await freed;
        expect(await names()).toEqual([]);
      });

      it("does not begin when it is aborted already", async () => {
        const signal = AbortSignal.abort(new Error("gone"));
        const { content, freed } = stuck();
        await expect(save("a", content, { signal })).rejects.toThrow("gone");
        await freed;
        expect(await storage.exists("a")).toBe(false);
      });

      it("frees the content that it does not take", async () => {
        const { content, freed } = stuck();
        await expect(save("../a", content)).rejects.toThrow(InvalidPathError);
        await freed;
      });

      it("refuses what has no bytes", async () => {
        await expect(save("a", 7 as never)).rejects.toThrow(TypeError);
        await expect(save("a", [7] as never)).rejects.toThrow(TypeError);
        expect(await names()).toEqual([]);
      });
    });

    describe("open", () => {
      it("describes and reads the file", async () => {
        await save("a.txt", "0123456789");
        await using opened = await storage.open("a.txt");
        expect(opened.stat.size).toBe(10);
        expect(new TextDecoder().decode(await collect(readOpened(opened)))).toBe("0123456789");
      });

      it.each([
        ["the beginning", { start: 0, end: 0 }, "0"],
        ["the middle", { start: 3, end: 5 }, "345"],
        ["the end", { start: 8, end: 9 }, "89"],
        ["all of it", { start: 0, end: 9 }, "0123456789"],
      ])("reads %s of a file", async (_, range, text) => {
        await save("a.txt", "0123456789");
        expect(await read("a.txt", range)).toBe(text);
      });

      it("reads a range far into a large file", async () => {
        await save("large", pattern(0, largeSize, 65_536));
        const range = { start: largeSize - 1000, end: largeSize - 1 };
        const bytes = await readBytes(storage, "large", range);
        expect(bytes).toEqual(Uint8Array.from({ length: 1000 }, (_, index) => (range.start + index) % 251));
      });

      it("reads several ranges of one opening", async () => {
        await save("a.txt", "0123456789");
        await using opened = await storage.open("a.txt");
        const texts: string[] = [];
        for (const start of [6, 0, 3]) {
          texts.push(new TextDecoder().decode(await collect(readOpened(opened, { start, end: start + 1 }))));
        }
        expect(texts).toEqual(["67", "01", "34"]);
      });

      it.each([
        ["as it is", { start: 2, end: 4 }],
        ["without an end", { start: 2 }],
        ["of the last bytes", { suffix: 8 }],
        ["past the end", { start: 100 }],
      ])("describes the whole file when it is told of a range %s", async (_, range) => {
        await save("a.txt", "0123456789");
        await using opened = await storage.open("a.txt", { range });
        expect(opened.stat.size).toBe(10);
        expect(new TextDecoder().decode(await collect(readOpened(opened, { start: 2, end: 4 })))).toBe("234");
      });

      it("may be closed twice, unread, half read and read", async () => {
        await save("large", pattern(0, largeSize, 65_536));
        for (const chunks of [0, 1, Infinity]) {
          const opened = await storage.open("large");
          const iterator = readOpened(opened)[Symbol.asyncIterator]();
          for (let index = 0; index < chunks && !(await iterator.next()).done; index++);
          await opened.close();
          await opened.close();
        }
      });
    });

    describe("stat", () => {
      it("gives size, date and an entity tag", async () => {
        const before = Date.now();
        await save("a.txt", "häppy");
        const stat = await storage.stat("a.txt");
        expect(stat.size).toBe(6);
        expect(Math.abs(Number(stat.lastModified) - before)).toBeLessThan(60_000);
        expect(stat.etag).toMatch(/^(W\/)?"[\x21\x23-\x7e]+"$/);
      });

      it("gives another entity tag once the file is another", async () => {
        await save("a.txt", "one");
        const { etag } = await storage.stat("a.txt");
        // Of another size: a file system's clock may tick too slowly to tell two saves apart.
        await save("a.txt", "three");
        expect((await storage.stat("a.txt")).etag).not.toBe(etag);
      });

      if (keepsContentType)
        it("gives the type that the file was saved with", async () => {
          await save("a", "x", { contentType: "text/csv" });
          expect((await storage.stat("a")).contentType).toBe("text/csv");
        });
    });

    describe("A file that is not there", () => {
      it("is not found", async () => {
        await save("folder/a", "x");
        for (const name of ["b", "folder", "folder/b", "folder/a/b"]) {
          await expect(storage.stat(name)).rejects.toThrow(FileNotFoundError);
          await expect(readBytes(storage, name)).rejects.toThrow(FileNotFoundError);
          expect(await storage.exists(name)).toBe(false);
        }
      });

      it("can be deleted", async () => {
        await save("folder/a", "x");
        for (const name of ["b", "folder", "folder/b", "folder/a/b"]) await storage.delete(name);
        expect(await names()).toEqual(["folder/a"]);
      });
    });

    it("deletes a file, once and again", async () => {
      await save("folder/a", "x");
      await storage.delete("folder/a");
      await storage.delete("folder/a");
      expect(await storage.exists("folder/a")).toBe(false);
      expect(await names()).toEqual([]);
    });

    describe("list", () => {
      it("gives every file, in folders too, with its size", async () => {
        await save("a", "1");
        await save("b/c/d.txt", "333");
        const entries: Record<string, number | undefined> = {};
        for await (const { name, size } of storage.list()) entries[name] = size;
        expect(entries).toEqual({ a: 1, "b/c/d.txt": 3 });
      });

      it.each([
        ["a folder", "b/", ["b/1", "b/2", "b/bb/3"]],
        ["the beginning of a name", "b", ["b/1", "b/2", "b/bb/3", "bc"]],
        ["the beginning of a name in a folder", "b/b", ["b/bb/3"]],
        ["a whole name", "bc", ["bc"]],
        ["nothing", "x/", []],
        ["a file as folder", "a/", []],
        ["the beginning of nothing", "b/x", []],
      ])("gives the files below %s", async (_, prefix, expected) => {
        for (const name of ["a", "b/1", "b/2", "b/bb/3", "bc"]) await save(name, "x");
        expect(await names(prefix)).toEqual(expected);
      });

      it("gives nothing where there is nothing", async () => {
        expect(await names()).toEqual([]);
      });

      it.each(["../", "a/../b", ...(keys ? [] : ["/", "a//"])])("refuses the prefix %j", async (prefix) => {
        await expect(names(prefix)).rejects.toThrow(InvalidPathError);
      });
    });

    describe("A name", () => {
      it.each(oddNames.filter((name) => anyName || plainName.test(name)))("may be %j", async (name) => {
        await save(name, name);
        expect(await read(name)).toBe(name);
        expect(await names()).toEqual([name]);
        await storage.delete(name);
        expect(await storage.exists(name)).toBe(false);
      });

      if (anyName)
        it("is not the same in another letter form", async () => {
          await save("a%20b", "percent");
          await save("a b", "space");
          await save("a+b", "plus");
          expect([await read("a%20b"), await read("a b"), await read("a+b")]).toEqual(["percent", "space", "plus"]);
        });

      const oddKeys = [
        ...(keys ? ["a//b", "/etc/passwd", "a/", "/", "//a//"] : []),
        ...(keys === "slashes and backslashes" ? ["a\\b", "\\a\\"] : []),
      ];

      if (keys)
        it("is an exact key: slashes at its ends, two of them, and what else it holds make another object", async () => {
          const all = ["a", "a/b", ...oddKeys];
          for (const key of all) await save(key, key);
          for (const key of all) expect(await read(key)).toBe(key);
          expect(await names()).toEqual(all.toSorted());
          expect(await names("a/")).toEqual(["a/", "a/b", "a//b"].toSorted());
          for (const key of oddKeys) await storage.delete(key);
          expect(await names()).toEqual(["a", "a/b"]);
        });

      it.each(badNames.filter((name) => !oddKeys.includes(name)))("is refused when it is %j", async (name) => {
        await expect(save(name, "x")).rejects.toThrow(InvalidPathError);
        if (looksUpLocalNames && /[\\\x01-\x1f\x7f]/.test(name)) {
          await expect(storage.open(name)).rejects.toThrow(FileNotFoundError);
          expect(await storage.exists(name)).toBe(false);
          return expect(await names()).toEqual([]);
        }
        await expect(storage.open(name)).rejects.toThrow(InvalidPathError);
        await expect(storage.stat(name)).rejects.toThrow(InvalidPathError);
        await expect(storage.exists(name)).rejects.toThrow(InvalidPathError);
        await expect(storage.delete(name)).rejects.toThrow(InvalidPathError);
        expect(await names()).toEqual([]);
      });

      it("is in no message that a client may see", async () => {
        const error = await storage.stat("secret-name").catch((reason: Error) => reason);
        expect((error as Error).message).not.toContain("secret-name");
      });
    });
  });
}

const plainName = /^[\w!-][\w!./ -]*$/;

const oddNames = [
  "with space.txt",
  " leading and trailing ",
  "100%.txt",
  "%2e%2e%2fa",
  "what?.txt",
  "#1.txt",
  "a+b&c=d;e,f@g:h.txt",
  "'single' \"double\" `back`.txt",
  "<b>&amp;</b>",
  "ünïcödé/日本語.txt",
  "e\u0301-decomposed.txt",
  "😀/🏳️‍🌈.txt",
  "...",
  "..a/b..",
  ".hidden",
  "-rf",
  "$(id)|*~!^{}[]",
];

const badNames = [
  "",
  "/",
  "/etc/passwd",
  "..",
  "../a",
  "a/../b",
  "a/..",
  ".",
  "./a",
  "a/./b",
  "a//b",
  "a/",
  "a\\b",
  "..\\a",
  "a\0b",
  "a\nb",
  "a\x7fb",
  "\ud800",
  "a\udc00b",
  "x".repeat(1025),
  "é".repeat(513),
];

const contents: Record<string, () => StorageContent> = {
  text: () => "häppy",
  bytes: () => new TextEncoder().encode("häppy"),
  "an ArrayBuffer": () => new TextEncoder().encode("häppy").buffer,
  "a Blob": () => new Blob(["hä", "ppy"]),
  "an array": () => ["hä", new TextEncoder().encode("ppy")],
  "an async generator": async function* () {
    yield "hä";
    yield new TextEncoder().encode("ppy");
  },
  "a web stream": () => new Blob(["häppy"]).stream(),
};

const largeSize = 3_000_017;

function* pattern(start: number, end: number, chunkSize: number): Generator<Uint8Array> {
  for (let position = start; position < end; position += chunkSize) {
    const length = Math.min(chunkSize, end - position);
    yield Uint8Array.from({ length }, (_, index) => (position + index) % 251);
  }
}

async function* failing(): AsyncGenerator<string> {
  yield "a".repeat(100_000);
  throw new Error("no more");
}

/** Content that gives one chunk and then nothing. */
function stuck(): { content: StorageContent; pulled: Promise<void>; freed: Promise<void> } {
  let pull!: () => void;
  let free!: () => void;
  const pulled = new Promise<void>((resolve) => (pull = resolve));
  const freed = new Promise<void>((resolve) => (free = resolve));
  let chunks = 1;
  const content = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (chunks-- > 0) return controller.enqueue(new Uint8Array(1000));
        pull();
        return new Promise(() => {});
      },
      cancel: () => free(),
    },
    { highWaterMark: 0 },
  );
  return { content, pulled, freed };
}

async function readBytes(storage: Storage, name: string, range?: ByteRange): Promise<Uint8Array> {
  await using opened = await storage.open(name);
  return await collect(readOpened(opened, range));
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const collected: Uint8Array[] = [];
  for await (const chunk of chunks) collected.push(chunk);
  return new Uint8Array(await new Blob(collected as BlobPart[]).arrayBuffer());
}
