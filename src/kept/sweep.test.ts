import { mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { VirtualFile } from "../index.ts";
import { KeptFiles } from "./index.ts";
import { hashKey } from "./key.ts";
import { chooseVictims, type Candidate } from "./sweep.ts";

const now = 1_000_000_000;
const candidates: readonly Candidate[] = [
  { hash: "new", bytes: 10, usedAt: now },
  { hash: "old", bytes: 10, usedAt: now - 60_000 },
  { hash: "oldest", bytes: 100, usedAt: now - 120_000 },
];

const cases: readonly (readonly [
  limits: { maxBytes?: number; maxAge?: number; excess?: number },
  victims: string[],
])[] = [
  [{}, []],
  [{ maxBytes: 120 }, []],
  [{ maxBytes: 119 }, ["oldest"]],
  [{ maxBytes: 19 }, ["oldest", "old"]],
  [{ maxBytes: 0 }, ["oldest", "old", "new"]],
  [{ maxAge: 90 }, ["oldest"]],
  [{ maxAge: 30 }, ["oldest", "old"]],
  [{ excess: 1 }, ["oldest"]],
  [{ excess: 101 }, ["oldest", "old"]],
];

for (const [limits, victims] of cases) {
  test(`With ${JSON.stringify(limits)} what was used longest ago goes: ${victims.join(", ") || "nothing"}`, () => {
    const all = { maxBytes: Infinity, maxAge: Infinity, excess: 0, now, ...limits };
    expect(chooseVictims(candidates, all).map(({ hash }) => hash)).toEqual(victims);
  });
}

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kept-"));
});

afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

async function filesBelow(...names: string[]): Promise<string[]> {
  const entries = await readdir(join(folder, ...names), { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}

async function age(path: string, seconds: number): Promise<void> {
  const past = new Date(Date.now() - seconds * 1000);
  await utimes(path, past, past);
}

async function keep(kept: KeptFiles, ...names: string[]): Promise<void> {
  for (const name of names) await kept.make([name], new VirtualFile("x".repeat(100), { name }));
}

function entryOf(name: string): string {
  const { hash } = hashKey([name]);
  return join(folder, "entries", hash.slice(0, 2), `${hash}.json`);
}

test("Sweeps do not count as use: what was asked for longest ago is dropped, however often it was swept", async () => {
  const kept = new KeptFiles({ folder });
  await keep(kept, "a", "b", "c");
  await age(entryOf("b"), 3000);
  await age(entryOf("a"), 2000);
  await kept.sweep();
  await kept.sweep();
  await new KeptFiles({ folder, maxBytes: 250 }).sweep();
  const other = new KeptFiles({ folder });
  expect([await other.get(["a"]), await other.get(["b"])].map((file) => file !== undefined)).toEqual([true, false]);
});

test("The bytes of a dropped file stay for a minute: a server may have been told of them", async () => {
  const kept = new KeptFiles({ folder });
  await keep(kept, "a");
  const { path } = (await kept.get(["a"]))!;
  await kept.delete(["a"]);
  await kept.sweep();
  expect(await filesBelow("files")).toEqual([path]);
  for (const grave of await filesBelow("graves")) await age(grave, 61);
  await kept.sweep();
  expect([await filesBelow("files"), await filesBelow("graves")]).toEqual([[], []]);
  await kept.close();
});

test("A sweep removes what dead makers left, and nothing of a live one", async () => {
  const kept = new KeptFiles({ folder, lease: 1000 });
  await keep(kept, "a");
  for (const name of ["making/0000.part", "making/0000.json"]) {
    await writeFile(join(folder, name), "x");
    await age(join(folder, name), 10);
  }
  const dead = join(folder, "locks", "0".repeat(64));
  await writeFile(dead, JSON.stringify({ nonce: "0000", pid: 2 ** 30, host: "elsewhere" }));
  await age(dead, 10);
  let finish!: () => void;
  const gate = new Promise<void>((resolve) => (finish = resolve));
  const live = kept.make(
    ["live"],
    new VirtualFile(async function* () {
      yield "begin";
      await gate;
    }),
  );
  await expect.poll(async () => (await filesBelow("making")).length).toBe(4);
  expect((await kept.sweep()).removed).toBe(3);
  expect(await filesBelow("making")).toHaveLength(2);
  finish();
  expect((await (await live)!.stat()).size).toBe(5);
  expect(await filesBelow("locks")).toEqual([]);
  await kept.close();
});
