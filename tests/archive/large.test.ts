import { mkdtemp, open, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LocalFile, readOpened, VirtualFile, type DownloadFile } from "../../src/index.ts";
import { ArchiveFile, MemoryFingerprints, type ArchiveEntry, type ArchiveOptions } from "../../src/archive/index.ts";
import { requires } from "../support/requires.ts";
import { run } from "./readers.ts";

const present = ["zipinfo", "7z", "bsdtar", "python3", "tar"]
  .map((name) => requires(name, "apt-get install unzip p7zip-full libarchive-tools python3"))
  .every(Boolean);

const GiB = 2 ** 30;
const long = new Date("2020-01-01T00:00:00Z");
/** Of 6 GiB of zeros. */
const zerosCRC32 = 0xc64e_0e30;
const lastCRC32 = 0x0dcf_7d16;

let folder: string;
let zeros: LocalFile;
let last: LocalFile;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "large-archives-"));
  await writeFile(join(folder, "zeros"), "");
  await truncate(join(folder, "zeros"), 6 * GiB);
  await writeFile(join(folder, "last"), "the last one");
  for (const name of ["zeros", "last"]) await utimes(join(folder, name), long, long);
  zeros = new LocalFile(join(folder, "zeros"));
  last = new LocalFile(join(folder, "last"));
});
afterAll(() => rm(folder, { recursive: true }));

async function bytesOf(archive: ArchiveFile, start: number, end: number): Promise<Buffer> {
  const opened = await archive.open();
  try {
    const chunks: Uint8Array[] = [];
    for await (const chunk of readOpened(opened, { start, end })) chunks.push(chunk);
    return Buffer.concat(chunks);
  } finally {
    await opened.close();
  }
}

/** The archive in a file. Between its first and its last bytes, all of one member, the file has a hole, which reads as zeros. */
async function writeSparse(archive: ArchiveFile, name: string): Promise<string> {
  const path = join(folder, name);
  const { size = 0 } = await archive.stat();
  const file = await open(path, "w");
  await file.write(await bytesOf(archive, 0, 99_999), 0, 100_000, 0);
  const tail = await bytesOf(archive, size - 100_000, size - 1);
  await file.write(tail, 0, tail.byteLength, size - tail.byteLength);
  await file.close();
  return path;
}

describe.runIf(present)("an archive with a member of 6 GiB and another one behind it", () => {
  const make = (options: ArchiveOptions, crc32?: number): ArchiveFile =>
    new ArchiveFile(
      [
        { name: "zeros", file: zeros, crc32 },
        { name: "last", file: last, ...(crc32 === undefined ? {} : { crc32: lastCRC32 }) },
      ],
      options,
    );

  it.each<[string, readonly string[], RegExp]>([
    ["zipinfo", ["zipinfo", "-v"], /uncompressed size: +6442450944 bytes/],
    ["7z", ["7z", "l", "-slt"], /^Size = 6442450944$/m],
    ["bsdtar", ["bsdtar", "-tvf"], / 6442450944 .*zeros\n.* 12 .*last\n/],
    [
      "Python",
      ["python3", "-c", "import sys,zipfile; print(zipfile.ZipFile(sys.argv[1]).read('last'))"],
      /the last one/,
    ],
    ["unzip", ["unzip", "-p"], /^the last one$/],
  ])("is a ZIP for %s", async (name, [program = "", ...args], expected) => {
    const path = await writeSparse(make({}, zerosCRC32), `${name}.zip`);
    const { output, code } = await run(program, [...args, path, ...(program === "unzip" ? ["last"] : [])]);
    expect(code).toBe(0);
    expect(output).toMatch(expected);
  });

  it("is a TAR for GNU tar", async () => {
    const path = await writeSparse(make({ format: "tar" }), "large.tar");
    const { output } = await run("tar", ["--utc", "-tvf", path]);
    expect(output).toMatch(/ 6442450944 2020-01-01 00:00 zeros\n.* 12 2020-01-01 00:00 last\n$/);
  });

  it("answers ranges across 4 GiB from blocks, and its end from remembered CRC-32s, without a look at the rest", async () => {
    const fingerprints = new MemoryFingerprints();
    for (const [file, crc32] of [
      [zeros, zerosCRC32],
      [last, lastCRC32],
    ] as const) {
      fingerprints.set(JSON.stringify([file.path, (await file.stat()).etag]), crc32);
    }
    const archive = make({ fingerprints });
    const { size = 0 } = await archive.stat();
    const around = await bytesOf(archive, 4 * GiB - 200_000, 4 * GiB + 200_000);
    // All of it are zeros, but the heads of blocks: not the last one, 65,535 bytes, and that inverted.
    const first = around.indexOf(0xff);
    expect(first).toBeLessThan(65_540);
    for (const [at, byte] of around.entries()) {
      if (byte !== ((at - first) % 65_540 < 2 && at >= first ? 0xff : 0)) throw new Error(`${byte} at ${at}`);
    }
    const tail = await bytesOf(archive, size - 22, size - 1);
    expect(tail.readUInt32LE(0)).toBe(0x0605_4b50);
    expect(tail.readUInt32LE(16)).toBe(0xffff_ffff);
  });
});

describe("an archive of 100,000 members", () => {
  const file = new VirtualFile("x", { lastModified: long });
  let entries: readonly ArchiveEntry[];
  let archive: ArchiveFile;
  beforeAll(async () => {
    const { etag } = await file.stat();
    entries = Array.from({ length: 100_000 }, (_, at) => ({ name: `${at}`, file, size: 1, etag, crc32: 0x8cdc1683 }));
    archive = new ArchiveFile(entries, { maxEntries: 100_000 });
  });

  it("has a length, and ranges at both of its ends and in the middle", async () => {
    const { size = 0 } = await archive.stat();
    const start = await bytesOf(archive, 0, 3);
    expect(start.readUInt32LE(0)).toBe(0x0403_4b50);
    const end = await bytesOf(archive, size - 98, size - 1);
    expect(end.readUInt32LE(0)).toBe(0x0606_4b50);
    expect(Number(end.readBigUInt64LE(32))).toBe(100_000);
    const middle = await bytesOf(archive, 1_000_000, 1_000_999);
    expect(middle.includes("PK\u0003\u0004")).toBe(true);
  });

  it("is refused where fewer are allowed", async () => {
    await expect(new ArchiveFile(entries).stat()).rejects.toMatchObject({ status: 413 });
  });
});

describe("an archive of 10,000 members", () => {
  it("sends its first bytes before most of its members were opened", async () => {
    let opens = 0;
    const inner = new VirtualFile("x".repeat(100), { lastModified: long });
    const file: DownloadFile = {
      name: "x",
      stat: () => inner.stat(),
      open: (options) => ((opens += 1), inner.open(options)),
    };
    const archive = new ArchiveFile(Array.from({ length: 10_000 }, (_, at) => ({ name: `${at}`, file })));
    const opened = await archive.open();
    for await (const chunk of readOpened(opened)) {
      expect(chunk.byteLength).toBeGreaterThan(0);
      break;
    }
    await opened.close();
    expect(opens).toBeGreaterThan(0);
    expect(opens).toBeLessThan(1000);
  });
});
