import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBase64, parseReprDigest, reprDigest, wantedDigest } from "./digest.ts";

describe("reprDigest", () => {
  it("is a dictionary of byte sequences", async () => {
    // The example of RFC 9530 appendix B.1.
    const content = new TextEncoder().encode('{"hello": "world"}\n');
    const digests = {
      "sha-256": new Uint8Array(await crypto.subtle.digest("SHA-256", content)),
      "sha-512": new Uint8Array(await crypto.subtle.digest("SHA-512", content)),
    };
    expect(reprDigest(digests)).toBe(
      "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:, " +
        "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:",
    );
  });

  it("encodes any bytes in base64", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(reprDigest({ x: bytes })).toBe(`x=:${Buffer.from(bytes).toString("base64")}:`);
      }),
    );
  });
});

describe("wantedDigest", () => {
  const available = ["sha-512", "sha-256"];

  it.each([
    [null, undefined],
    ["", undefined],
    ["sha-256=1", "sha-256"],
    ["sha-256=10, sha-512=3", "sha-256"],
    ["sha-256=3,sha-512=3", "sha-512"],
    ["sha-256=0", undefined],
    ["sha-256=0, sha-512=1", "sha-512"],
    ["md5=10, sha-256=1", "sha-256"],
    ["md5=10", undefined],
    ["sha-256", undefined],
    ["sha-256=?1", undefined],
    ["sha-256=1.5", undefined],
    ["sha-256=-1", undefined],
    ["sha-256=11, sha-512=1", "sha-512"],
    ["SHA-256=1", undefined],
    ["sha-256=5;x=y, sha-512=1", "sha-256"],
    ["sha-256=9, sha-256=0", undefined],
    ["constructor=10", undefined],
    [" sha-256=1 ,\tsha-512=2 ", "sha-512"],
  ])("for %j is %s", (field, algorithm) => {
    expect(wantedDigest(field, available)).toBe(algorithm);
  });
});

describe("parseReprDigest", () => {
  const sha256 = btoa("x".repeat(32));
  const sha512 = btoa("y".repeat(64));

  it.each<[string | null, readonly string[] | undefined]>([
    [`sha-256=:${sha256}:`, ["sha-256"]],
    [`sha-256=:${sha256}:, sha-512=:${sha512}:`, ["sha-256", "sha-512"]],
    [`md5=:AAAA:,sha-256=:${sha256}:;p=1`, ["sha-256"]],
    ["md5=:1B2M2Y8AsgTpgAmY7PhCfg==:", undefined],
    [`sha-512=:${sha256}:`, undefined],
    [`sha-256=:${sha256}:, sha-512=:AAAA:`, undefined],
    ["sha-256=:not base64:", undefined],
    [`sha-256=${sha256}`, undefined],
    [`sha-256=:${sha256}`, undefined],
    [`toString=:${sha256}:`, undefined],
    ["", undefined],
    [null, undefined],
  ])("finds in %j the digests %j", (field, algorithms) => {
    const digests = parseReprDigest(field);
    expect(digests && Object.keys(digests)).toEqual(algorithms);
  });

  it("reads what reprDigest writes", () => {
    const digests = { "sha-256": new Uint8Array(32).fill(200) };
    expect(parseReprDigest(reprDigest(digests))).toEqual(digests);
  });
});

it.each<[string, readonly number[] | undefined]>([
  ["", []],
  ["AAH/", [0, 1, 255]],
  ["AAE=", [0, 1]],
  ["AA==", [0]],
  ["AA", undefined],
  ["A A=", undefined],
  ["AA=A", undefined],
  ["-_-_", undefined],
])("base64 %j is %j", (text, bytes) => {
  const decoded = decodeBase64(text);
  expect(decoded && [...decoded]).toEqual(bytes);
});
