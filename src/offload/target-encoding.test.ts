import { describe, expect, it } from "vitest";
import { percentEncoded, rawBytes } from "./target-encoding.ts";

const targets: readonly [target: string, percent: string | undefined, raw: string | undefined][] = [
  ["/x/a b.txt", "/x/a%20b.txt", "/x/a b.txt"],
  ["/x/100%.txt", "/x/100%25.txt", "/x/100%.txt"],
  ["/x/a?b#c.txt", "/x/a%3Fb%23c.txt", "/x/a?b#c.txt"],
  ["/x/été.txt", "/x/%C3%A9t%C3%A9.txt", "/x/\u00c3\u00a9t\u00c3\u00a9.txt"],
  ["/x/e\u0301.txt", "/x/e%CC%81.txt", "/x/e\u00cc\u0081.txt"],
  ["/x/🎉.txt", "/x/%F0%9F%8E%89.txt", "/x/\u00f0\u009f\u008e\u0089.txt"],
  ["/x/trailing ", "/x/trailing%20", undefined],
  ["/x/a\nb", undefined, undefined],
  ["/x/a\rb", undefined, undefined],
  ["/x/a\0b", undefined, undefined],
  ["/x/\ud800", undefined, undefined],
];

describe("the encodings of a target", () => {
  it.each(targets)("send %j as %j, or as the bytes %j", (target, percent, raw) => {
    expect(percentEncoded(target)).toBe(percent);
    expect(rawBytes(target)).toBe(raw);
  });

  it("return characters that Node writes as the bytes of the name", () => {
    const name = "/x/naïve-日本-🎉.txt";
    expect(Buffer.from(rawBytes(name)!, "latin1")).toEqual(Buffer.from(name));
  });
});
