import { readOpened } from "downloadview";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UnstorageStorage } from "downloadview/unstorage";
import { createStorage } from "unstorage";
import fsDriver from "unstorage/drivers/fs";
import { expect, it } from "vitest";
import { describeStorage } from "./contract.ts";

describeStorage(
  "UnstorageStorage in memory",
  async () => ({ storage: new UnstorageStorage(createStorage()), dispose: async () => {} }),
  { exclusiveSaves: false, keepsContentType: true },
);

it("UnstorageStorage keeps files in whatever driver, under any name", async () => {
  const base = await mkdtemp(join(tmpdir(), "unstorage-"));
  const items = createStorage({ driver: fsDriver({ base }) });
  const storage = new UnstorageStorage(items);
  const names = ["a/b:c?d.txt", "100%.txt", "ü$"];
  for (const name of names) await storage.save(name, name);
  const found: string[] = [];
  for await (const { name, size } of storage.list()) {
    found.push(name);
    expect(size).toBe(Buffer.byteLength(name));
  }
  expect(found.toSorted()).toEqual(names.toSorted());
  for (const name of names) await storage.delete(name);
  expect(await items.getKeys()).toEqual([]);
  await items.dispose();
  await rm(base, { recursive: true });
});

it("UnstorageStorage serves what others have set", async () => {
  const items = createStorage();
  await items.setItem("reports:today", "text");
  await items.setItem("reports:totals.json", { total: 7 });
  const storage = new UnstorageStorage(items);
  const texts: string[] = [];
  for (const name of ["reports/today", "reports/totals.json"]) {
    await using opened = await storage.open(name);
    for await (const chunk of readOpened(opened)) texts.push(new TextDecoder().decode(chunk));
  }
  expect(texts).toEqual(["text", '{"total":7}']);
});
