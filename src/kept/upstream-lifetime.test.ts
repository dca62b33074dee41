import { expect, test } from "vitest";
import { allowsAuthorized, knownVersion, renewedLifetime, upstreamLifetime } from "./upstream-lifetime.ts";

const now = Date.UTC(2026, 0, 1, 12);

function at(seconds: number): string {
  return new Date(now + seconds * 1000).toUTCString();
}

type Fields = Readonly<Record<string, string>>;

/** Whether a shared cache may keep an answer, how long it is fresh after its Date, and whether it may be stale after that (RFC 9111). */
const cases: readonly (readonly [
  fields: Fields,
  expected: "refused" | { readonly fresh: number | undefined; readonly stale: boolean },
])[] = [
  // §3: what must not be stored.
  [{ "cache-control": "no-store" }, "refused"],
  [{ "cache-control": "max-age=60, No-Store" }, "refused"],
  [{ "cache-control": "private" }, "refused"],
  [{ "cache-control": 'private="set-cookie", max-age=60' }, "refused"],
  [{ "cache-control": "max-age=60, private, public" }, "refused"],
  [{ "cache-control": "max-age=60", vary: "*" }, "refused"],
  [{ "cache-control": "max-age=60", vary: "Cookie" }, "refused"],
  [{ "cache-control": "max-age=60", vary: "Accept-Encoding, Accept-Language" }, "refused"],
  [
    { "cache-control": "max-age=60", vary: "accept-encoding" },
    { fresh: 60, stale: true },
  ],
  [
    { "cache-control": "max-age=60", vary: "" },
    { fresh: 60, stale: true },
  ],
  // §4.2.1: the lifetime.
  [{}, { fresh: undefined, stale: true }],
  [{ "cache-control": "max-age=60" }, { fresh: 60, stale: true }],
  [{ "cache-control": "MAX-AGE=60" }, { fresh: 60, stale: true }],
  [{ "cache-control": 'max-age="60"' }, { fresh: 60, stale: true }],
  [{ "cache-control": "public, max-age = 60" }, { fresh: 60, stale: true }],
  [{ "cache-control": "max-age=60, max-age=10" }, { fresh: 10, stale: true }],
  [{ "cache-control": "max-age=-1" }, { fresh: 0, stale: true }],
  [{ "cache-control": "max-age=1.5" }, { fresh: 0, stale: true }],
  [{ "cache-control": "max-age=" }, { fresh: 0, stale: true }],
  [{ "cache-control": "max-age=99999999999999999999" }, { fresh: 2 ** 31, stale: true }],
  [{ "cache-control": 'ext="max-age=60"' }, { fresh: undefined, stale: true }],
  [{ "cache-control": 'ext="a, no-store, b", max-age=60' }, { fresh: 60, stale: true }],
  [
    { "cache-control": "max-age=60", expires: at(-60) },
    { fresh: 60, stale: true },
  ],
  [
    { "cache-control": "max-age=0", expires: at(60) },
    { fresh: 0, stale: true },
  ],
  [{ expires: at(60) }, { fresh: 60, stale: true }],
  [
    { expires: at(60), date: at(0) },
    { fresh: 60, stale: true },
  ],
  [
    { expires: at(60), date: at(-30) },
    { fresh: 90, stale: true },
  ],
  [{ expires: at(-60) }, { fresh: 0, stale: true }],
  [{ expires: "0" }, { fresh: 0, stale: true }],
  [{ expires: "never" }, { fresh: 0, stale: true }],
  // §5.2.2.10: a shared cache.
  [{ "cache-control": "s-maxage=60, max-age=10" }, { fresh: 60, stale: false }],
  [{ "cache-control": "s-maxage=0, max-age=10" }, { fresh: 0, stale: false }],
  [{ "cache-control": "s-maxage=60, stale-while-revalidate=600" }, { fresh: 60, stale: true }],
  // §4.2.4: no stale answers.
  [{ "cache-control": "max-age=60, must-revalidate" }, { fresh: 60, stale: false }],
  [{ "cache-control": "max-age=60, proxy-revalidate" }, { fresh: 60, stale: false }],
  [{ "cache-control": "no-cache, max-age=60" }, { fresh: 0, stale: false }],
  [{ "cache-control": 'no-cache="set-cookie", max-age=60' }, { fresh: 0, stale: false }],
  [
    { pragma: "no-cache", expires: at(60) },
    { fresh: 0, stale: false },
  ],
  [
    { pragma: "no-cache", "cache-control": "max-age=60" },
    { fresh: 60, stale: true },
  ],
];

