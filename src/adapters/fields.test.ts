import { describe, expect, it } from "vitest";
import { fieldsOfFile, mergedNames, mergedWhole, mergeFields, presentIn, presentOn } from "./fields.ts";

const ours: Readonly<Record<string, string>> = {
  "Content-Type": "text/html",
  "Content-Disposition": "inline",
  "Content-Length": "5",
  ETag: '"v1"',
  "Accept-Ranges": "bytes",
  "Cache-Control": "private, no-cache, no-transform",
  "Content-Security-Policy": "sandbox",
  "X-Content-Type-Options": "nosniff",
};

interface Question {
  readonly status?: number;
  readonly own?: Readonly<Record<string, string>>;
  readonly chosen?: boolean;
  readonly compresses?: boolean;
}

/** What is sent in the end under one name, of what middleware has set under it before. */
function sent(name: string, present: string, { status = 200, own = ours, chosen, compresses }: Question = {}): unknown {
  const yields = chosen ? [] : ["Cache-Control"];
  const headers = new Headers({ [name]: present });
  const rendered = { status, headers: Object.entries(own).flat(), yields };
  const merged = mergeFields(rendered, presentIn(headers), { compresses: compresses ?? false });
  return mergedWhole(merged, headers).get(name);
}

const nothing = {};

const fieldNames = [
  "Accept-Ranges Cache-Control Content-Digest Content-Disposition Content-Encoding Content-Language Content-Length",
  "Content-Location Content-MD5 Content-Range Content-Security-Policy Content-Type CDN-Cache-Control Date Digest ETag",
  "Expires Last-Modified Link Repr-Digest Set-Cookie Surrogate-Control Transfer-Encoding Vary X-Powered-By",
]
  .join(" ")
  .split(" ");

it.each([200, 206, 302, 304, 404])("only the fields of merged names are looked at by a merge (%i)", (status) => {
  const changed = fieldNames.filter((name) => sent(name, "a", { status, own: nothing }) !== "a");
  const combined = fieldNames.filter((name) => sent(name, "a", { status, own: { [name]: "b" } }) !== "b");
  const looked = [...changed, ...combined].map((name) => name.toLowerCase()).filter((name) => name !== "set-cookie");
  expect(looked.filter((name) => !mergedNames.has(name))).toEqual([]);
  expect(looked).toContain(status === 304 ? "content-language" : "etag");
});

describe("a field that middleware has set", () => {
  it.each<[name: string, present: string, question: Question, sent: string | null]>([
    // What a download needs wins.
    ["Content-Type", "application/json", {}, "text/html"],
    ["Content-Disposition", "attachment", {}, "inline"],
    ["Content-Length", "99", {}, "5"],
    ["ETag", '"page"', {}, '"v1"'],
    ["Content-Security-Policy", "default-src 'self'", {}, "sandbox"],
    // It is not about the download where that has none.
    ["Content-Length", "99", { own: nothing }, null],
    ["Content-Type", "text/html", { own: nothing, status: 302 }, null],
    ["Content-Encoding", "gzip", {}, null],
    ["Transfer-Encoding", "chunked", {}, null],
    ["Content-Range", "bytes 0-1/2", {}, null],
    ["ETag", '"page"', { own: nothing }, null],
    ["Last-Modified", "Thu, 01 Jan 2015 00:00:00 GMT", {}, null],
    ["Repr-Digest", "sha-256=:AA==:", {}, null],
    ["Content-Security-Policy", "default-src 'self'", { own: nothing }, "default-src 'self'"],
    // Our default yields, what the application chose does not.
    ["Cache-Control", "no-store", {}, "no-store"],
    ["Cache-Control", "no-store", { chosen: true }, "private, no-cache, no-transform"],
    ["Cache-Control", "public, max-age=60", {}, "public, max-age=60, no-transform"],
    ["Cache-Control", "public, no-transform", {}, "public, no-transform"],
    ["Cache-Control", "no-store", { status: 206 }, "no-store, no-transform"],
    ["Cache-Control", "no-store", { compresses: true }, "no-store, no-transform"],
    ["Cache-Control", "public", { own: { "Cache-Control": "private, max-age=9" }, status: 302 }, "private, max-age=9"],
    ["Cache-Control", "no-store", { own: { "Cache-Control": "private, max-age=9" }, status: 302 }, "no-store"],
    ["Cache-Control", "public", { own: nothing }, "public"],
    // The rest is added.
    ["Set-Cookie", "a=1", { own: { "Set-Cookie": "b=2" } }, "b=2, a=1"],
    ["Vary", "Origin", { own: { Vary: "Accept-Encoding" } }, "Origin, Accept-Encoding"],
    ["Vary", "Origin", {}, "Origin"],
    ["X-Request-Id", "7", {}, "7"],
    ["X-Own", "1", { own: { "X-Own": "2" } }, "2"],
    ["Content-Language", "de", {}, "de"],
    // An answer without the file describes none.
    ["Content-Type", "text/html", { status: 304, own: nothing }, null],
    ["Content-Language", "de", { status: 304, own: nothing }, null],
    ["Content-Encoding", "gzip", { status: 304, own: nothing }, null],
    ["Content-Language", "de", { status: 412, own: nothing }, null],
    ["ETag", '"page"', { status: 412, own: nothing }, null],
    ["Cache-Control", "public, max-age=60", { status: 416, own: nothing }, null],
    ["Cache-Control", "private, no-store", { status: 416, own: nothing }, "private, no-store"],
    ["Expires", "Thu, 01 Jan 2099 00:00:00 GMT", { status: 412, own: nothing }, null],
    ["Cache-Control", "public, max-age=60", { status: 403, own: nothing }, null],
    ["Content-Language", "de", { status: 404, own: nothing }, null],
    // A file that is sent with a status of the application's own is described, and no policy of pages lets it be stored.
    ["Content-Type", "application/json", { status: 503 }, "text/html"],
    ["Cache-Control", "public, max-age=60", { status: 503 }, "private, no-cache, no-transform"],
    ["Cache-Control", "no-store", { status: 503 }, "no-store"],
    ["Access-Control-Allow-Origin", "*", { status: 412, own: nothing }, "*"],
  ])("%s: %s, beside %o, is sent as %s", (name, present, question, expected) => {
    expect(sent(name, present, question)).toBe(expected);
    expect(sent(name.toLowerCase(), present, question)).toBe(expected);
  });

  it.each<[kind: string, value: unknown, sent: string]>([
    ["a list of lines", ["Origin", "Accept"], "Origin, Accept, Accept-Encoding"],
    ["a number", 7, "7, Accept-Encoding"],
    ["an instance of a class that is a string", new String("Origin"), "Origin, Accept-Encoding"],
    ["nothing", undefined, "Accept-Encoding"],
  ])("may be %s on Node", (_kind, value, expected) => {
    const present = presentOn(["vary"], (name) => (name.toLowerCase() === "vary" ? (value as string) : undefined));
    expect(mergeFields({ status: 200, headers: ["Vary", "Accept-Encoding"] }, present).fields.get("Vary")).toBe(
      expected,
    );
  });
});

it("an error keeps none of the fields that describe a file or let a cache store it", () => {
  const present = presentIn(new Headers({ ...ours, "X-Request-Id": "7", Vary: "Origin", Expires: "0" }));
  expect(fieldsOfFile(present).toSorted()).toEqual([
    "accept-ranges",
    "cache-control",
    "content-disposition",
    "content-length",
    "content-type",
    "etag",
    "expires",
  ]);
  expect(fieldsOfFile(presentIn(new Headers({ "Cache-Control": "no-store" })))).toEqual([]);
});
