/** Whether the browser saves the file or shows it (RFC 6266 §4.2). */
export type DispositionType = "attachment" | "inline";

/**
 * Formats a Content-Disposition field (RFC 6266). The result is printable ASCII for every name. `filename` comes first,
 * for clients that know no other parameter; `filename*` (RFC 8187) follows if ASCII cannot carry the name. If no
 * character of the name can be used, the field has no filename.
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

/** The limit of most file systems for one name, in bytes of UTF-8. */
const maxNameLength = 255;
/** A longer suffix is not treated as an extension. In bytes. */
const maxExtensionLength = 32;

/**
 * Shortens a file name to 255 bytes of UTF-8 and keeps its extension. Otherwise a client cuts a name that it cannot save at
 * any place, and the operating system no longer knows how to open the file.
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
 * Replaces each `/` and `\` of a file name by `_`, because no client accepts them in a name. The text before a separator is
 * kept: it is a part of the name. For a path, whose folders must be removed, use {@link basename}.
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
 * Returns the last segment of a path. `\` separates segments as well as `/`, because it does so on a Windows client.
 * Lone surrogates, which UTF-8 cannot encode, become U+FFFD.
 *
 * @returns an empty string if there is no name, as in `/` or `..`
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
 * Removes control characters, which could end the header field, line separators, and bidirectional controls, which show
 * `annexe[RLO]txt.exe` as `annexeexe.txt`.
 */
function printable(name: string): string {
  return name.replace(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, "");
}

/**
 * Returns the nearest name in ASCII. Letters lose their accents and any other character becomes `_`, so that neither the
 * stem nor the extension is empty. A quote becomes `_` too: clients differ in how they read an escaped quote (RFC 6266
 * appendix D).
 */
function asciiFallback(name: string): string {
  return name
    .replace(/([ -~])\p{M}+|([^ -~])\p{M}*/gu, (_, ascii?: string, other = "") => ascii ?? asciiLetters(other))
    .replaceAll('"', "_");
}

/** Accepts letters and digits only: NFKD would also turn compatibility forms into `.`, `/` and `"`. */
function asciiLetters(character: string): string {
  const letters = character.normalize("NFKD").replace(/\p{M}/gu, "");
  return /^[A-Za-z0-9]+$/.test(letters) ? letters : "_";
}

/** Chromium decodes `%41` and `=?UTF-8?Q?A?=` in a plain `filename`. */
function isMisread(name: string): boolean {
  return name.includes("%") || name.includes("=?");
}

/** Encodes an `ext-value` (RFC 8187 §3.2.1), which does not allow four characters that encodeURIComponent keeps. */
function percentEncode(name: string): string {
  return encodeURIComponent(name).replace(/['()*]/g, (character) =>
    `%${character.charCodeAt(0).toString(16)}`.toUpperCase(),
  );
}

/** A parsed Content-Disposition field. */
export interface ParsedContentDisposition {
  /** In lower case. Unknown types are kept. */
  readonly type: string;
  /** `filename*` if it is readable, else `filename`. It may be a path, of which a client uses the last segment. */
  readonly filename?: string;
  /** All parameters by lower-case name. A readable `name*` also replaces the value of `name`. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * Parses a Content-Disposition field as leniently as clients do. If a parameter is repeated, the first one counts.
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

/** Yields `name=value` and `name="value"`. Skips members without `=` and stops at an unclosed quote. */
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

/** Decodes `charset'language'percent-encoded` (RFC 8187 §3.2.1). Returns undefined if `value` has another form. */
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
