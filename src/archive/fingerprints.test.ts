import { mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DescribedFile } from "../files/described-file.ts";
import type { DownloadFile } from "../files/download-file.ts";
import { fingerprintKey } from "./fingerprint-key.ts";
import { MemoryFingerprints, type Fingerprints } from "./fingerprints.ts";
import { FolderFingerprints } from "./folder-fingerprints.ts";
import type { ArchiveMember } from "./member.ts";

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), "fingerprints-"))));
afterEach(() => rm(folder, { recursive: true, force: true }));

describe.each<[string, () => Fingerprints]>([
  ["MemoryFingerprints", () => new MemoryFingerprints()],
  ["FolderFingerprints", () => new FolderFingerprints(join(folder, "made when needed"))],
])("%s", (_, make) => {
  it("remembers the last CRC-32 of each key", async () => {
    const fingerprints = make();
    expect(await fingerprints.get("a")).toBeUndefined();
    await Promise.all([fingerprints.set("a", 0), fingerprints.set("b", 0xffff_ffff), fingerprints.set("c", 7)]);
    await fingerprints.set("c", 8);
    expect(await Promise.all(["a", "b", "c", "d"].map((key) => fingerprints.get(key)))).toEqual([
      0,
      0xffff_ffff,
      8,
      undefined,
    ]);
  });
});

describe("MemoryFingerprints", () => {
  it("forgets what was used longest ago", () => {
    const fingerprints = new MemoryFingerprints({ maxEntries: 2 });
    for (const [key, crc32] of [
      ["a", 1],
      ["b", 2],
    ] as const)
      fingerprints.set(key, crc32);
    fingerprints.get("a");
    fingerprints.set("c", 3);
    fingerprints.set("d", 4);
    fingerprints.get("c");
    fingerprints.set("e", 5);
    expect(["a", "b", "c", "d", "e"].map((key) => fingerprints.get(key))).toEqual([
      undefined,
      undefined,
      3,
      undefined,
      5,
    ]);
  });
});

describe("FolderFingerprints", () => {
  const file = (): string => join(folder, "archive-members.crc32");

  it("remembers for the processes that come after", async () => {
    await new FolderFingerprints(folder).set("a", 1);
    expect(await new FolderFingerprints(folder).get("a")).toBe(1);
  });

  it("has a file that never grows beyond 32 bytes for each of maxEntries", async () => {
    const fingerprints = new FolderFingerprints(folder, { maxEntries: 64 });
    await Promise.all(Array.from({ length: 1000 }, (_, at) => fingerprints.set(`key ${at}`, at)));
    expect((await stat(file())).size).toBeLessThanOrEqual(64 * 32);
    const found = await Promise.all(Array.from({ length: 1000 }, (_, at) => fingerprints.get(`key ${at}`)));
    const right = found.filter((crc32, at) => crc32 === at).length;
    expect(right).toBeGreaterThan(32);
    expect(found.every((crc32, at) => crc32 === undefined || crc32 === at)).toBe(true);
  });

  it.each<[string, () => Promise<unknown>]>([
    ["ends in the middle of a record", async () => truncate(file(), (await stat(file())).size - 3)],
    [
      "has other bytes in it",
      async () => {
        const bytes = await readFile(file());
        for (let at = 0; at < bytes.length; at += 4) bytes[at]! ^= 1;
        await writeFile(file(), bytes);
      },
    ],
    ["is gone", () => rm(file())],
  ])("knows nothing, and learns again, if its file %s", async (_, spoil) => {
    await new FolderFingerprints(folder, { maxEntries: 8 }).set("a", 1);
    await spoil();
    const fingerprints = new FolderFingerprints(folder, { maxEntries: 8 });
    expect(await fingerprints.get("a")).toBeUndefined();
    await fingerprints.set("a", 2);
    expect(await fingerprints.get("a")).toBe(2);
  });

  it("rejects what it cannot write, and goes on", async () => {
    await writeFile(join(folder, "file"), "");
    const fingerprints = new FolderFingerprints(join(folder, "file", "below"));
    await expect(fingerprints.set("a", 1)).rejects.toThrow(/ENOTDIR/);
    await expect(fingerprints.set("b", 1)).rejects.toThrow(/ENOTDIR/);
  });
});

describe("what a fingerprint is remembered by", () => {
  const file = (known: Partial<DownloadFile>): DownloadFile => ({
    name: "a",
    stat: () => Promise.reject(new Error("unused")),
    open: () => Promise.reject(new Error("unused")),
    ...known,
  });
  const key = (of: DownloadFile, etag: string | undefined = '"1"'): string | undefined =>
    fingerprintKey({ file: of, etag } as ArchiveMember);

  it.each<[string, DownloadFile, string | undefined]>([
    ["a path", file({ path: "/a", url: "/media/a" }), '["/a","\\"1\\""]'],
    ["a location", file({ location: "s3://bucket/a", url: "https://cdn/a" }), '["s3://bucket/a","\\"1\\""]'],
    ["a URL", file({ url: "https://example.com/a" }), '["https://example.com/a","\\"1\\""]'],
    [
      "that of the file under a wrapper",
      new DescribedFile(file({ location: "gs://b/a" }), {}),
      '["gs://b/a","\\"1\\""]',
    ],
    ["nothing without a place", file({}), undefined],
  ])("is %s", (_, of, expected) => expect(key(of)).toBe(expected));

  it("is nothing for a weak entity tag", () => {
    expect(key(file({ path: "/a" }), 'W/"1"')).toBeUndefined();
  });
});
