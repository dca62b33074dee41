import { describe, expect, it } from "vitest";
import { crc32, crc32InJavaScript } from "./crc32.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe.each([
  ["Node's zlib", crc32],
  ["JavaScript", crc32InJavaScript],
] as const)("CRC-32 by %s", (_, checksum) => {
  // The check value of the CRC catalogue, and strings around the eight bytes of a step.
  it.each([
    ["", 0],
    ["a", 0xe8b7be43],
    ["123456789", 0xcbf43926],
    ["12345678", 0x9ae0daaf],
    ["The quick brown fox jumps over the lazy dog", 0x414fa339],
  ])("of %j", (text, expected) => {
    expect(checksum(bytes(text))).toBe(expected);
  });

  it("goes on from what came before, wherever the pieces end", () => {
    const all = Uint8Array.from({ length: 1000 }, (_, at) => (at * 37) & 0xff);
    for (const cut of [0, 1, 7, 8, 9, 500, 999, 1000]) {
      expect(checksum(all.subarray(cut), checksum(all.subarray(0, cut)))).toBe(checksum(all));
    }
  });
});
