import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LocalFile, readOpened, VirtualFile, type DownloadFile, type FileStat, type StatOptions } from "../index.ts";
import { KeptFiles, type DeriveOptions } from "./index.ts";

let folder: string;
let kept: KeptFiles;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kept-"));
  kept = new KeptFiles({ folder: join(folder, "kept"), failureMemory: 0 });
});

afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

async function read(file: DownloadFile): Promise<Buffer> {
  await using opened = await file.open();
  const chunks: Uint8Array[] = [];
  for await (const chunk of readOpened(opened)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function text(file: DownloadFile): Promise<string> {
  return (await read(file)).toString();
}

const upper = async (source: DownloadFile): Promise<string> => (await text(source)).toUpperCase();

test("A file is derived once for each version of a file on the disk", async () => {
  const path = join(folder, "a.txt");
  const write = async (content: string): Promise<void> => {
    await writeFile(path, content);
    // A file that was written within this second has another entity tag each time.
    await utimes(path, new Date(2024, 1, 1), new Date(2024, 1, 1));
  };
  await write("one");
  let made = 0;
  const derive = (): DownloadFile =>
    kept.derive(new LocalFile(path), {
      recipe: "upper",
      make: (source) => {
        made += 1;
        return upper(source);
      },
    });
  await kept.derive(new LocalFile(path), { recipe: "upper", make: upper }).ready();
  expect([await text(derive()), made]).toEqual(["ONE", 0]);
  await write("other");
  expect([await text(derive()), made]).toEqual(["OTHER", 1]);
});

for (const [kind, options] of [
  ["a text", { recipe: "x", make: upper }],
  ["a stream", { recipe: "x", make: async (source) => new Blob([await text(source)]).stream() }],
  ["compressed bytes", { recipe: "gzip" }],
] satisfies [string, DeriveOptions][]) {
  test(`What is made of an original that is replaced meanwhile is not kept for the version before: ${kind}`, async () => {
    const path = join(folder, "a.txt");
    const old = new Date(2024, 1, 1);
    const write = async (content: string, time: Date): Promise<void> => {
      await writeFile(path, content);
      await utimes(path, time, time);
    };
    await write("one", old);
    // The version is told by a stat. Just after it, another file takes the place.
    class Replaced extends LocalFile {
      override async stat(options?: StatOptions): Promise<FileStat> {
        const stat = await super.stat(options);
        await write("secret", new Date(2024, 2, 1));
        return stat;
      }
    }
    await kept.derive(new Replaced(path), options).ready();
    await write("one", old);
    const file = kept.derive(new LocalFile(path), options);
    const bytes = await read(file);
    expect((options.recipe === "gzip" ? gunzipSync(bytes) : bytes).toString().toLowerCase()).toBe("one");
    expect(await file.ready()).toBeDefined();
  });
}

test("Two recipes of one file, and one recipe of two files, are different files", async () => {
  const a = new VirtualFile("a");
  const b = new VirtualFile("b");
  const lower = async (source: DownloadFile): Promise<string> => `${await text(source)}!`;
  expect(await text(kept.derive(a, { recipe: "x", make: upper, key: ["a"] }))).toBe("A");
  expect(await text(kept.derive(a, { recipe: "y", make: lower, key: ["a"] }))).toBe("a!");
  expect(await text(kept.derive(b, { recipe: "x", make: upper, key: ["b"] }))).toBe("B");
});

test("Without a key, an original of which no version is known is refused", () => {
  expect(() => kept.derive(new VirtualFile("a"), { recipe: "x", make: upper })).toThrow("key must name the original");
  expect(() => kept.derive(new VirtualFile("a"), { recipe: "x", key: ["a"] })).toThrow("needs a make function");
});

test("If a recipe fails, the original is served where that was asked for, and else the error", async () => {
  const make = (): never => {
    throw new Error("no such codec");
  };
  const original = new VirtualFile("original");
  expect(await text(kept.derive(original, { recipe: "x", make, key: ["a"], onFailure: "original" }))).toBe("original");
  await expect(text(kept.derive(original, { recipe: "x", make, key: ["a"] }))).rejects.toThrow("no such codec");
});

for (const [recipe, decompress] of [
  ["br", brotliDecompressSync],
  ["gzip", gunzipSync],
] as const) {
  test(`${recipe} has the coding, the type and the date of the original, and a length and an entity tag of its own`, async () => {
    const lastModified = new Date("2024-01-02T03:04:05Z");
    const original = new VirtualFile("abc".repeat(10_000), { name: "a.csv", contentType: "text/csv", lastModified });
    const derived = kept.derive(original, { recipe, key: ["a"] });
    const stat = await derived.stat();
    const bytes = await read(derived);
    expect(stat).toMatchObject({
      contentEncoding: recipe,
      contentType: "text/csv",
      size: bytes.byteLength,
      lastModified,
    });
    expect(stat.etag).not.toBe((await original.stat()).etag);
    expect(decompress(bytes).toString()).toBe("abc".repeat(10_000));
    expect((await derived.ready())?.path).toContain(folder);
  });
}
