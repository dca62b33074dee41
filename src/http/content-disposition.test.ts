import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  asFilename,
  basename,
  contentDisposition,
  parseContentDisposition,
  shortenFilename,
} from "./content-disposition.ts";

const codeUnits = fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)) });

describe("a name of more than 255 bytes", () => {
  const bytes = (text: string): number => new TextEncoder().encode(text).byteLength;

  it.each([
    ["a".repeat(300) + ".pdf", `${"a".repeat(251)}.pdf`],
    ["a".repeat(255), "a".repeat(255)],
    ["a".repeat(256), "a".repeat(255)],
    ["é".repeat(200) + ".tar", `${"é".repeat(125)}.tar`],
    ["😀".repeat(70) + ".txt", `${"😀".repeat(62)}.txt`],
    [`a.${"x".repeat(300)}`, `a.${"x".repeat(253)}`],
    [`.${"x".repeat(300)}`, `.${"x".repeat(254)}`],
  ])("%s is shortened before its extension", (name, expected) => {
    expect(shortenFilename(name)).toBe(expected);
    expect(bytes(shortenFilename(name))).toBeLessThanOrEqual(255);
  });
});

describe("asFilename", () => {
  it.each([
    ["Rechnung 12/2026.pdf", "Rechnung 12_2026.pdf"],
    ["a\\b/c", "a_b_c"],
    ["../x", ".._x"],
    ["plan.pdf", "plan.pdf"],
  ])("of %s is %s", (given, filename) => {
    expect(asFilename(given)).toBe(filename);
  });
});

describe("contentDisposition", () => {
  it.each([
    ["a plain name", "plan.pdf", 'filename="plan.pdf"'],
    ["spaces and punctuation", "a; b=c, (d)'s.txt", `filename="a; b=c, (d)'s.txt"`],
    ["accents", "Übergröße.txt", `filename="Ubergro_e.txt"; filename*=UTF-8''%C3%9Cbergr%C3%B6%C3%9Fe.txt`],
    ["decomposed accents", "e\u0301.txt", `filename="e.txt"; filename*=UTF-8''e%CC%81.txt`],
    ["another script", "日本.txt", `filename="__.txt"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.txt`],
    ["an emoji", "😀.txt", `filename="_.txt"; filename*=UTF-8''%F0%9F%98%80.txt`],
    ["a mark without its letter", "\u0301.txt", `filename="_.txt"; filename*=UTF-8''%CC%81.txt`],
    ["ligatures and digits", "ﬁle²№1.txt", `filename="file2No1.txt"; filename*=UTF-8''%EF%AC%81le%C2%B2%E2%84%961.txt`],
    ["a quote", 'a"b.txt', `filename="a_b.txt"; filename*=UTF-8''a%22b.txt`],
    ["a wide quote", "a＂b.txt", `filename="a_b.txt"; filename*=UTF-8''a%EF%BC%82b.txt`],
    ["a wide slash", "a／b.txt", `filename="a_b.txt"; filename*=UTF-8''a%EF%BC%8Fb.txt`],
    ["two dots in one", "‥", `filename="_"; filename*=UTF-8''%E2%80%A5`],
    ["an escape", "50%41.txt", `filename="50%41.txt"; filename*=UTF-8''50%2541.txt`],
    ["an encoded word", "=?UTF-8?Q?a?=", `filename="=?UTF-8?Q?a?="; filename*=UTF-8''%3D%3FUTF-8%3FQ%3Fa%3F%3D`],
    ["what RFC 8187 doesn't allow", "é'()*!~.txt", `filename="e'()*!~.txt"; filename*=UTF-8''%C3%A9%27%28%29%2A!~.txt`],
    ["a lone surrogate", "a\ud83d.txt", `filename="a_.txt"; filename*=UTF-8''a%EF%BF%BD.txt`],
    ["a header of its own", "a\r\nSet-Cookie: x=1\0.txt", 'filename="aSet-Cookie: x=1.txt"'],
    ["a bidi override", "annexe\u202etxt.exe", 'filename="annexetxt.exe"'],
    ["bidi isolates", "\u2066a\u2069.txt", 'filename="a.txt"'],
    ["a dotfile", ".profile", 'filename=".profile"'],
    ["a last segment of nothing visible", "a/\u202e", 'filename="a"'],
    ["folders", "../../etc/passwd", 'filename="passwd"'],
    ["a Windows path", "C:\\temp\\a.txt", 'filename="a.txt"'],
  ])("names %s", (_, name, parameters) => {
    expect(contentDisposition("attachment", name)).toBe(`attachment; ${parameters}`);
    expect(contentDisposition("inline", name)).toBe(`inline; ${parameters}`);
  });

  it.each([undefined, "", "/", "\\", ".", "..", "a/..", "\r\n", ".\0.", "\u202e/"])(
    "has no filename for %j",
    (name) => {
      expect(contentDisposition("attachment", name)).toBe("attachment");
    },
  );

  it("is printable ASCII with a fallback that ends no quoted string, whatever the name", () => {
    fc.assert(
      fc.property(codeUnits, (name) => {
        expect(contentDisposition("inline", name)).toMatch(
          /^inline(?:; filename="[ !#-[\]-~]+"(?:; filename\*=UTF-8''(?:[\w!#$&+.^`|~-]|%[\dA-F]{2})+)?)?$/,
        );
      }),
    );
  });

  it("is read as the name again", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (name) => {
        fc.pre(!/[/\\\p{Cc}\u2028-\u202e\u2066-\u2069]|^\.{1,2}$/u.test(name));
        expect(parseContentDisposition(contentDisposition("inline", name)).filename).toBe(name);
      }),
    );
  });

  it("keeps stem and extension in the fallback", () => {
    const stem = fc
      .string({ unit: "grapheme", minLength: 1 })
      .filter((text) => !/[/\\.\p{Cc}\u2028-\u202e\u2066-\u2069]/u.test(text));
    fc.assert(
      fc.property(stem, (text) => {
        const header = contentDisposition("attachment", `${text}.txt`);
        expect(/filename="([^"]*)"/.exec(header)?.[1]).toMatch(/^[^.].*\.txt$/);
      }),
    );
  });
});

