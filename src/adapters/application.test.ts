import { describe, expect, it } from "vitest";
import { pathParams } from "./application.ts";

describe("pathParams", () => {
  it.each([
    ["/a.txt", "a.txt"],
    ["/a/b.txt?download=1", "a/b.txt"],
    ["/a%20b/%C3%A9%2Bc.txt", "a b/é+c.txt"],
    ["http://localhost:3000/a.txt#top", "a.txt"],
    ["http://localhost", ""],
    ["//etc/passwd", "/etc/passwd"],
    ["/..%2f..%2fetc/passwd", "../../etc/passwd"],
    ["/%252e%252e/a", "%2e%2e/a"],
    ["/", ""],
    ["*", "*"],
  ])("of %s is %j", (url, path) => {
    expect(pathParams({ url })).toEqual({ path });
  });

  it.each(["/%", "/%zz", "/%ff", "/a%c3"])("of %s is none", (url) => {
    expect(pathParams({ url })).toEqual({});
  });

  it("takes a request without a URL", () => {
    expect(pathParams({})).toEqual({ path: "" });
  });
});
