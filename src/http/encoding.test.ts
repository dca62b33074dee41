import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import {
  acceptedEncodings,
  decodedByRuntime,
  decodedCodings,
  noteDecodedByRuntime,
  preferredEncoding,
} from "./encoding.ts";

describe("preferredEncoding", () => {
  const stored = ["br", "zstd", "gzip"];

  it.each([
    [null, "identity"],
    ["", "identity"],
    ["gzip, deflate, br, zstd", "br"],
    ["gzip, zstd", "zstd"],
    ["GZIP", "gzip"],
    ["x-gzip", "gzip"],
    ["deflate", "identity"],
    ["gzip;q=1.0, br;q=0.9", "gzip"],
    ["gzip ; q=0.5 , br;Q=0.4", "gzip"],
    ["br;q=0.001", "br"],
    ["br;q=0", "identity"],
    ["*", "br"],
    ["*;q=0.5, br;q=0", "zstd"],
    ["*;q=0, gzip", "gzip"],
    ["br;q=0, *", "zstd"],
    ["identity", "identity"],
    ["identity, gzip", "gzip"],
    ["identity, gzip;q=0.9", "identity"],
    ["identity;q=0.5, gzip;q=0.9", "gzip"],
    ["gzip;q=0.2, *;q=0.1", "gzip"],
    ["gzip;q=0.1, *;q=0.2, br;q=0, zstd;q=0", "identity"],
    ["identity;q=0", undefined],
    ["identity;q=0, deflate", undefined],
    ["identity;q=0, gzip", "gzip"],
    ["*;q=0", undefined],
    ["*;q=0, identity", "identity"],
    ["gzip;q=2", "identity"],
    ["gzip;q=x", "identity"],
    ["gzip;q=0.1234", "identity"],
    ["gzip;q=-1", "identity"],
    ["gzip;level=9;q=0", "identity"],
    ["gzip, gzip;q=0", "gzip"],
    [",, ,gzip,", "gzip"],
  ])("for %j is %s", (acceptEncoding, coding) => {
    expect(preferredEncoding(acceptEncoding, stored)).toBe(coding);
  });

  it("breaks ties by the server's order, in which identity may stand", () => {
    expect(preferredEncoding("gzip, br", ["gzip", "br"])).toBe("gzip");
    expect(preferredEncoding("gzip, identity", ["identity", "gzip"])).toBe("identity");
    expect(preferredEncoding("gzip", ["identity", "gzip"])).toBe("gzip");
  });

  it("never throws, and returns only available codings", () => {
    const unit = fc.constantFrom("gzip", "br", "*", "identity", ";", "q=", "0", "1", ".", ",", " ");
    fc.assert(
      fc.property(fc.string({ unit }), (field) => {
        expect([...stored, "identity", undefined]).toContain(preferredEncoding(field, stored));
      }),
    );
  });
});

describe("acceptedEncodings", () => {
  it("returns the weights by coding", () => {
    expect([...acceptedEncodings("GZip;q=0.5, br, *;q=0")]).toEqual([
      ["gzip", 0.5],
      ["br", 1],
      ["*", 0],
    ]);
  });
});

describe("the codings that a runtime's own fetch has decoded", () => {
  const runtimes: [name: string, globals: Record<string, unknown>, decoded: string[], identity?: boolean][] = [
    ["Node 22", { process: { versions: { undici: "6.22.0" } } }, ["gzip", "x-gzip", "deflate", "br", "gzip, br"]],
    [
      "Node 24",
      { process: { versions: { undici: "7.16.0" } } },
      ["gzip", "x-gzip", "deflate", "br", "gzip, br", "zstd"],
    ],
    ["Bun", { Bun: {}, process: { versions: {} } }, ["gzip", "x-gzip", "deflate", "br", "zstd"]],
    ["Deno", { Deno: {}, process: { versions: { undici: "7.16.0" } } }, ["gzip", "br"]],
    ["Deno that was asked for identity", { Deno: {}, process: { versions: {} } }, [], true],
    ["Workers", { process: undefined }, ["gzip", "x-gzip", "deflate", "br", "gzip, br"]],
  ];
  const all = ["gzip", "x-gzip", "deflate", "br", "gzip, br", "zstd", "compress", "gzip, compress", "aws-chunked"];
  it.each(runtimes)("%s", (_, globals, expected, identity = false) => {
    const headersOf = (coding: string): Headers => new Headers({ "Content-Encoding": coding });
    for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value);
    const isDecoded = (coding: string): boolean => {
      const headers = headersOf(coding);
      noteDecodedByRuntime(headers, { identity });
      return decodedByRuntime(headers, { identity }).length > 0 && decodedCodings(headers).length > 0;
    };
    const decoded = all.filter(isDecoded);
    vi.unstubAllGlobals();
    expect(decoded).toEqual(expected);
  });
});
