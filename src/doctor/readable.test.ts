import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { commandsToRead } from "./readable.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "downloadview-readable-"));
  await chmod(folder, 0o755);
  await mkdir(join(folder, "it's closed"), { mode: 0o700 });
  await writeFile(join(folder, "it's closed", "a.txt"), "a", { mode: 0o644 });
  await writeFile(join(folder, "open.txt"), "a", { mode: 0o644 });
  await writeFile(join(folder, "closed.txt"), "a", { mode: 0o600 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it.runIf(process.platform !== "win32")("names the command that lets another user read a file", async () => {
  const closed = `'${join(folder, "it'\\''s closed")}'`;
  expect(await commandsToRead(join(folder, "it's closed", "a.txt"))).toEqual([`chmod o+x ${closed}`]);
  expect(await commandsToRead(join(folder, "closed.txt"))).toEqual([`chmod o+r ${join(folder, "closed.txt")}`]);
});

it("names none for a file that anyone may read, that is missing, or that is elsewhere", async () => {
  expect(await commandsToRead(join(folder, "open.txt"))).toEqual([]);
  expect(await commandsToRead(join(folder, "missing.txt"))).toEqual([]);
  expect(await commandsToRead(undefined)).toEqual([]);
});
