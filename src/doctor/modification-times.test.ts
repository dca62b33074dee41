import { utimes } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { temporaryStorage } from "../testing/temporary-storage.ts";
import { modificationTimes, sharedTime } from "./modification-times.ts";

const at = (text: string): Date => new Date(text);

describe("a modification time that says nothing", () => {
  it.each<[string, Date[], Date | undefined]>([
    ["npm's, for every file", Array.from({ length: 3 }, () => at("1985-10-26T08:15:00Z")), at("1985-10-26T08:15:00Z")],
    [
      "one build's, for every file",
      Array.from({ length: 5 }, () => at("2026-01-02T03:04:05Z")),
      at("2026-01-02T03:04:05Z"),
    ],
    ["times before the web", [at("1970-01-01"), at("1970-01-02"), at("1980-01-01")], at("1970-01-01")],
    ["times that differ", [at("2026-01-01"), at("2026-01-02"), at("2026-01-01")], undefined],
    ["two files", [at("2026-01-01"), at("2026-01-01")], undefined],
    ["no files", [], undefined],
  ])("%s", (_, times, expected) => {
    expect(sharedTime(times)).toEqual(expected);
  });

  it("is noted of a folder of a deployment, whose samples do not count", async () => {
    await using storage = await temporaryStorage();
    for (const name of ["a", "b", "c", "sample"]) await storage.save(name, name);
    const isSample = (name: string): boolean => name === "sample";
    for (const [index, name] of ["a", "b", "c"].entries()) await utimes(storage.path(name), index + 1e9, index + 1e9);
    expect(await modificationTimes(storage, isSample)).toEqual([]);
    const npm = Date.parse("1985-10-26T08:15:00Z") / 1000;
    for (const name of ["a", "b", "c"]) await utimes(storage.path(name), npm, npm);
    expect(await modificationTimes(storage, isSample)).toHaveLength(1);
    for (const name of ["a", "b", "c"]) await utimes(storage.path(name), 1e9, 1e9);
    expect(await modificationTimes(storage, isSample)).toMatchObject([
      { check: "storage-times", outcome: "note", side: "storage", actual: "3 files, all of 2001-09-09T01:46:40.000Z" },
    ]);
  });

  it("is not looked for where a storage cannot list its files", async () => {
    const storage = {
      list: () => {
        throw new Error("not allowed");
      },
    };
    expect(await modificationTimes(storage as never, () => false)).toEqual([]);
  });
});
