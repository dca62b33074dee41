import { expect, it } from "vitest";
import { ImproperlyConfiguredError, UpstreamError } from "../../errors.ts";
import { endingBy, lasting, signedUntil, urlValidity } from "./url-validity.ts";

const hour = 3_600_000;

it.each([
  [0, 0],
  [hour / 2 - 1, 0],
  [hour / 2, hour / 2],
  [hour, hour],
])("URLs that are signed %i ms into a day begin at %i", (now, from) => {
  expect(urlValidity(3600, now)).toEqual({ from: new Date(from), until: new Date(from + hour) });
});

it.each([2, 3, 60, 601.5, 604_800])("URLs that are to work for %i seconds do so for half of them at least", (life) => {
  for (let now = 1_700_000_000_000; now < 1_700_000_060_000; now += 777) {
    const left = Number(urlValidity(life, now).until) - now;
    expect(left).toBeGreaterThan((life / 2 - 1) * 1000);
    expect(left).toBeLessThanOrEqual(life * 1000);
  }
});

it.each([0, 1, -1, Number.NaN, Infinity])("refuses a life of %d seconds", (life) => {
  expect(() => urlValidity(life)).toThrow(ImproperlyConfiguredError);
});

const hours = (from: number, until: number) => ({ from: new Date(from * hour), until: new Date(until * hour) });

it.each([
  ["nothing is known of them", undefined, 4],
  ["they end later", new Date(9 * hour), 4],
  ["they end before", new Date(2 * hour + 999), 2],
])("A URL ends with the credentials that sign it: where %s", (_, end, until) => {
  expect(endingBy(hours(0, 4), end, hour)).toEqual(hours(0, until));
});

it("Credentials that have ended sign no URL", () => {
  expect(() => endingBy(hours(0, 4), new Date(hour), hour)).toThrow(UpstreamError);
});

it("A signature of a store lasts for a week at most", () => {
  const now = 200 * hour;
  expect(lasting(hours(0, 999), undefined, now)).toEqual(hours(168, 336));
  expect(lasting(hours(0, 999), 12 * 3600, now)).toEqual(hours(198, 210));
  expect(lasting(hours(199, 204), undefined, now)).toEqual(hours(199, 204));
});

it.each([
  ["?X-Amz-Date=20261125T120000Z&X-Amz-Expires=60&X-Amz-Signature=x", "2026-11-25T12:01:00.000Z"],
  ["?X-Goog-Date=20261125T120000Z&X-Goog-Expires=3600&X-Goog-Signature=x", "2026-11-25T13:00:00.000Z"],
  ["?se=2026-11-25T12%3A01%3A00Z&sig=x", "2026-11-25T12:01:00.000Z"],
  ["?Expires=1795608060&Signature=x&Key-Pair-Id=K", "2026-11-25T12:01:00.000Z"],
  ["?X-Amz-Date=20261125T120000Z&X-Amz-Expires=many", undefined],
  ["?X-Amz-Expires=60", undefined],
  ["?Expires=60", undefined],
  ["?se=tomorrow&sig=x", undefined],
  ["", undefined],
])("A URL with the query %j ends at %s", (query, end) => {
  expect(signedUntil(`https://store.example/key${query}`)?.toISOString()).toBe(end);
});
