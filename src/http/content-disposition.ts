/** Save the file, or show it (RFC 6266 §4.2). */
export type DispositionType = "attachment" | "inline";

/**
 * A Content-Disposition field (RFC 6266): printable ASCII whatever the name is. `filename` comes first, for clients
 * that know only that, then `filename*` (RFC 8187) where the first can't carry the name. A name of which nothing
 * remains is left out.
 *
 * @example
 * ```ts
 * import { contentDisposition } from "downloadview/http";
 *
 * console.assert(contentDisposition("inline", "a/plan.pdf") === 'inline; filename="plan.pdf"');
 * console.assert(
 *   contentDisposition("attachment", "café.txt") ===
 *     `attachment; filename="cafe.txt"; filename*=UTF-8''caf%C3%A9.txt`,
 * );
 * ```
 */
export function contentDisposition(type: DispositionType, filename = ""): string {
  const name = basename(printable(filename));
  // The value may come from JavaScript: whatever is not "inline" is saved.
  const disposition = type === "inline" ? type : "attachment";
  if (name === "") return disposition;
  const fallback = asciiFallback(name);
  const extended = fallback === name && !isMisread(name) ? "" : `; filename*=UTF-8''${percentEncode(name)}`;
  return `${disposition}; filename="${fallback}"${extended}`;
}

/** What file systems take for one name, in bytes of UTF-8. */
const maxNameLength = 255;
/** Of an extension that is worth keeping; what is longer is no extension. */
const maxExtensionLength = 32;

/**
 * A file name that fits into 255 bytes of UTF-8, shortened before its extension: a client that cannot save a name cuts it
 * anywhere, and the extension, by which the file is opened, would be lost.
 *
 * @example
 * ```ts
 * import { shortenFilename } from "downloadview/http";
 *
 * console.assert(shortenFilename(`${"a".repeat(300)}.pdf`) === `${"a".repeat(251)}.pdf`);
 * ```
 */
export function shortenFilename(name: string): string {
  if (name.length * 3 <= maxNameLength || utf8Length(name) <= maxNameLength) return name;
  const dot = name.lastIndexOf(".");
  const extension = dot > 0 && utf8Length(name.slice(dot)) <= maxExtensionLength ? name.slice(dot) : "";
  let left = maxNameLength - utf8Length(extension);
  let stem = "";
  for (const character of name.slice(0, name.length - extension.length)) {
    left -= utf8Length(character);
    if (left < 0) break;
    stem += character;
  }
  return stem + extension;
}

const encoder = new TextEncoder();

function utf8Length(text: string): number {
  return encoder.encode(text).byteLength;
}

/**
 * A file name that was given as one, with `_` for each `/` and `\`: no client takes them in a name, and what stands before
 * them belongs to it. A path has folders instead: {@link basename} cuts those.
 *
 * @example
 * ```ts
 * import { asFilename } from "downloadview/http";
 *
 * console.assert(asFilename("Rechnung 12/2026.pdf") === "Rechnung 12_2026.pdf");
 * ```
 */
export function asFilename(given: string): string {
  return given.replace(/[/\\]/g, "_");
}

/**
 * The last segment of a name, by `/` or `\`, which a Windows client takes for a separator too. Empty for a name that
 * has none (`..` is a path, no name). Lone surrogates, which UTF-8 can't carry, become U+FFFD.
 */
export function basename(name: string): string {
  let end = name.length;
  while (end > 0 && isSeparator(name.charCodeAt(end - 1))) end--;
  let start = end;
  while (start > 0 && !isSeparator(name.charCodeAt(start - 1))) start--;
  const last = name.slice(start, end);
  return last === "." || last === ".." ? "" : last.replace(/\p{Surrogate}/gu, "\ufffd");
}

function isSeparator(code: number): boolean {
  return code === 0x2f || code === 0x5c;
}

/**
 * Without controls, which could end the header field, line separators, and the bidirectional controls that show
 * `annexe[RLO]txt.exe` as `annexeexe.txt`.
 */
function printable(name: string): string {
  return name.replace(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, "");
}

/**
 * The nearest name in ASCII. Letters lose their accents, any other character becomes `_`, so that neither the stem nor
 * the extension ends up empty. So does a quote: clients differ in how they read an escaped one (RFC 6266 appendix D).
 */
function asciiFallback(name: string): string {
  return name
    .replace(/([ -~])\p{M}+|([^ -~])\p{M}*/gu, (_, ascii?: string, other = "") => ascii ?? asciiLetters(other))
    .replaceAll('"', "_");
}

/** Only letters and digits: compatibility forms exist of `.`, `/` and `"` as well, and would bring those back. */
function asciiLetters(character: string): string {
  const letters = character.normalize("NFKD").replace(/\p{M}/gu, "");
  return /^[A-Za-z0-9]+$/.test(letters) ? letters : "_";
}