for (const [fields, expected] of cases) {
  test(`${JSON.stringify(fields)} is ${JSON.stringify(expected)}`, () => {
    const lifetime = upstreamLifetime(new Headers(fields), {}, now);
    const found = lifetime ? { fresh: lifetime.freshFor, stale: !lifetime.mustRevalidate } : "refused";
    expect(found).toEqual(expected);
  });
}

/** Whether an answer to a request with Authorization may be kept for others (§3.5). */
const authorized: readonly (readonly [cacheControl: string, allowed: boolean])[] = [
  ["", false],
  ["max-age=60", false],
  ["no-transform, max-age=60", false],
  ["proxy-revalidate, max-age=60", false],
  ['ext="public", max-age=60', false],
  ["public", true],
  ["Public, max-age=60", true],
  ["s-maxage=60", true],
  ["max-age=60, must-revalidate", true],
];

for (const [value, allowed] of authorized) {
  test(`"${value}" ${allowed ? "allows" : "does not allow"} to keep what was fetched with credentials`, () => {
    expect(allowsAuthorized(new Headers({ "cache-control": value }))).toBe(allowed);
  });
}

/** How old an answer is when it comes (§4.2.3), in seconds. */
const ages: readonly (readonly [Fields, number])[] = [
  [{}, 0],
  [{ age: "30" }, 30],
  [{ age: "30, 90" }, 30],
  [{ age: "-5" }, 0],
  [{ age: "soon" }, 0],
  [{ date: at(-40) }, 40],
  [{ date: at(40) }, 0],
  [{ date: at(-40), age: "30" }, 40],
  [{ date: at(-40), age: "50" }, 50],
  [{ date: "yesterday", age: "50" }, 50],
];

for (const [fields, age] of ages) {
  test(`An answer with ${JSON.stringify(fields)} is ${age} seconds old`, () => {
    expect(upstreamLifetime(new Headers(fields), {}, now)?.age).toBe(age);
  });
}

test("An upstream is asked by its entity tag, or by a date that is a second older than the answer", () => {
  const ask = (stat: { etag?: string; lastModified?: Date }, fields: Fields = {}): unknown =>
    knownVersion(upstreamLifetime(new Headers(fields), stat, now));
  const old = new Date(now - 60_000);
  expect(ask({ etag: '"a"', lastModified: old })).toEqual({ ifNoneMatch: '"a"' });
  expect(ask({ etag: 'W/"a"' })).toEqual({ ifNoneMatch: 'W/"a"' });
  expect(ask({ lastModified: old })).toEqual({ ifModifiedSince: old });
  expect(ask({ lastModified: old }, { date: at(-60) })).toEqual({});
  expect(ask({ lastModified: new Date(now) })).toEqual({});
  expect(ask({})).toEqual({});
  expect(knownVersion(undefined)).toEqual({});
});

test("A 304 that says nothing of freshness leaves that of the answer before, and its own age counts", () => {
  const before = { freshFor: 60, age: 5, mustRevalidate: true, etag: '"a"' };
  expect(renewedLifetime(before, { age: 1, mustRevalidate: false })).toEqual({ ...before, age: 1 });
  const now = { freshFor: 10, age: 1, mustRevalidate: false };
  expect(renewedLifetime(before, now)).toEqual({ ...now, etag: '"a"', lastModified: undefined });
});
