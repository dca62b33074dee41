import { describe, expect, it } from "vitest";
import { evaluatePreconditions, ifRangeHolds, modificationTime, modifiedSince } from "./decide.ts";
import type { PreconditionOutcome, RequestHead, Validators } from "./decide.ts";

const before = "Wed, 25 Jun 2014 17:12:17 GMT";
const date = "Wed, 25 Jun 2014 17:12:18 GMT";
const after = "Wed, 25 Jun 2014 17:12:19 GMT";
const validators: Validators = { etag: '"A"', lastModified: new Date("2014-06-25T17:12:18.999Z") };

function request(fields: Record<string, string>, method = "GET"): RequestHead {
  return { method, headers: new Headers(fields) };
}

describe("evaluatePreconditions", () => {
  it.each<[PreconditionOutcome, Record<string, string>]>([
    ["proceed", {}],
    ["proceed", { "If-Match": '"A"' }],
    ["proceed", { "If-Match": '"B", "A"' }],
    ["preconditionFailed", { "If-Match": '"B"' }],
    ["preconditionFailed", { "If-Match": "" }],
    ["preconditionFailed", { "If-Match": "A" }],
    ["proceed", { "If-Unmodified-Since": date }],
    ["proceed", { "If-Unmodified-Since": after }],
    ["preconditionFailed", { "If-Unmodified-Since": before }],
    ["notModified", { "If-None-Match": 'W/"A"' }],
    ["proceed", { "If-None-Match": '"B"' }],
    ["proceed", { "If-None-Match": "" }],
    ["proceed", { "If-Modified-Since": before }],
    ["notModified", { "If-Modified-Since": date }],
    // If-Match stands in for If-Unmodified-Since, whichever way it goes.
    ["proceed", { "If-Match": '"A"', "If-Unmodified-Since": before }],
    ["preconditionFailed", { "If-Match": '"B"', "If-Unmodified-Since": after }],
    // If-None-Match stands in for If-Modified-Since, also when it is malformed.
    ["proceed", { "If-None-Match": '"B"', "If-Modified-Since": after }],
    ["proceed", { "If-None-Match": "A", "If-Modified-Since": after }],
    ["notModified", { "If-None-Match": '"A"', "If-Modified-Since": before }],
    // Both kinds count.
    ["notModified", { "If-Match": '"A"', "If-None-Match": '"A"' }],
    ["preconditionFailed", { "If-Match": '"B"', "If-None-Match": '"A"' }],
    ["preconditionFailed", { "If-Unmodified-Since": before, "If-Modified-Since": after }],
    ["notModified", { "If-Unmodified-Since": after, "If-Modified-Since": after }],
  ])("%s on %j", (outcome, fields) => {
    expect(evaluatePreconditions(request(fields), validators)).toBe(outcome);
    expect(evaluatePreconditions(request(fields, "HEAD"), validators)).toBe(outcome);
  });

  it("answers 412 where another method would be 304, and ignores If-Modified-Since", () => {
    const matched = request({ "If-None-Match": '"A"' }, "DELETE");
    const old = request({ "If-Modified-Since": after }, "DELETE");
    expect(evaluatePreconditions(matched, validators)).toBe("preconditionFailed");
    expect(evaluatePreconditions(old, validators)).toBe("proceed");
  });

  it("takes * for any representation, with or without an entity tag", () => {
    expect(evaluatePreconditions(request({ "If-Match": "*" }), {})).toBe("proceed");
    expect(evaluatePreconditions(request({ "If-None-Match": "*" }), {})).toBe("notModified");
  });

  it("ignores dates where there is none to compare them with", () => {
    const fields = { "If-Unmodified-Since": before, "If-Modified-Since": after };
    for (const lastModified of [undefined, new Date(0), new Date(Number.NaN)]) {
      expect(evaluatePreconditions(request(fields), { lastModified })).toBe("proceed");
    }
  });

  it("lets what is known of If-Modified-Since replace the dates", () => {
    const fresh = request({ "If-Modified-Since": after });
    const stale = request({ "If-Modified-Since": before });
    expect(evaluatePreconditions(fresh, validators, { modified: true })).toBe("proceed");
    expect(evaluatePreconditions(stale, validators, { modified: false })).toBe("notModified");
    expect(evaluatePreconditions(stale, {}, { modified: false })).toBe("notModified");
  });

  it.each<[string, RequestHead]>([
    ["there is no If-Modified-Since", request({})],
    ["its date is malformed", request({ "If-Modified-Since": "yesterday" })],
    ["If-None-Match is there", request({ "If-Modified-Since": date, "If-None-Match": '"B"' })],
    ["the method is another", request({ "If-Modified-Since": date }, "POST")],
  ])("ignores what is known when %s", (_, head) => {
    expect(modifiedSince(head)).toBeUndefined();
    expect(evaluatePreconditions(head, validators, { modified: false })).toBe("proceed");
  });
});

describe("modifiedSince", () => {
  it("is the date to ask a hook with", () => {
    expect(modifiedSince(request({ "If-Modified-Since": date }))?.toUTCString()).toBe(date);
    expect(modifiedSince(request({ "If-Modified-Since": date }, "HEAD"))?.toUTCString()).toBe(date);
  });
});

describe("ifRangeHolds", () => {
  it.each([
    [true, '"A"'],
    [true, date],
    [true, "Wednesday, 25-Jun-14 17:12:18 GMT"],
    [false, 'W/"A"'],
    [false, '"B"'],
    [false, '"A", "B"'],
    [false, "*"],
    [false, ""],
    [false, before],
    [false, after],
  ])("%s for %j", (holds, ifRange) => {
    expect(ifRangeHolds(request({ "If-Range": ifRange }), validators)).toBe(holds);
  });

  it.each([
    [false, 0],
    [false, 999],
    [false, 1019],
    [true, 1020],
  ])("%s for the date of a file, %i ms after its second began", (holds, age) => {
    const now = new Date(Date.parse(date) + age);
    expect(ifRangeHolds(request({ "If-Range": date }), validators, now)).toBe(holds);
    expect(ifRangeHolds(request({ "If-Range": '"A"' }), validators, now)).toBe(true);
  });

  it("holds without If-Range", () => {
    expect(ifRangeHolds(request({}), {})).toBe(true);
  });

  it("doesn't hold for a weak entity tag or for an unknown date", () => {
    expect(ifRangeHolds(request({ "If-Range": 'W/"A"' }), { etag: 'W/"A"' })).toBe(false);
    expect(ifRangeHolds(request({ "If-Range": "Thu, 01 Jan 1970 00:00:00 GMT" }), { lastModified: new Date(0) })).toBe(
      false,
    );
  });
});

describe("modificationTime", () => {
  it("is in whole seconds, rounded down also before 1970", () => {
    expect(modificationTime(validators)).toBe(1_403_716_338);
    expect(modificationTime({ lastModified: new Date(-1) })).toBe(-1);
  });

  it.each([new Date(8.64e15), new Date(-8.64e15), new Date(Number.NaN)])("is unknown for %s", (lastModified) => {
    expect(modificationTime({ lastModified })).toBeUndefined();
  });

  it("is unknown at the epoch", () => {
    expect(modificationTime({ lastModified: new Date(999) })).toBeUndefined();
  });
});
