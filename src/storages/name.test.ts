import { describe, expect, it } from "vitest";
import { InvalidPathError } from "../errors.ts";
import { alternativeName, normalizeKey, normalizeName, normalizePrefix } from "./name.ts";

const encoder = new TextEncoder();

describe("normalizeName", () => {
  it.each(["a", "a/b.txt", "...", "..a", ".a", "a b", "日本/😀.txt", "C:a", "%2e%2e", "x".repeat(1024), "\u0080"])(
    "returns %j unchanged",
    (name) => {
      expect(normalizeName(name)).toBe(name);
    },
  );

  it.each([
    ["", "empty"],
    ["/a", "empty"],
    ["a/", "empty"],
    ["a//b", "empty"],
    ["a/./b", "empty"],
    ["a/../b", "empty"],
    ["..", "empty"],
    ["a\\b", "backslash"],
    ["a\0", "control"],
    ["a\r\nb", "control"],
    ["\x7f", "control"],
    ["\ud800", "surrogate"],
    ["\udc00\ud800", "surrogate"],
    ["x".repeat(1025), "1024 bytes"],
    ["é".repeat(513), "1024 bytes"],
  ])("refuses %j, and says why in the cause alone", (name, reason) => {
    const refusal = (): string => normalizeName(name);
    expect(refusal).toThrow(InvalidPathError);
    expect(refusal).toThrow("File not found");
    expect(refusal).toThrow(
      expect.objectContaining({ cause: expect.objectContaining({ message: expect.stringContaining(reason) }) }),
    );
  });
});

describe("normalizePrefix", () => {
  it.each(["", "a", "a/", "a/b", "."])("returns %j unchanged if it is a name", (prefix) => {
    if (prefix === ".") expect(() => normalizePrefix(prefix)).toThrow(InvalidPathError);
    else expect(normalizePrefix(prefix)).toBe(prefix);
  });
});

describe("alternativeName", () => {
  it.each([
    ["report.pdf", /^report_[0-9a-z]{7}\.pdf$/],
    ["a.b/report.pdf", /^a\.b\/report_[0-9a-z]{7}\.pdf$/],
    ["report", /^report_[0-9a-z]{7}$/],
    ["a.b/report", /^a\.b\/report_[0-9a-z]{7}$/],
    ["a.tar.gz", /^a_[0-9a-z]{7}\.tar\.gz$/],
    ["v1.2.txt", /^v1\.2_[0-9a-z]{7}\.txt$/],
    [".hidden", /^\.hidden_[0-9a-z]{7}$/],
    ["a.", /^a_[0-9a-z]{7}\.$/],
  ])("keeps folder and extension of %s", (name, pattern) => {
    expect(alternativeName(name)).toMatch(pattern);
  });

  it("is another each time", () => {
    expect(alternativeName("a")).not.toBe(alternativeName("a"));
  });

  it.each(["x".repeat(251) + ".pdf", "😀".repeat(60) + ".pdf", "x".repeat(255)])(
    "still fits in one segment of a file system for %s",
    (name) => {
      const alternative = normalizeName(alternativeName(`folder/${name}`));
      expect(encoder.encode(alternative.slice("folder/".length)).byteLength).toBeLessThanOrEqual(255);
    },
  );
});

describe("normalizeKey", () => {
  it.each(["a", "a//b", "/a", "a/", "//", "a\\b", "...", ".a", "a+b c", "100%", "日本/😀.txt"])(
    "keeps %j as it is",
    (key) => {
      expect(normalizeKey(key)).toBe(key);
    },
  );

  it.each(["", ".", "..", "a/../b", "/./", "a\\..\\b", "a\0", "a\r\nb", "\ud800", "x".repeat(1025)])(
    "refuses %j",
    (key) => {
      expect(() => normalizeKey(key)).toThrow(InvalidPathError);
    },
  );
});
