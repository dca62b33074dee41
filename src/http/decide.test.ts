import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decide } from "./decide.ts";
import type { Decision } from "./decide.ts";

function request(fields: Record<string, string>, method = "GET"): Request {
  return new Request("http://localhost/", { method, headers: fields });
}

const firstTen: Decision = { kind: "partial", range: { start: 0, end: 9 } };

describe("decide", () => {
  it.each<[Decision, Record<string, string>]>([
    [{ kind: "full" }, {}],
    [firstTen, { Range: "bytes=0-9" }],
    [firstTen, { Range: "bytes=0-9", "If-Range": '"A"' }],
    [firstTen, { Range: "bytes=0-9", "If-None-Match": '"B"' }],
    [{ kind: "full" }, { Range: "bytes=0-9", "If-Range": '"B"' }],
    [{ kind: "full" }, { Range: "bytes=200-", "If-Range": '"B"' }],
    [{ kind: "rangeNotSatisfiable" }, { Range: "bytes=200-" }],
    [{ kind: "notModified" }, { Range: "bytes=200-", "If-None-Match": '"A"' }],
    [{ kind: "preconditionFailed" }, { Range: "bytes=200-", "If-Match": '"B"' }],
    [{ kind: "preconditionFailed" }, { "If-Match": '"B"', "If-None-Match": '"A"' }],
    [
      {
        kind: "multipart",
        ranges: [
          { start: 90, end: 99 },
          { start: 0, end: 9 },
        ],
      },
      { Range: "bytes=-10,0-9" },
    ],
  ])("%j on %j", (decision, fields) => {
    expect(decide(request(fields), { size: 100, etag: '"A"' })).toEqual(decision);
  });

  it.each(["HEAD", "POST", "DELETE"])("has no ranges on %s", (method) => {
    expect(decide(request({ Range: "bytes=0-9" }, method), { size: 100 })).toEqual({ kind: "full" });
  });

  it("has no ranges of what isn't seekable or of unknown size", () => {
    expect(decide(request({ Range: "bytes=0-9" }), { size: 100, seekable: false })).toEqual({ kind: "full" });
    expect(decide(request({ Range: "bytes=0-9" }), {})).toEqual({ kind: "full" });
    expect(decide(request({ Range: "bytes=0-9" }), { size: 100, seekable: true })).toEqual(firstTen);
  });

  it("takes the answer of a hook", () => {
    const head = request({ "If-Modified-Since": "Wed, 25 Jun 2014 17:12:18 GMT" });
    expect(decide(head, { size: 100 }, { modified: false })).toEqual({ kind: "notModified" });
    expect(decide(head, { size: 100 }, { modified: true })).toEqual({ kind: "full" });
  });

  it("never throws, whatever the client sends", () => {
    const names = ["range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"];
    const text = fc.string({ unit: fc.constantFrom("bytes=", "0", "-", ",", '"', "W/", "*", " ", "\t", "ÿ") });
    const fields = fc.dictionary(fc.constantFrom(...names), text);
    fc.assert(
      fc.property(fc.constantFrom("GET", "HEAD", "POST"), fields, fc.nat(), (method, values, size) => {
        const headers = { get: (name: string) => values[name] ?? null };
        const representation = { size, etag: '"0"', lastModified: new Date(1000) };
        expect(decide({ method, headers }, representation).kind).toMatch(/^\w+$/);
      }),
    );
  });
});
