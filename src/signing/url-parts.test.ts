import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatUrl, parseUrl } from "./url-parts.ts";

describe("parseUrl", () => {
  it.each([
    ["/a?b=1", "", "/a", ["b=1"], ""],
    ["/a", "", "/a", [], ""],
    ["/a?", "", "/a", [], ""],
    ["/a?&b&&c=&", "", "/a", ["b", "c="], ""],
    ["/a?b?c=/d", "", "/a", ["b?c=/d"], ""],
    ["/a?b=1#c?d", "", "/a", ["b=1"], "#c?d"],
    ["https://example.com", "https://example.com", "/", [], ""],
    ["HTTPS://Example.com:8443/a?b", "HTTPS://Example.com:8443", "/a", ["b"], ""],
    ["http://example.com?b=1", "http://example.com", "/", ["b=1"], ""],
    ["//example.com/a", "", "//example.com/a", [], ""],
  ])("cuts %s into its parts", (url, origin, path, parameters, fragment) => {
    expect(parseUrl(url)).toEqual({ origin, path, parameters, fragment });
  });

  it.each(["", "a/b", "?a=1", "#a", "ftp://example.com/a", "https:///a", "https://a\\b/c", "/a\ud800", "/a?\udc00"])(
    "finds no URL in %j",
    (url) => {
      expect(parseUrl(url)).toBeUndefined();
    },
  );

  it.each([
    ["/%7Euser/%61", "/~user/a"],
    ["/caf%c3%a9", "/caf%C3%A9"],
    ["/café", "/caf%C3%A9"],
    ["/a b", "/a%20b"],
    ['/"<>^`{|}\\[]', "/%22%3C%3E%5E%60%7B%7C%7D%5C%5B%5D"],
    ["/100%", "/100%25"],
    ["/%2", "/%252"],
    ["/?q=it's", "/?q=it%27s"],
    ["/a/%2e%2E/b", "/a/../b"],
  ])("knows %s for a spelling of %s", (url, canonical) => {
    expect(formatUrl(parseUrl(url)!)).toBe(canonical);
  });

  it.each([
    ["/a%2Fb", "/a/b"],
    ["/a%25b", "/a%b%2525"],
    ["/a%2541", "/a%41"],
    ["/a%3Fb", "/a?b"],
    ["/a%2Bb", "/a+b"],
    ["/?a=1%26b=2", "/?a=1&b=2"],
    ["/?a=1+1", "/?a=1%201"],
    ["/?a", "/?a="],
    ["/?a=1&b=2", "/?b=2&a=1"],
    ["/a/", "/a"],
    ["//a", "/a"],
    ["/A", "/a"],
  ])("keeps %s and %s apart", (one, other) => {
    expect(formatUrl(parseUrl(one)!)).not.toBe(formatUrl(parseUrl(other)!));
  });
});

const path = fc.string({ unit: fc.constantFrom(...Array.from("aé日 %25/4&+'~:;?#")) }).map((text) => `/${text}`);

describe("the spelling of a URL", () => {
  it("stays as it is, once it is canonical", () => {
    fc.assert(
      fc.property(path, (url) => {
        const canonical = formatUrl(parseUrl(url)!);
        expect(formatUrl(parseUrl(canonical)!)).toBe(canonical);
      }),
    );
  });

  it("is not changed by what a browser does to a URL", () => {
    fc.assert(
      fc.property(
        path.filter((url) => !/^\/[/\\]/.test(url)),
        (url) => {
          const canonical = formatUrl(parseUrl(url)!);
          const { pathname, search } = new URL(canonical, "https://example.com");
          expect(pathname + search).toBe(canonical.replace(/#.*/, ""));
        },
      ),
    );
  });

  it("joins two paths only where they name the same segments", () => {
    const segments = (text: string): string[] => text.split("/").map(decodeLeniently);
    const short = fc.string({ unit: fc.constantFrom("a", "A", "%", "4", "1", "2", "5", "F", "/", "é"), maxLength: 7 });
    fc.assert(
      fc.property(short, short, (one, other) => {
        const same = parseUrl(`/${one}`)!.path === parseUrl(`/${other}`)!.path;
        if (same) expect(segments(one)).toEqual(segments(other));
      }),
      { numRuns: 2000 },
    );
  });
});

/** As a router does that takes a stray percent sign for itself. */
function decodeLeniently(text: string): string {
  return text
    .replace(/(?:%[0-9A-F]{2})+/gi, (found) => Buffer.from(found.replaceAll("%", ""), "hex").toString("latin1"))
    .replace(/[^\0-\x7f]/g, (character) => Buffer.from(character, "utf8").toString("latin1"));
}
