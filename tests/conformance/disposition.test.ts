import { describe, expect, it } from "vitest";
import { basename, contentDisposition, parseContentDisposition } from "../../src/http/content-disposition.ts";
import type { DispositionType } from "../../src/http/content-disposition.ts";
import { readCases } from "./cases.ts";

interface GenerateCase {
  readonly filename: string;
  readonly expect: {
    readonly basenameAfterStrippingPaths: string;
    readonly recommendedDecodedName: string;
    readonly recommendedExtValue: string | null;
    readonly needsExt: boolean;
  };
}

const { generate, parseLenient, tc2231 } = readCases<{
  generate: readonly GenerateCase[];
  parseLenient: readonly { header: string; type: string; parameters: Record<string, string> }[];
  tc2231: {
    readonly cases: readonly { id: string; header: string; type: string; chromium: string }[];
  };
}>("disposition.json");

const types: readonly DispositionType[] = ["attachment", "inline"];
const generated = generate.flatMap((example) => types.map((type) => ({ type, ...example })));

/** The case says that ASCII needs no `filename*`, and its note that Chromium decodes this one: the note counts. */
const encodedWord = "=?UTF-8?Q?x?=.txt";

describe("Content-Disposition, as other projects generate it", () => {
  it.each(generated)("$type of $filename is read as the name", ({ type, filename, expect: expected }) => {
    const parsed = parseContentDisposition(contentDisposition(type, filename));
    expect(parsed.type).toBe(type);
    expect(parsed.filename ?? "").toBe(expected.recommendedDecodedName);
  });

  it.each(generated)("$type of $filename has filename* only where needed", ({ type, filename, expect: expected }) => {
    const parameters = Object.keys(parseContentDisposition(contentDisposition(type, filename)).parameters);
    const needed = expected.needsExt || filename === encodedWord;
    expect(parameters).toEqual(filename === "" ? [] : ["filename", ...(needed ? ["filename*"] : [])]);
  });

  it.each(generated.filter(({ expect: { needsExt } }) => needsExt))(
    "$type of $filename is encoded as recommended",
    ({ type, filename, expect: expected }) => {
      const { parameters } = parseContentDisposition(contentDisposition(type, filename));
      expect(parameters["filename*"]).toBe(expected.recommendedExtValue);
    },
  );

  it.each(generated)("$type of $filename is printable ASCII with one quoted string", ({ type, filename }) => {
    const header = contentDisposition(type, filename);
    expect(header).toMatch(/^[ -~]*$/);
    expect(header).toMatch(
      /^(?:attachment|inline)(?:; filename="[^"\\]+"(?:; filename\*=UTF-8''[\w!#$&+.^`|~%-]+)?)?$/,
    );
  });

  it.each(generated)("$type of $filename falls back to a name with stem and extension", ({ type, filename }) => {
    const fallback = /filename="([^"]*)"/.exec(contentDisposition(type, filename))?.[1] ?? "";
    const [, stem = "", extension = ""] = /^(.*?)(\.[^.]+)?$/.exec(filename) ?? [];
    expect(fallback.startsWith(".")).toBe(stem === "" && extension !== "");
    expect(fallback.endsWith(extension.replaceAll(/[\\/]$/g, ""))).toBe(true);
  });

  it.each(generate)("the last segment of $filename is its basename", ({ filename, expect: expected }) => {
    expect(basename(filename)).toBe(expected.basenameAfterStrippingPaths);
  });
});

/** Where Chrome differs from RFC 6266, or from the lenient parser's cases above. What we read is given. */
const notChrome: Readonly<Record<string, { type?: string; filename: string }>> = {
  // Chrome decodes percent signs in a plain filename, against RFC 6266 §4.3.
  attwithfnrawpctenca: { filename: "foo-%41.html" },
  attwithfnrawpctenclong: { filename: "foo-%c3%a4-%e2%82%ac.html" },
  // Chrome takes a parameter for the missing type, and stops at a parameter without a value.
  attmissingdisposition: { type: "filename=foo.html", filename: "" },
  attandinline: { filename: "foo.html" },
  attandinline2: { filename: "foo.html" },
  // A quoted string that isn't closed is malformed.
  attbrokenquotedfn2: { filename: "" },
  // A type that isn't known is handled like an attachment (RFC 6266 §4.2), but not called one.
  dispext: { type: "foobar", filename: "" },
};

describe("Content-Disposition, as clients read it", () => {
  it.each(parseLenient)("reads $header", ({ header, type, parameters }) => {
    const parsed = parseContentDisposition(header);
    expect(parsed.type).toBe(type);
    expect(parsed.parameters).toEqual(parameters);
    expect(parsed.filename).toBe(parameters["filename"]);
  });

  it.each(tc2231.cases)("reads tc2231 $id like Chrome", ({ id, header, type, chromium }) => {
    const parsed = parseContentDisposition(header);
    const [saved] = chromium.split(" -> ", 1);
    expect(parsed.type).toBe(notChrome[id]?.type ?? type);
    expect((parsed.filename ?? "").normalize()).toBe(notChrome[id]?.filename ?? saved);
  });
});
