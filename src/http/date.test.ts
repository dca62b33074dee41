import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatHTTPDate, parseHTTPDate } from "./date.ts";

const now = new Date("2026-06-15T00:00:00Z");

describe("parseHTTPDate", () => {
  it.each([
    ["IMF-fixdate", "Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37.000Z"],
    ["RFC 850", "Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37.000Z"],
    ["asctime", "Sun Nov  6 08:49:37 1994", "1994-11-06T08:49:37.000Z"],
    ["asctime with two digits", "Wed Nov 16 08:49:37 1994", "1994-11-16T08:49:37.000Z"],
    ["a leap day", "Thu, 29 Feb 2024 00:00:00 GMT", "2024-02-29T00:00:00.000Z"],
    ["a leap second", "Sat, 31 Dec 2016 23:59:60 GMT", "2017-01-01T00:00:00.000Z"],
    ["the first year", "Mon, 01 Jan 0001 00:00:00 GMT", "0001-01-01T00:00:00.000Z"],
    ["a year below 100", "Sat, 01 Jan 0050 00:00:00 GMT", "0050-01-01T00:00:00.000Z"],
    ["the last year", "Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59.000Z"],
  ])("reads %s", (_, value, iso) => {
    expect(parseHTTPDate(value, now)?.toISOString()).toBe(iso);
  });

  it.each([
    ["past century", "Tuesday, 16-Jun-77 00:00:00 GMT", 1977],
    ["just over 50 years ahead", "Tuesday, 15-Jun-76 00:00:01 GMT", 1976],
    ["exactly 50 years ahead", "Monday, 15-Jun-76 00:00:00 GMT", 2076],
    ["this century", "Saturday, 01-Jan-00 00:00:00 GMT", 2000],
    ["near future", "Friday, 01-Jan-27 00:00:00 GMT", 2027],
  ])("takes the two-digit year of the %s", (_, value, year) => {
    expect(parseHTTPDate(value, now)?.getUTCFullYear()).toBe(year);
  });

  it.each([
    "",
    "0",
    "-1",
    "2014",
    "Wed, 25 Jun 2014 17:12:18",
    "Wed, 25 Jun 2014 17:12:18 UTC",
    "Wed, 25 Jun 2014 17:12:18 +00",
    "Wed, 25 Jun 2014 17:12:18 gmt",
    "wed, 25 Jun 2014 17:12:18 GMT",
    "Wed, 25 JUN 2014 17:12:18 GMT",
    "Xyz, 25 Jun 2014 17:12:18 GMT",
    "Wed, 25 Xyz 2014 17:12:18 GMT",
    "Wed, 00 Jun 2014 17:12:18 GMT",
    "Mon, 31 Jun 2014 17:12:18 GMT",
    "Sun, 29 Feb 2015 17:12:18 GMT",
    "Wed, 25 Jun 2014 24:00:00 GMT",
    "Wed, 25 Jun 2014 17:60:18 GMT",
    "Wed, 25 Jun 2014 17:12:61 GMT",
    "Wed, 25 Jun 2014 17-12-18 GMT",
    "Wed, 25 Jun  201 17:12:18 GMT",
    "Wed, 2٥ Jun 2014 17:12:18 GMT",
    "Wed, 25-Jun-2014 17:12:18 GMT",
    "Wed 25 Jun 2014 17:12:18 GMT ",
    " Wed, 25 Jun 2014 17:12:18 GMT",
    "Wednesday, 25 Jun 14 17:12:18 GMT",
    "Wednesdai, 25-Jun-14 17:12:18 GMT",
    "Wed Jun  5 17:12:18 2O14",
    "Wed Jun 25 17:12:18 14 ",
    "2014-06-25T17:12:18Z",
    "Wed, 25 Jun 2014 17:12:18 GMT, Wed, 25 Jun 2014 17:12:18 GMT",
  ])("refuses %j", (value) => {
    expect(parseHTTPDate(value, now)).toBeUndefined();
  });

  it("reads back every date that it can send, in whole seconds", () => {
    const sendable = { min: new Date("0001-01-01T00:00:00Z"), max: new Date("9999-12-31T23:59:59Z") };
    fc.assert(
      fc.property(fc.date({ ...sendable, noInvalidDate: true }), (date) => {
        const seconds = Math.floor(date.getTime() / 1000) * 1000;
        expect(parseHTTPDate(formatHTTPDate(date))?.getTime()).toBe(seconds);
      }),
    );
  });

  it("never throws", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 20, maxLength: 36, unit: fc.nat(0xff).map((code) => String.fromCharCode(code)) }),
        (value) => {
          expect(() => parseHTTPDate(value)).not.toThrow();
        },
      ),
    );
  });
});
