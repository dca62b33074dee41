import fc from "fast-check";
import mime from "mime";
import otherTypes from "mime/types/other.js";
import standardTypes from "mime/types/standard.js";
import { describe, expect, it } from "vitest";
import { mediaTypeTable } from "./media-type-table.ts";
import { mediaTypeTable as commonTypes } from "./media-type-table.worker.ts";
import { contentType, isActiveContent, isMediaType, mediaType } from "./media-type.ts";

describe("mediaType", () => {
  it.each([
    ["a.txt", "text/plain"],
    ["A.JPG", "image/jpeg"],
    ["a/b/c.html", "text/html"],
    ["a\\b\\c.svg", "image/svg+xml"],
    ["app.js", "text/javascript"],
    ["a.tar.gz", "application/gzip"],
    ["a.tgz", "application/gzip"],
    ["a.svgz", "application/gzip"],
    ["a.json.zst", "application/zstd"],
    ["a.tar.bz2", "application/x-bzip2"],
    ["a.tar.xz", "application/x-xz"],
    ["a.js.br", "application/octet-stream"],
    ["README", "application/octet-stream"],
    ["gz", "application/octet-stream"],
    [".html", "application/octet-stream"],
    ["a.html/README", "application/octet-stream"],
    ["a.", "application/octet-stream"],
    ["a.unheard-of", "application/octet-stream"],
    ["a.constructor", "application/octet-stream"],
    ["a.__proto__", "application/octet-stream"],
    ["", "application/octet-stream"],
  ])("of %j is %s", (name, type) => {
    expect(mediaType(name)).toBe(type);
  });

  it.each([
    ["a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"],
    ["a.xls", "application/vnd.ms-excel"],
    ["a.7z", "application/x-7z-compressed"],
    ["a.mjs", "text/javascript"],
    ["a.wasm", "application/wasm"],
    ["a.ico", "image/vnd.microsoft.icon"],
    ["a.mkv", "video/x-matroska"],
    ["a.epub", "application/epub+zip"],
  ])("of %j is %s, as the registry has it", (name, type) => {
    expect(mediaType(name)).toBe(type);
  });

  it("is that of the mime package for each of its extensions, but for compressed files", () => {
    const lists: (readonly string[])[] = [standardTypes, otherTypes].flatMap((types: object) => Object.values(types));
    const extensions = lists.flat().map((extension) => extension.replace(/^\*/, ""));
    const differs = extensions.filter((extension) => mediaType(`a.${extension}`) !== mime.getType(extension));
    expect(extensions.length).toBeGreaterThan(1000);
    expect(new Set(differs)).toEqual(new Set(["svgz"]));
  });

  it("is a media type, whatever the name", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)) }), (name) =>
        isMediaType(mediaType(`x.${name}`)),
      ),
    );
  });
});

describe("contentType", () => {
  it.each([
    ["text/plain", undefined, "text/plain; charset=utf-8"],
    ["TEXT/HTML", undefined, "TEXT/HTML; charset=utf-8"],
    ["text/plain", "iso-8859-1", "text/plain; charset=iso-8859-1"],
    ["text/plain", false, "text/plain"],
    ["text/plain; Charset=utf-16", undefined, "text/plain; Charset=utf-16"],
    ["text/plain;format=flowed", undefined, "text/plain;format=flowed; charset=utf-8"],
    ["application/json", undefined, "application/json"],
    ["image/svg+xml", "utf-8", "image/svg+xml"],
  ] as const)("of %s with charset %s is %s", (type, charset, field) => {
    expect(contentType(type, charset)).toBe(field);
  });
});

describe("isMediaType", () => {
  it.each(["text/plain", "a/b", "image/svg+xml", "text/plain;charset=utf-8", 'a/b ; c="d;\\"e" ;; f=g ;', "*/*"])(
    "takes %s",
    (value) => {
      expect(isMediaType(value)).toBe(true);
    },
  );

  it.each([
    "",
    "text",
    "text/",
    "/plain",
    "text/plain, text/html",
    "text/plain html",
    " text/plain",
    "text/plain; charset",
    "text/plain; charset = utf-8",
    'text/plain; a="b',
    "text/plain\r\nX: y",
    'text/plain; a="\r\n"',
    "text/plain\n",
    "text/plaïn",
  ])("refuses %j", (value) => {
    expect(isMediaType(value)).toBe(false);
  });

  it.each([
    ["whitespace", `a/b;${" ".repeat(100_000)}!!`],
    ["empty parameters", `a/b${"; ".repeat(50_000)}!!`],
    ["an unclosed quote", `a/b; c="${"\\a".repeat(50_000)}`],
    ["a long token", "a".repeat(100_000)],
  ])("takes time in proportion to the length of %s", (_, value) => {
    const start = performance.now();
    expect(isMediaType(value)).toBe(false);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe("isActiveContent", () => {
  it.each([
    "text/html",
    "TEXT/HTML; charset=utf-8",
    " text/html",
    "application/xhtml+xml",
    "image/svg+xml",
    "text/xml",
    "application/xml",
    "application/xslt+xml",
    "application/mathml+xml",
    "application/rss+xml",
    "application/vnd.example+xml;a=b",
    "text/xsl",
    "text/x-component",
    "multipart/x-mixed-replace; boundary=b",
    "multipart/related",
    "message/rfc822",
    "application/unknown",
    "*/*",
    "",
    "html",
    "text/plain, text/html",
    "text/html garbage",
  ])("%j may run", (type) => {
    expect(isActiveContent(type)).toBe(true);
  });

  it.each([
    "text/plain",
    "text/plain; charset=utf-8",
    "text/csv",
    "text/css",
    "text/javascript",
    "application/json",
    "application/pdf",
    "application/octet-stream",
    "application/zip",
    "image/png",
    "video/mp4",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  ])("%j may not", (type) => {
    expect(isActiveContent(type)).toBe(false);
  });
});

describe("the table for Workers", () => {
  const lines = (table: string): string[][] =>
    table.split("\n").map((line) => line.slice(line.indexOf("/") + 1).split(/[ ,]/));

  it("has nothing that the whole table lacks", () => {
    const known = new Set(lines(mediaTypeTable).flat());
    expect(
      lines(commonTypes)
        .flat()
        .filter((word) => !known.has(word)),
    ).toEqual([]);
  });

  it.each(["pdf", "docx", "xlsx", "pptx", "csv", "zip", "mp4", "webm", "png", "svg", "html", "epub", "woff2", "wasm"])(
    "knows .%s",
    (extension) => expect(lines(commonTypes).flat()).toContain(extension),
  );
});
