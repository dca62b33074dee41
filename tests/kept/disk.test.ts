import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { readOpened, VirtualFile, type DownloadFile } from "downloadview";
import { KeptFiles } from "downloadview/keep";
import { openKept } from "./support.ts";

let folder: string;
const mounted: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kept-"));
});

afterEach(async () => {
  for (const place of mounted.splice(0)) execFileSync("umount", ["-l", place]);
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

function mount(options: string): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder], { stdio: "ignore" });
    mounted.push(folder);
    return true;
  } catch {
    return false;
  }
}

const canMount = await (async () => {
  folder = await mkdtemp(join(tmpdir(), "kept-"));
  return mount("size=1m");
})();

afterAll(() => expect(mounted).toEqual([]));

function content(seed: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at += 4) bytes.writeUInt32LE((seed * 2_654_435_761 + at) >>> 0, at);
  return bytes;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function generated(bytes: Uint8Array): DownloadFile {
  return new VirtualFile(
    async function* () {
      for (let at = 0; at < bytes.byteLength; at += 65_536) yield bytes.subarray(at, at + 65_536);
    },
    { name: "big.bin" },
  );
}

async function read(kept: KeptFiles, key: number, original: DownloadFile): Promise<string> {
  await using opened = await openKept(kept, ["file", key], original, {});
  const hash = createHash("sha256");
  for await (const chunk of readOpened(opened)) hash.update(chunk);
  return hash.digest("hex");
}

async function filesBelow(...names: string[]): Promise<string[]> {
  const entries = await readdir(join(folder, ...names), { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

test.runIf(canMount)(
  "On a disk that gets full midway every client gets every byte, and nothing of the file stays",
  async () => {
    expect(mount("size=2m")).toBe(true);
    const warnings: string[] = [];
    const onWarning = (warning: Error): number => warnings.push(warning.message);
    process.on("warning", onWarning);
    await writeFile(join(folder, "other"), Buffer.alloc(1_000_000));
    const kept = new KeptFiles({ folder });
    const bytes = content(1, 5_000_000);
    const original = generated(bytes);
    const digests = await Promise.all([1, 2, 3, 4, 5].map(() => read(kept, 1, original)));
    expect(new Set(digests)).toEqual(new Set([sha256(bytes)]));
    await expect.poll(() => filesBelow("making")).toEqual([]);
    expect(await kept.get(["file", 1])).toBeUndefined();
    // Once more, now that the refusal is forgotten: it is logged once.
    await kept.delete(["file", 1]);
    expect(await read(kept, 1, original)).toBe(sha256(bytes));
    await new Promise(setImmediate);
    process.off("warning", onWarning);
    expect(warnings.filter((message) => message.includes(folder))).toEqual([expect.stringContaining("ENOSPC")]);
    const small = content(2, 1000);
    expect(await read(kept, 2, generated(small))).toBe(sha256(small));
    await expect.poll(async () => (await kept.get(["file", 2])) !== undefined).toBe(true);
  },
);

test.runIf(canMount)("On a disk that is read-only files are served, and kept ones too", async () => {
  expect(mount("size=2m")).toBe(true);
  const kept = new KeptFiles({ folder });
  const bytes = content(3, 100_000);
  await kept.make(["file", 1], generated(bytes));
  execFileSync("mount", ["-o", "remount,ro", folder]);
  const later = new KeptFiles({ folder });
  let made = 0;
  const original = new VirtualFile(() => {
    made += 1;
    return Buffer.from(bytes);
  });
  expect(await read(later, 1, original)).toBe(sha256(bytes));
  expect(made).toBe(0);
  expect(await read(later, 2, original)).toBe(sha256(bytes));
  expect(made).toBe(1);
});

test("With too little free space nothing is kept, and everything is served", async () => {
  const kept = new KeptFiles({ folder, minFreeBytes: Number.MAX_SAFE_INTEGER });
  const bytes = content(4, 100_000);
  expect(await read(kept, 1, generated(bytes))).toBe(sha256(bytes));
  expect(await kept.get(["file", 1])).toBeUndefined();
});

test("While an evictor runs at full speed, 200 readers get every byte of what they asked for", async () => {
  const kept = new KeptFiles({ folder, maxBytes: 400_000 });
  const files = Array.from({ length: 10 }, (_, seed) => content(seed, 100_000));
  const digests = files.map(sha256);
  const over = new AbortController();
  const evicting = (async () => {
    while (!over.signal.aborted) await kept.sweep();
  })();
  const readers = Array.from({ length: 200 }, async (_, index) => {
    for (let time = 0; time < 3; time += 1) {
      const which = (index + time) % files.length;
      expect(await read(kept, which, generated(files[which]!))).toBe(digests[which]);
    }
  });
  await Promise.all(readers);
  over.abort();
  await evicting;
  await kept.sweep();
  expect(kept.statistics.evicted).toBeGreaterThan(0);
  expect(kept.statistics.bytes).toBeLessThanOrEqual(400_000);
}, 120_000);
