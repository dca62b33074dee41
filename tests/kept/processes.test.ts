import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readOpened, VirtualFile, type DownloadFile } from "downloadview";
import { KeptFiles } from "downloadview/keep";
import { openKept } from "./support.ts";

const chunks = 16;
const whole = Buffer.concat(Array.from({ length: chunks }, (_, index) => Buffer.alloc(65_536, index)));
const digest = sha256(whole);

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

let folder: string;
let log: string;
const started: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kept-"));
  log = join(folder, "..", `${folder.split("/").pop()}.log`);
});

afterEach(async () => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  await rm(log, { force: true });
});

interface Maker {
  readonly child: ChildProcess;
  readonly lines: AsyncIterator<string>;
}

async function startMaker(pause = 0): Promise<Maker> {
  const script = fileURLToPath(new URL("maker.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", script, folder, String(chunks), String(pause), log], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  started.push(child);
  const reader: Interface = createInterface({ input: child.stdout });
  const lines = reader[Symbol.asyncIterator]();
  expect((await lines.next()).value).toBe("ready");
  return { child, lines };
}

async function ask({ child, lines }: Maker, key: string): Promise<string> {
  child.stdin!.write(`${key}\n`);
  return String((await lines.next()).value);
}

async function read(file: DownloadFile): Promise<Buffer> {
  await using opened = await file.open();
  const found: Uint8Array[] = [];
  for await (const chunk of readOpened(opened)) found.push(chunk);
  return Buffer.concat(found);
}

async function filesBelow(...names: string[]): Promise<string[]> {
  const entries = await readdir(join(folder, ...names), { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}

/** What a sweep sees an hour later. */
async function age(): Promise<void> {
  const past = new Date(Date.now() - 3_600_000);
  for (const path of await filesBelow()) await utimes(path, past, past);
}

const kills = Number(process.env.KEPT_KILLS ?? 12);

test(
  `After kill -9 at ${kills} moments of making, the next request is right, and a sweep leaves no litter`,
  async () => {
    const kept = new KeptFiles({ folder, lease: 1500 });
    let next = startMaker(1);
    for (let time = 0; time < kills; time += 1) {
      const maker = await next;
      next = startMaker(1);
      const key = ["big", String(time)];
      const exited = once(maker.child, "exit");
      maker.child.stdin!.write(`${time}\n`);
      // From before the first step to after the last one.
      await new Promise((resolve) => setTimeout(resolve, (time / kills) * 80));
      maker.child.kill("SIGKILL");
      await exited;
      const found = await kept.get(key);
      if (found) expect(sha256(await read(found))).toBe(digest);
      const made = await kept.make(key, new VirtualFile(whole, { name: "big.bin" }));
      expect(sha256(await read(made!))).toBe(digest);
    }
    await next;
    await age();
    // A file whose maker was killed before it wrote the record is told by its ctime, which cannot be set.
    const clock = vi.spyOn(Date, "now").mockReturnValue(Date.now() + 3_600_000);
    await kept.sweep();
    clock.mockRestore();
    const [entries, files] = await Promise.all([filesBelow("entries"), filesBelow("files")]);
    expect([entries.length, files.length]).toEqual([kills, kills]);
    expect(await Promise.all(["making", "locks", "graves"].map((name) => filesBelow(name)))).toEqual([[], [], []]);
  },
  120_000 + kills * 5000,
);

test("Two processes make a file once: the other one reads along, and gets every byte", async () => {
  const makers = await Promise.all([startMaker(20), startMaker(20), startMaker(20)]);
  const digests = await Promise.all(makers.map((maker) => ask(maker, "same")));
  expect(digests).toEqual([digest, digest, digest]);
  expect((await readFile(log, "utf8")).trim().split("\n")).toHaveLength(1);
});

test("A making goes on in one process while a client of another one reads along", async () => {
  const [first, second] = await Promise.all([startMaker(100), startMaker(100)]);
  const left = ask(first, "leave same");
  await expect.poll(() => filesBelow("making"), { timeout: 10_000 }).not.toEqual([]);
  const followed = ask(second, "same");
  expect([await left, await followed]).toEqual(["left", digest]);
  expect((await readFile(log, "utf8")).trim().split("\n")).toHaveLength(1);
});

test("If the process that makes a file is killed, one that waits for the whole makes it in its place", async () => {
  const maker = await startMaker(100);
  maker.child.stdin!.write("x\n");
  await expect.poll(() => filesBelow("making"), { timeout: 10_000 }).not.toEqual([]);
  const kept = new KeptFiles({ folder, lease: 1500 });
  let made = 0;
  const file = new VirtualFile(
    () => {
      made += 1;
      return whole;
    },
    { name: "big.bin" },
  );
  const making = kept.make(["big", "x"], file);
  maker.child.kill("SIGKILL");
  expect(sha256(await read((await making)!))).toBe(digest);
  expect(made).toBe(1);
});

test("If the process that makes a file is killed, a client that reads along fails, and sees no short file", async () => {
  const maker = await startMaker(50);
  maker.child.stdin!.write("x\n");
  await expect
    .poll(async () => (await filesBelow("making")).some((path) => path.endsWith(".json")), { timeout: 10_000 })
    .toBe(true);
  const kept = new KeptFiles({ folder, lease: 1500 });
  const opened = await openKept(kept, ["big", "x"], new VirtualFile(whole), {});
  const reading = (async () => {
    for await (const chunk of readOpened(opened)) if (chunk.byteLength > 0) maker.child.kill("SIGKILL");
  })();
  await expect(reading).rejects.toMatchObject({ name: "IncompleteBodyError" });
  await opened.close();
});
