import { expect, it } from "vitest";
import { ImproperlyConfiguredError } from "../errors.ts";
import { urlValidity } from "./url-validity.ts";

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
