import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readOpened, VirtualFile, type DownloadFile } from "../../src/index.ts";
import { ArchiveFile, type ArchiveEntry, type ArchiveOptions } from "../../src/archive/index.ts";
import { crc32 } from "../../src/archive/crc32.ts";
import { requires } from "../support/requires.ts";
import { compileJavaReader, run, sha256, tarReaders, zipReaders, type Contents } from "./readers.ts";

const packages = {
  unzip: "unzip",
  "7z": "p7zip-full",
  bsdtar: "libarchive-tools",
  busybox: "busybox",
  perl: "libarchive-zip-perl",
  javac: "default-jdk-headless",
};
const present = Object.entries(packages)
  .map(([command, name]) => requires(command, `apt-get install ${name}`))
  .concat(requires(() => existsSync(join(import.meta.dirname, "node_modules")), "npm ci --prefix tests/archive"))
  .every(Boolean);

const lastModified = new Date("2026-03-04T05:06:08Z");
const files: Readonly<Record<string, Uint8Array>> = {
  "a.txt": Buffer.from("hello"),
  "empty.bin": new Uint8Array(),
  "ünï/日本 🌊.bin": Buffer.from("PK\u0007\u0008PK\u0003\u0004PK\u0001\u0002".repeat(50), "latin1"),
  "blocks/one.bin": randomBytes(65_535),
  "blocks/four.bin": randomBytes(200_000),
  [`${"long folder/".repeat(12)}${"x".repeat(60)}.txt`]: Buffer.from("long"),
};

const declaring = (content: Uint8Array): DownloadFile => {
  const file = new VirtualFile(content, { lastModified });
  const known = { crc32: crc32(content) };
  return {
    name: "declaring",
    stat: async () => ({ ...(await file.stat()), ...known }),
    open: (options) => file.open(options),
  };
};
const plain = (content: Uint8Array): DownloadFile => new VirtualFile(content, { lastModified });

function entriesOf(contents: Readonly<Record<string, Uint8Array>>, toFile = plain): ArchiveEntry[] {
  const entries = Object.entries(contents).map(([name, content]) => ({ name, file: toFile(content), mode: 0o640 }));
  return [...entries, { name: "empty folder/" }];
}

const many = Object.fromEntries(
  Array.from({ length: 70_000 }, (_, at) => [`${at % 100}/${at}.txt`, Buffer.from(`${at}`)]),
);
const digests = (contents: Readonly<Record<string, Uint8Array>>): Contents =>
  Object.fromEntries(Object.entries(contents).map(([name, content]) => [name, sha256(content)]));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "archives-"));
  if (present) await compileJavaReader(folder);
});
afterAll(() => rm(folder, { recursive: true }));

async function write(name: string, entries: readonly ArchiveEntry[], options: ArchiveOptions = {}): Promise<string> {
  const path = join(folder, name);
  const file = await open(path, "w");
  const opened = await new ArchiveFile(entries, { maxEntries: 1e6, maxBytes: 1e12, ...options }).open();
  for await (const chunk of readOpened(opened)) await file.write(chunk);
  await opened.close();
  await file.close();
  expect((await stat(path)).size).toBe(opened.stat.size);
  return path;
}

describe.runIf(present)("a ZIP is read by", () => {
  let paths: Readonly<Record<string, string>>;
  beforeAll(async () => {
    paths = {
      blocks: await write("blocks.zip", entriesOf(files)),
      stored: await write("stored.zip", entriesOf(files, declaring)),
      empty: await write("empty.zip", []),
    };
  });

  describe.each(zipReaders)("$name:", ({ read }) => {
    it("blocks whose CRC-32 comes after them", async () =>
      expect(await read(paths["blocks"]!)).toEqual(digests(files)));
    it("stored members", async () => expect(await read(paths["stored"]!)).toEqual(digests(files)));
    it("an archive without members", async () => {
      expect(await read(paths["empty"]!)).toEqual({});
    });
  });

  it("zipinfo, with times in UTC, permissions and no warning", async () => {
    for (const path of [paths["blocks"]!, paths["stored"]!]) {
      const { code, output, errors } = await run("zipinfo", ["-T", "--h-t", path]);
      expect({ code, errors }).toEqual({ code: 0, errors: "" });
      expect(output).toMatch(/^-rw-r----- +2\.0 unx +5 b\S? +\S+ 20260304\.\d{6} a\.txt$/m);
      expect(output).toMatch(/^drwxr-xr-x .*empty folder\/$/m);
    }
    expect((await run("unzip", ["-tqq", paths["blocks"]!])).code).toBe(0);
  });
});

describe.runIf(present)("a ZIP of 70,000 members is read by", () => {
  let path: string;
  beforeAll(async () => void (path = await write("many.zip", entriesOf(many))));

  it.each<[string, readonly string[], RegExp]>([
    ["unzip", ["unzip", "-tq"], /^No errors detected/],
    ["7z", ["7z", "t", "-bd"], /^Files: 70000$/m],
    ["zipinfo", ["zipinfo", "-h"], /number of entries: 70001/],
  ])("%s", async (_, [program = "", ...args], expected) => {
    const { output } = await run(program, [...args, path]);
    expect(output).toMatch(expected);
  });

  it.each(zipReaders.filter(({ name }) => /Python|fflate|Java/.test(name)))(
    "$name",
    async ({ read }) => expect(await read(path)).toEqual(digests(many)),
    60_000,
  );
});

describe.runIf(present)("a TAR is read by", () => {
  let path: string;
  beforeAll(async () => void (path = await write("all.tar", entriesOf(files), { format: "tar" })));

  it.each(tarReaders)("$name", async ({ read }) => expect(await read(path)).toEqual(digests(files)));

  it("GNU tar, with times and permissions", async () => {
    const { output } = await run("tar", ["--utc", "-tvf", path]);
    expect(output).toMatch(/^-rw-r----- .* 5 2026-03-04 05:06 a\.txt$/m);
    expect(output).toMatch(/^drwxr-xr-x .* empty folder\/$/m);
  });
});