describe("basename", () => {
  it.each([
    ["a/b.txt", "b.txt"],
    ["a\\b.txt", "b.txt"],
    ["a/b//", "b"],
    ["b.txt", "b.txt"],
    ["...", "..."],
    ["a/..", ""],
    ["//", ""],
    ["\ud83d", "\ufffd"],
    ["😀", "😀"],
  ])("of %j is %j", (name, last) => {
    expect(basename(name)).toBe(last);
  });
});

describe("parseContentDisposition", () => {
  it("keeps semicolons inside quotes, and drops what follows a quoted string", () => {
    expect(parseContentDisposition('attachment; a="x;y=z" junk; b=c')).toEqual({
      type: "attachment",
      parameters: { a: "x;y=z", b: "c" },
    });
  });

  it("prefers filename* wherever it stands", () => {
    const first = "attachment; filename*=UTF-8''%C3%A9; filename=e";
    const second = "attachment; filename=e; filename*=UTF-8''%C3%A9";
    expect(parseContentDisposition(first).filename).toBe("é");
    expect(parseContentDisposition(second).filename).toBe("é");
  });

  it("takes a parameter of any name for data", () => {
    const { filename, parameters } = parseContentDisposition("attachment; __proto__=x; constructor=y");
    expect(filename).toBeUndefined();
    expect(Object.entries(parameters)).toEqual([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
  });

  it("never throws", () => {
    const unit = fc.constantFrom("filename", "*", "=", ";", '"', "\\", "'", "%", "4", "UTF-8''", " ", "é", "\ud83d");
    fc.assert(
      fc.property(fc.string({ unit }), (text) => {
        expect(typeof parseContentDisposition(`inline;${text}`).type).toBe("string");
      }),
    );
  });

  it.each([
    ["whitespace", `a;${" ".repeat(100_000)}`],
    ["whitespace before an unclosed quote", `a; b=${" ".repeat(100_000)}"`],
    ["backslashes", `a; b="${"\\".repeat(100_000)}`],
    ["semicolons", `a${";".repeat(100_000)}`],
    ["unclosed quotes", `a${'; b="'.repeat(20_000)}`],
    ["percent signs", `a; b*=UTF-8''${"%".repeat(100_000)}`],
    ["apostrophes", `a; b*=UTF-8${"'".repeat(100_000)}`],
  ])("takes time in proportion to the length of %s", (_, header) => {
    const start = performance.now();
    parseContentDisposition(header);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
