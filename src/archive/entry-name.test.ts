import { describe, expect, it } from "vitest";
import { safeEntryName, uniqueNames } from "./entry-name.ts";

describe("a name in an archive", () => {
  it.each([
    ["a.txt", "a.txt"],
    ["2026/07/a b.jpg", "2026/07/a b.jpg"],
    ["café.txt".normalize("NFD"), "café.txt"],
    ["photos\\sea.jpg", "photos/sea.jpg"],
    ["/etc/passwd", "etc/passwd"],
    ["C:\\Windows\\a.dll", "Windows/a.dll"],
    ["C:a.dll", "C_a.dll"],
    ["../../etc/passwd", "etc/passwd"],
    ["a/../b/./c", "a/b/c"],
    ["a//b", "a/b"],
    ["a\u0000b\n.txt", "a_b_.txt"],
    ['<a>:"b|c?*".txt', "_a___b_c___.txt"],
    ["invoice\u202Efdp.exe", "invoice_fdp.exe"],
    ["con", "_con"],
    ["NUL.tar.gz", "_NUL.tar.gz"],
    ["COM1/lpt9.txt", "_COM1/_lpt9.txt"],
    ["nul .txt", "_nul .txt"],
    ["COM²", "_COM²"],
    ["console.txt", "console.txt"],
    ["a. ", "a"],
    ["  .hidden", ".hidden"],
    [". .", "_"],
    ["", "_"],
    ["..", "_"],
    ["half \uD83D pair", "half _ pair"],
    ["folder/", "folder/"],
    ["folder\\", "folder/"],
    ["../", ""],
    [`${"x".repeat(300)}.jpeg`, `${"x".repeat(215)}.jpeg`],
    [`${"é".repeat(200)}.jpeg`, `${"é".repeat(125)}.jpeg`],
    [`f/${"x".repeat(300)}.jpeg`, `f/${"x".repeat(213)}.jpeg`],
    [`${"x".repeat(200)}/${"y".repeat(200)}/a.txt`, `${"x".repeat(79)}/${"y".repeat(79)}/a.txt`],
    [`${"folder/".repeat(100)}a.txt`, `${"folder/".repeat(16)}a.txt`],
    ["folder/".repeat(100), "folder/".repeat(16)],
  ])("%j is %j", (name, expected) => {
    expect(safeEntryName(name)).toBe(expected);
  });

  it("is the same when it is made safe again", () => {
    for (const name of [
      "..\\con. ",
      "a/./b",
      "🎉".repeat(200),
      "x".repeat(500),
      `${"f. /".repeat(60)}a`,
      "é/".repeat(130),
    ]) {
      expect(safeEntryName(safeEntryName(name))).toBe(safeEntryName(name));
    }
  });

  it("costs no more than its length", () => {
    expect(safeEntryName(`${"é".repeat(500_000)}.txt`)).toHaveLength(129);
    expect(safeEntryName("a/".repeat(250_000) + "b").endsWith("/b")).toBe(true);
  });
});

describe("names side by side", () => {
  it.each([
    ["a file twice", ["a.jpg", "a.jpg", "a.jpg"], ["a.jpg", "a (2).jpg", "a (3).jpg"]],
    ["names that differ in case", ["A.jpg", "a.JPG"], ["A.jpg", "a (2).JPG"]],
    ["one that the numbering would take", ["a.jpg", "a (2).jpg", "a.jpg"], ["a.jpg", "a (2).jpg", "a (3).jpg"]],
    ["two extensions", ["a.tar.gz", "a.tar.gz"], ["a.tar.gz", "a (2).tar.gz"]],
    ["no extension", ["d/LICENSE", "d/LICENSE"], ["d/LICENSE", "d/LICENSE (2)"]],
    ["a hidden file", [".env", ".env"], [".env", ".env (2)"]],
    ["a file that is a folder elsewhere", ["a", "a/b"], ["a (2)", "a/b"]],
    ["a file that is a folder before", ["a/b", "A"], ["a/b", "A (2)"]],
    ["one folder twice", ["f/", "F/"], ["f/", "F/"]],
  ])("%s: %j", (_, names, expected) => {
    expect(uniqueNames(names).map(({ name }) => name)).toEqual(expected);
  });

  it("leave a reserved name free", () => {
    expect(uniqueNames(["missing.txt"], ["MISSING.txt"])).toEqual([{ kind: "renamed", name: "missing (2).txt" }]);
  });

  it.each([
    ["a short extension", `${"é".repeat(130)}.txt`],
    ["no extension", "日本".repeat(50)],
    ["two extensions", `${"x".repeat(250)}.tar.gz`],
    ["an extension that is as long as a name", `a.${"é".repeat(125)}`],
    ["a long folder", `${"folder/".repeat(30)}${"x".repeat(100)}.txt`],
  ])("are no longer than what systems can unpack, if the second has %s", (_, name) => {
    const entry = safeEntryName(name);
    const [first, second, third] = uniqueNames([entry, entry, entry]);
    expect(new Set([first?.name, second?.name, third?.name]).size).toBe(3);
    for (const renamed of [second, third]) {
      const [last = "", folders = []] = [renamed?.name.split("/").at(-1), renamed?.name.split("/").slice(0, -1)];
      expect(Buffer.byteLength(last)).toBeLessThanOrEqual(255);
      expect(renamed?.name.length).toBeLessThanOrEqual(Math.max(220, folders.join("/").length + 41));
    }
  });

  it("are found in one pass, however many are the same", () => {
    const names = uniqueNames(Array.from({ length: 20_000 }, () => "a.jpg"));
    expect(names.at(-1)).toEqual({ kind: "renamed", name: "a (20000).jpg" });
  });
});
