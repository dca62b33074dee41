import { mediaTypeTable } from "./media-type-table.ts";

/**
 * Types that the table lacks, or has otherwise. A compressed file has the type of its compression, not of the file inside: that type
 * would need a Content-Encoding, which is not sent. So `.svgz` is not an image either.
 */
const compressedTypes: Readonly<Record<string, string>> = {
  gz: "application/gzip",
  tgz: "application/gzip",
  svgz: "application/gzip",
  zst: "application/zstd",
  tzst: "application/zstd",
  bz2: "application/x-bzip2",
  tbz: "application/x-bzip2",
  tbz2: "application/x-bzip2",
  xz: "application/x-xz",
  txz: "application/x-xz",
  lz: "application/x-lzip",
  lz4: "application/x-lz4",
  lzma: "application/x-lzma",
  z: "application/x-compress",
};

/**
 * Returns the media type of a file name by its extension; `application/octet-stream` if the extension is unknown.
 *
 * @example
 * ```ts
 * import { mediaType } from "downloadview/http";
 *
 * console.assert(mediaType("reports/2024.pdf") === "application/pdf");
 * console.assert(mediaType("backup.tar.gz") === "application/gzip");
 * console.assert(mediaType("README") === "application/octet-stream");
 * ```
 */
export function mediaType(name: string): string {
  const extension = extensionOf(name);
  if (extension === "") return "application/octet-stream";
  if (Object.hasOwn(compressedTypes, extension)) return compressedTypes[extension] ?? "";
  return (typesByExtension ??= readTable(mediaTypeTable)).get(extension) ?? "application/octet-stream";
}

// Read when the first name is looked up: to load the module costs nothing.
let typesByExtension: ReadonlyMap<string, string> | undefined;

function readTable(table: string): ReadonlyMap<string, string> {
  const types = new Map<string, string>();
  for (const line of table.split("\n")) {
    const slash = line.indexOf("/") + 1;
    for (const entry of line.slice(slash).split(",")) {
      const [second = "", ...extensions] = entry.split(" ");
      const type = line.slice(0, slash) + second.replace(/^-/, "vnd.");
      for (const extension of extensions) types.set(extension, type);
    }
  }
  return types;
}

/** Returns the extension in lower case without its dot. A dotfile such as `.profile` has none. */
function extensionOf(name: string): string {
  const start = Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1;
  const dot = name.lastIndexOf(".");
  return dot > start ? name.slice(dot + 1).toLowerCase() : "";
}

/**
 * The Content-Type field for a media type: text gets a charset, unless it names one or `charset` is false. Other types
 * say in their own bytes how they are encoded.
 *
 * @example
 * ```ts
 * import { contentType } from "downloadview/http";
 *
 * console.assert(contentType("text/csv") === "text/csv; charset=utf-8");
 * console.assert(contentType("image/png") === "image/png");
 * ```
 */
export function contentType(type: string, charset: string | false = "utf-8"): string {
  const needsCharset = charset !== false && /^text\//i.test(type) && !/;\s*charset\s*=/i.test(type);
  return needsCharset ? `${type}; charset=${charset}` : type;
}

/**
 * The charset that a media type names, or undefined if it names none.
 *
 * @example
 * ```ts
 * import { charsetOf } from "downloadview/http";
 *
 * console.assert(charsetOf("text/csv; charset=utf-8") === "utf-8");
 * console.assert(charsetOf("image/png") === undefined);
 * ```
 */
export function charsetOf(type: string): string | undefined {
  const [, quoted, plain] = /;[ \t]*charset=(?:"([^"\\]*)"|([^\s;"]+))/i.exec(type) ?? [];
  return quoted ?? plain;
}

const token = "[!#$%&'*+.^_`|~\\w-]+";
const quotedString = '"(?:[^"\\\\]|\\\\.)*"';
// Each whitespace has one place where it can match: no input is tried twice.
const mediaTypeSyntax = /* @__PURE__ */ new RegExp(
  `^${token}/${token}[ \\t]*(?:;[ \\t]*(?:${token}=(?:${token}|${quotedString})[ \\t]*)?)*$`,
);

/** Tells whether `value` is a media type, with or without parameters (RFC 9110 §8.3.1). */
export function isMediaType(value: string): boolean {
  return mediaTypeSyntax.test(value) && isPrintable(value);
}

function isPrintable(value: string): boolean {
  return /^[\t -~]*$/.test(value);
}

/** More types that a browser renders as a document of the application's origin, with its scripts. */
const activeTypes: ReadonlySet<string> = new Set([
  "text/html",
  "text/xsl",
  "text/x-component",
  "application/hta",
  "application/http-index-format",
  "application/x-mimearchive",
  "application/x-shockwave-flash",
  "application/xml-dtd",
  "application/xml-external-parsed-entity",
  "text/xml-external-parsed-entity",
  "message/rfc822",
]);

/** Types that a browser ignores in order to guess one from the bytes (WHATWG MIME Sniffing §7). */
const sniffedTypes: ReadonlySet<string> = new Set(["unknown/unknown", "application/unknown", "*/*"]);

/**
 * Tells whether a browser that shows this content inline may run its scripts as a page of the application's origin: HTML, any
 * XML (SVG, XHTML, MathML, XSLT and feeds may all hold scripts), MHTML, `multipart/*` (parts of
 * `multipart/x-mixed-replace` are shown as pages), and any type that it has to guess.
 *
 * Not active: PDF, whose scripts run inside a viewer without the application's origin, and which a sandbox would break;
 * JavaScript and CSS, which are shown as text when they are navigated to (a disposition does not
 * prevent that another page includes them by `<script>`); and images, audio, video, fonts and plain text, which browsers
 * do not sniff if `X-Content-Type-Options: nosniff` is sent.
 */
export function isActiveContent(type: string): boolean {
  if (!isMediaType(type.trim())) return true;
  const essence = type.split(";", 1).join("").trim().toLowerCase();
  return (
    activeTypes.has(essence) ||
    sniffedTypes.has(essence) ||
    essence.startsWith("multipart/") ||
    essence.endsWith("/xml") ||
    essence.endsWith("+xml")
  );
}
