import { collectBytes } from "../files/byte-reader.ts";
import { type ByteSource } from "../files/byte-source.ts";
import { parseContentDisposition, type ParsedContentDisposition } from "../http/content-disposition.ts";
import type { Mismatch } from "./download-assertion-error.ts";
import { compareByPredicate, compareBytes, type ContentPredicate } from "./compare-bytes.ts";
import { viewResponse, type ResponseView, type TestedResponse } from "./tested-response.ts";

/** The expected properties of a download. Properties that are left out are not checked; the others must be equal. */
export interface DownloadExpectations {
  /** Default: 200 or 206. */
  status?: number;
  /** The name that a client saves the file under: that of `filename*`, else of `filename`, decoded. */
  filename?: string;
  /** Whether the client is told to save the file (`true`) or may show it (`false`). */
  attachment?: boolean;
  /** `Content-Type`: the media type alone in any case, or with parameters the whole value. */
  contentType?: string;
  /** The charset of `Content-Type`, in whatever case; `false` for none. */
  charset?: string | false;
  /** `Content-Encoding`, in whatever case; `false` for none. */
  contentEncoding?: string | false;
  /** `Content-Length`, in bytes. */
  size?: number;
  /** The bytes of the body, in any form; text is UTF-8. Or a function that says whether they are right. */
  content?: ByteSource | ContentPredicate;
  /** Further header fields: the exact value, a pattern, or `false` for a field that must not be there. */
  headers?: Readonly<Record<string, string | RegExp | false>>;
}

/**
 * How `received` differs from a download with these properties. Nothing, if it is one.
 * @throws {TypeError} for an expectation that isn't known or has no value: it would check nothing
 */
export async function compareDownload(
  received: TestedResponse | PromiseLike<TestedResponse>,
  expected: DownloadExpectations,
): Promise<{ mismatches: Mismatch[]; cause?: unknown }> {
  checkNames(expected);
  const response = await viewResponse(received, expected.content !== undefined);
  const wrongStatus = compareStatus(response, expected.status);
  if (wrongStatus && expected.content !== undefined) await response.discardBody?.();
  const mismatches = wrongStatus ? [wrongStatus] : await compareAll(response, expected);
  return { mismatches, cause: response.cause };
}

function checkNames(expected: DownloadExpectations): void {
  for (const [name, value] of Object.entries(expected)) {
    if (!names.has(name)) throw new TypeError(`A download has no property ${JSON.stringify(name)} to expect`);
    if (value === undefined) throw new TypeError(`The expected ${name} is undefined: give a value, or leave it out`);
  }
}

function compareStatus({ status }: ResponseView, expected: number | undefined): Mismatch | undefined {
  if (expected === undefined ? isWhole(status) : status === expected) return undefined;
  return { property: "status", expected: expected ?? "200 or 206", actual: status };
}

function isWhole(status: number): boolean {
  return status === 200 || status === 206;
}

async function compareAll(response: ResponseView, expected: DownloadExpectations): Promise<Mismatch[]> {
  return [
    ...compareDisposition(response),
    ...compareProperties(response, expected),
    ...compareHeaders(response, expected.headers ?? {}),
    ...(expected.content === undefined ? [] : await compareContent(response, expected.content)),
  ];
}

// What makes a response a download: it says what to do with the file, and under which name.
function compareDisposition(response: ResponseView): Mismatch[] {
  const actual = response.header("Content-Disposition");
  if (actual !== undefined || !isWhole(response.status)) return [];
  return [{ property: "Content-Disposition", expected: "attachment or inline", actual }];
}

type Property = Exclude<keyof DownloadExpectations, "status" | "headers" | "content">;

/** How each property is read from a response. */
const properties: { readonly [P in Property]-?: (response: ResponseView) => string | number | boolean | undefined } = {
  filename: (response) => disposition(response)?.filename,
  // RFC 6266 §4.2: a type that a client doesn't know is to be treated as attachment.
  attachment: (response) => disposition(response) && disposition(response)?.type !== "inline",
  contentType: (response) => response.header("Content-Type"),
  charset: (response) => charsetOf(response.header("Content-Type") ?? ""),
  contentEncoding: (response) => response.header("Content-Encoding")?.toLowerCase() ?? false,
  size: (response) => lengthOf(response.header("Content-Length")),
};

const names: ReadonlySet<string> = new Set(["status", "headers", "content", ...Object.keys(properties)]);
const caseless: ReadonlySet<string> = new Set<Property>(["charset", "contentEncoding"]);

function compareProperties(response: ResponseView, expected: DownloadExpectations): Mismatch[] {
  const asked = Object.keys(properties).filter((name) => name in expected) as Property[];
  return asked
    .map((property) => ({ property, expected: expected[property], actual: actualOf(property, expected, response) }))
    .filter((found) => normalized(found.property, found.expected) !== found.actual);
}

/** A type that is expected without parameters says nothing about those of the response. */
function actualOf(property: Property, { contentType }: DownloadExpectations, response: ResponseView): unknown {
  const actual = properties[property](response);
  const isBare = property === "contentType" && contentType !== undefined && !contentType.includes(";");
  return isBare && typeof actual === "string" ? actual.split(";", 1).join("").trim().toLowerCase() : actual;
}

function normalized(property: Property, value: unknown): unknown {
  if (typeof value !== "string") return value;
  const isCaseless = caseless.has(property) || (property === "contentType" && !value.includes(";"));
  return isCaseless ? value.toLowerCase() : value;
}

function disposition(response: ResponseView): ParsedContentDisposition | undefined {
  const field = response.header("Content-Disposition");
  return field === undefined ? undefined : parseContentDisposition(field);
}

function charsetOf(contentType: string): string | false {
  const [, quoted, token] = /;\s*charset\s*=\s*(?:"([^"]*)"|([^\s;"]+))/i.exec(contentType) ?? [];
  return (quoted ?? token)?.toLowerCase() ?? false;
}

function lengthOf(field: string | undefined): number | string | undefined {
  return field !== undefined && /^\d+$/.test(field) ? Number(field) : field;
}

function compareHeaders(response: ResponseView, expected: NonNullable<DownloadExpectations["headers"]>): Mismatch[] {
  return Object.entries(expected).flatMap(([name, value]) => {
    const actual = response.header(name);
    return matchesField(actual, value) ? [] : [{ property: name, expected: value, actual }];
  });
}

function matchesField(actual: string | undefined, expected: string | RegExp | false): boolean {
  if (expected === false || actual === undefined) return expected === false && actual === undefined;
  return typeof expected === "string" ? actual === expected : actual.search(expected) !== -1;
}

async function compareContent(response: ResponseView, expected: ByteSource | ContentPredicate): Promise<Mismatch[]> {
  const actual = await response.readBody();
  const difference =
    typeof expected === "function"
      ? await compareByPredicate(actual, expected)
      : compareBytes(actual, await collectBytes(expected));
  return difference ? [{ property: "content", ...difference }] : [];
}
