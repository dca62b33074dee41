import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  isEntityTag,
  nginxEntityTag,
  normalizeEntityTag,
  parseEntityTags,
  scanEntityTag,
  strongMatch,
  weakMatch,
} from "./etag.ts";

const entityTag = fc
  .tuple(
    fc.constantFrom("", "W/"),
    fc.string().map((text) => text.replace(/[^!#-~]/g, ",")),
  )
  .map(([weak, opaque]) => `${weak}"${opaque}"`);

describe("comparison (RFC 9110 §8.8.3.2)", () => {
  it.each([
    ['W/"1"', 'W/"1"', false, true],
    ['W/"1"', 'W/"2"', false, false],
    ['W/"1"', '"1"', false, true],
    ['"1"', 'W/"1"', false, true],
    ['"1"', '"1"', true, true],
    ['"a"', '"A"', false, false],
  ])("%s and %s: strong %s, weak %s", (a, b, strong, weak) => {
    expect(strongMatch(a, b)).toBe(strong);
    expect(weakMatch(a, b)).toBe(weak);
  });

  it("is never strong for what isn't an entity tag", () => {
    expect(strongMatch("1", "1")).toBe(false);
    expect(strongMatch("", "")).toBe(false);
  });
});

describe("parseEntityTags", () => {
  it.each([
    ["*", "*"],
    [" * ", "*"],
    ['"a"', ['"a"']],
    ['"a", W/"b","c"', ['"a"', 'W/"b"', '"c"']],
    ['"a,b" , "c"', ['"a,b"', '"c"']],
    [',, "a",\t,', ['"a"']],
    ['""', ['""']],
    ['"\\", "a"', ['"\\"', '"a"']],
    ['"é"', ['"é"']],
  ])("reads %s", (value, condition) => {
    expect(parseEntityTags(value)).toEqual(condition);
  });

  it.each(["", " ", ",", "a", '"a', 'a"', 'w/"a"', "W/a", "W/", '"a b"', '"a\x7f"', "**"])(
    "finds no tag in %j",
    (value) => {
      expect(parseEntityTags(value)).toBeUndefined();
    },
  );

  it("keeps the tags before a malformed member, and none after it", () => {
    expect(parseEntityTags('"a", *, "b"')).toEqual(['"a"']);
  });

  it("reads back any list of entity tags", () => {
    fc.assert(
      fc.property(fc.array(entityTag, { minLength: 1 }), (tags) => {
        expect(parseEntityTags(tags.join(", "))).toEqual(tags);
      }),
    );
  });

  it("takes time in proportion to the length", () => {
    const tags = Array.from({ length: 50_000 }, (_, index) => `"${index}"`);
    expect(parseEntityTags(tags.join(","))).toHaveLength(50_000);
    expect(parseEntityTags(`${" ,".repeat(100_000)}x`)).toBeUndefined();
  });
});

describe("isEntityTag", () => {
  it("takes exactly one tag", () => {
    fc.assert(fc.property(entityTag, isEntityTag));
    for (const value of ["", "a", '"a" ', ' "a"', '"a","b"', '"a', "W/", 'w/"a"']) {
      expect(isEntityTag(value)).toBe(false);
    }
  });
});

describe("scanEntityTag", () => {
  it("never throws, and gives back what it was given", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('"', "W", "/", ",", " ", "a", "\n", "é") }), (value) => {
        const { etag, rest } = scanEntityTag(value);
        expect(etag === "" || value.trimStart() === etag + rest).toBe(true);
      }),
    );
  });
});

describe("nginxEntityTag", () => {
  const file = { size: 12_345, mtimeNanoseconds: 1_700_000_000_250_000_000n };
  const later = (milliseconds: number): Date => new Date(1_700_000_000_250 + milliseconds);

  it("is nginx's own once the file has settled", () => {
    expect(nginxEntityTag(file, later(2000))).toBe('"6553f100-3039"');
  });

  it("never matches again what was given within the same tick of the clock", () => {
    expect(nginxEntityTag(file, later(1))).not.toBe(nginxEntityTag(file, later(1)));
    expect(nginxEntityTag(file, later(1))).not.toBe(nginxEntityTag(file, later(2)));
    expect(nginxEntityTag(file, later(2))).toMatch(/^W\/"6553f100-3039-ee6b280-[0-9a-f]+-[0-9a-f]+"$/);
  });

  it("is weak while the file may change within its second", () => {
    expect(nginxEntityTag(file, later(100))).toBe('W/"6553f100-3039-ee6b280"');
    expect(nginxEntityTag(file, later(1000))).toBe('W/"6553f100-3039-ee6b280"');
  });

  it("is weak for a file from the future, and the same until then", () => {
    expect(nginxEntityTag(file, later(-60_000))).toBe('W/"6553f100-3039-ee6b280"');
    expect(nginxEntityTag(file, later(-86_400_000))).toBe('W/"6553f100-3039-ee6b280"');
  });

  it("never says of two versions of one second and size that they are the same", () => {
    const version = fc.record({
      written: fc.integer({ min: 0, max: 3_000_000 }),
      served: fc.integer({ min: 0, max: 5_000 }),
    });
    const tagOf = ({ written, served }: { written: number; served: number }): string => {
      const mtimeNanoseconds = 1_700_000_000_000_000_000n + BigInt(written) * 1000n;
      const now = new Date(1_700_000_000_000 + Math.ceil(written / 1000) + served);
      return nginxEntityTag({ size: 1, mtimeNanoseconds }, now);
    };
    fc.assert(
      fc.property(version, version, (old, rewritten) => {
        // A version is served before the next one is written.
        fc.pre(Math.ceil(old.written / 1000) + old.served < rewritten.written / 1000);
        expect(weakMatch(tagOf(old), tagOf(rewritten))).toBe(false);
      }),
    );
  });

  it("is an entity tag, whatever the file", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.bigInt({ min: -(2n ** 62n), max: 2n ** 63n }), (size, mtimeNanoseconds) => {
        expect(isEntityTag(nginxEntityTag({ size, mtimeNanoseconds }, new Date()))).toBe(true);
      }),
    );
  });
});

describe("normalizeEntityTag", () => {
  it.each<[string | null | undefined, string | undefined]>([
    ['"x"', '"x"'],
    ['W/"x"', 'W/"x"'],
    ['w/"x"', 'W/"x"'],
    [' "x" ', '"x"'],
    ['""', '""'],
    ["x", '"x"'],
    ["W/x", 'W/"x"'],
    ["0x8D4BCC2E4835CD0", '"0x8D4BCC2E4835CD0"'],
    ['"d41d8cd98f00b204e9800998ecf8427e-38"', '"d41d8cd98f00b204e9800998ecf8427e-38"'],
    ["d41d8cd98f00b204e9800998ecf8427e-38", '"d41d8cd98f00b204e9800998ecf8427e-38"'],
    ["", undefined],
    ["W/", undefined],
    [null, undefined],
    [undefined, undefined],
    ["a b", undefined],
    ['"a b"', undefined],
    ['a"b', undefined],
    ['"a', undefined],
    ['a"', undefined],
    ['"a", "b"', undefined],
    ["a\r\nSet-Cookie: b", undefined],
  ])("takes %j for %j", (value, etag) => {
    expect(normalizeEntityTag(value)).toBe(etag);
  });
});
