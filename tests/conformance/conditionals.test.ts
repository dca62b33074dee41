import { describe, expect, it } from "vitest";
import { parseHTTPDate } from "../../src/http/date.ts";
import { decide, modificationTime } from "../../src/http/decide.ts";
import { scanEntityTag } from "../../src/http/etag.ts";
import { HeaderFields } from "../../src/http/header-fields.ts";
import { responseHead } from "../../src/http/head.ts";
import { contentRange } from "../../src/http/range.ts";
import type { Decision, Representation } from "../../src/http/decide.ts";
import { readCases, requestOf } from "./cases.ts";

interface ConditionalCase {
  readonly id: string;
  readonly method: string;
  readonly representation: {
    readonly size: number;
    readonly etag?: string;
    readonly lastModified?: string;
    readonly mtimeNanos?: number;
    readonly mtimeEpochSeconds?: number;
    readonly wouldBeStatus?: number;
  };
  readonly request: Readonly<Record<string, string>>;
  readonly expect: { readonly status: number; readonly contentRange: string | null };
}

const { cases, etagTokenizer, headers304, headers206 } = readCases<{
  cases: readonly ConditionalCase[];
  headers304: {
    mustSendIf200Would: readonly string[];
    mustNotSend: readonly string[];
    shouldNotSend: readonly string[];
  };
  headers206: { mustSendIf200Would: readonly string[] };
  etagTokenizer: { readonly cases: readonly { in_: string; etag: string; rest: string }[] };
}>("conditionals.json");

/** Preconditions count only for what would be a 200: the others never come to be decided. */
const decided = cases.filter(({ representation }) => representation.wouldBeStatus === undefined);

const statusOf: Readonly<Record<Decision["kind"], number>> = {
  full: 200,
  partial: 206,
  multipart: 206,
  notModified: 304,
  preconditionFailed: 412,
  rangeNotSatisfiable: 416,
};

function representationOf({ representation }: ConditionalCase): Representation {
  const { size, etag, lastModified, mtimeNanos = 0, mtimeEpochSeconds } = representation;
  const time = mtimeEpochSeconds ?? (lastModified && parseHTTPDate(lastModified)?.getTime());
  return {
    size,
    etag,
    lastModified: typeof time === "number" ? new Date(time + mtimeNanos) : undefined,
  };
}

function outcome(decision: Decision, size: number): ConditionalCase["expect"] {
  const range = decision.kind === "partial" ? contentRange(decision.range, size) : null;
  return { status: statusOf[decision.kind], contentRange: range };
}

describe("conditional requests, as other servers test them", () => {
  it.each(decided)("answers $id", (example) => {
    const decision = decide(requestOf(example.method, example.request), representationOf(example));
    expect(outcome(decision, example.representation.size)).toEqual(example.expect);
  });

  it.each(decided.filter(({ method }) => method === "GET"))("answers $id on HEAD, but for its range", (example) => {
    const decision = decide(requestOf("HEAD", example.request), representationOf(example));
    const status = example.expect.status === 206 ? 200 : example.expect.status;
    expect(outcome(decision, example.representation.size)).toEqual({
      status,
      contentRange: null,
    });
  });

  it("takes the epoch for no date", () => {
    const atEpoch = cases.filter(({ representation }) => representation.mtimeEpochSeconds === 0);
    expect(atEpoch.map((example) => modificationTime(representationOf(example)))).toEqual([undefined]);
  });
});

describe("entity tags, as Go scans them", () => {
  it.each(etagTokenizer.cases)("scans $in_", ({ in_, etag, rest }) => {
    expect(scanEntityTag(in_)).toEqual({ etag, rest });
  });
});

describe("header fields, as RFC 9110 lists them", () => {
  const representation = {
    size: 8,
    etag: '"A"',
    lastModified: new Date("2014-06-25T17:12:18Z"),
    contentType: "text/plain",
    contentEncoding: "gzip",
  };
  const extra = new HeaderFields({
    "Cache-Control": "private",
    "Content-Disposition": "attachment",
    "Content-Location": "/a",
    Date: "Wed, 25 Jun 2014 17:12:18 GMT",
    Expires: "Wed, 25 Jun 2014 17:12:18 GMT",
    Vary: "Accept-Encoding",
  });
  const notModified = responseHead({ kind: "notModified" }, representation, extra).fields;
  const partial = responseHead({ kind: "partial", range: { start: 0, end: 3 } }, representation, extra).fields;

  it.each(headers304.mustSendIf200Would)("304 has %s", (name) => {
    expect(notModified.has(name)).toBe(true);
  });

  it.each([...headers304.mustNotSend, ...headers304.shouldNotSend])("304 has no %s", (rule) => {
    const [name = ""] = rule.split(" ");
    expect(partial.has(name)).toBe(true);
    expect(notModified.has(name)).toBe(false);
  });

  it("304 has Last-Modified where there is no ETag", () => {
    const untagged = { ...representation, etag: undefined };
    expect(responseHead({ kind: "notModified" }, untagged, extra).fields.has("Last-Modified")).toBe(true);
  });

  it.each(headers206.mustSendIf200Would)("206 has %s", (name) => {
    expect(partial.has(name)).toBe(true);
  });
});