/** Chromium decodes `%41` and `=?UTF-8?Q?A?=` in a plain `filename`. */
function isMisread(name: string): boolean {
  return name.includes("%") || name.includes("=?");
}

/** The `ext-value` of RFC 8187 §3.2.1: encodeURIComponent leaves four characters that it doesn't allow. */
function percentEncode(name: string): string {
  return encodeURIComponent(name).replace(/['()*]/g, (character) =>
    `%${character.charCodeAt(0).toString(16)}`.toUpperCase(),
  );
}

/** A Content-Disposition field as a client reads it. */
export interface ParsedContentDisposition {
  /** In lower case, as it was sent otherwise. */
  readonly type: string;
  /** The name that counts: `filename*` before `filename`. It may be a path: a client takes its last segment. */
  readonly filename?: string;
  /** All parameters by lower-case name. The value of a readable `name*` is also that of `name`. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * Reads a Content-Disposition field as leniently as clients do. Of two parameters of one name the first counts.
 *
 * @example
 * ```ts
 * import { parseContentDisposition } from "downloadview/http";
 *
 * const { type, filename } = parseContentDisposition("attachment; filename*=UTF-8''caf%C3%A9.txt");
 * console.assert(type === "attachment" && filename === "café.txt");
 * ```
 */
export function parseContentDisposition(header: string): ParsedContentDisposition {
  const typeEnd = indexOrEnd(header, ";", 0);
  const type = header.slice(0, typeEnd).trim().toLowerCase();
  const parameters = Object.fromEntries(parseParameters(header, typeEnd + 1));
  const filename = Object.hasOwn(parameters, "filename") ? parameters["filename"] : undefined;
  return filename === undefined ? { type, parameters } : { type, filename, parameters };
}

function parseParameters(header: string, start: number): Map<string, string> {
  const sent = new Map<string, string>();
  const decoded = new Map<string, string>();
  for (const { name, value, quoted } of scanParameters(header, start)) {
    if (sent.has(name)) continue;
    sent.set(name, value);
    const text = name.endsWith("*") && !quoted ? decodeExtendedValue(value) : undefined;
    if (text !== undefined) decoded.set(name.slice(0, -1), text);
  }
  return new Map([...sent, ...decoded]);
}

interface Parameter {
  readonly name: string;
  readonly value: string;
  readonly quoted: boolean;
}

/** Yields `name=value` and `name="value"`. What has no `=` is passed over; an unclosed quote ends it all. */
function* scanParameters(header: string, start: number): Generator<Parameter> {
  let position = start;
  while (position < header.length) {
    const end = indexOrEnd(header, ";", position);
    const [name, valueStart] = scanName(header, position, end);
    position = end + 1;
    if (name === "") continue;
    if (header[valueStart] !== '"') {
      yield { name, value: header.slice(valueStart, end).trim(), quoted: false };
      continue;
    }
    const quotedString = scanQuotedString(header, valueStart);
    if (quotedString === undefined) return;
    yield { name, value: quotedString.slice(1, -1).replace(/\\(.)/gs, "$1"), quoted: true };
    position = indexOrEnd(header, ";", valueStart + quotedString.length) + 1;
  }
}

/** The lower-case name before the `=`, empty if there is none, and where the value begins. */
function scanName(header: string, start: number, end: number): [name: string, valueStart: number] {
  const [name = "", ...value] = header.slice(start, end).split("=");
  if (value.length === 0) return ["", end];
  let valueStart = start + name.length + 1;
  while (header[valueStart] === " " || header[valueStart] === "\t") valueStart++;
  return [name.trim().toLowerCase(), valueStart];
}

/** With its quotes and backslashes, or undefined if it isn't closed. */
function scanQuotedString(header: string, start: number): string | undefined {
  const quotedString = /"(?:[^"\\]|\\.)*"/sy;
  quotedString.lastIndex = start;
  return quotedString.exec(header)?.[0];
}

function indexOrEnd(value: string, searched: string, from: number): number {
  const index = value.indexOf(searched, from);
  return index === -1 ? value.length : index;
}

/** Decodes `charset'language'percent-encoded` (RFC 8187 §3.2.1), or undefined where that isn't it. */
function decodeExtendedValue(value: string): string | undefined {
  const [charset = "", , encoded, ...more] = value.split("'");
  if (encoded === undefined) return undefined;
  return decodePercent([encoded, ...more].join("'"), charset.toLowerCase());
}

function decodePercent(encoded: string, charset: string): string | undefined {
  if (/%(?![\da-f]{2})/i.test(encoded)) return undefined;
  if (charset === "iso-8859-1") {
    return encoded.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
  return charset === "utf-8" ? decodeUtf8(encoded) : undefined;
}

function decodeUtf8(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}
