import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { reprDigest, wantedDigest } from "./digest.ts";

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
