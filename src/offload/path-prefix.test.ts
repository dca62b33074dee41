import { describe, expect, it } from "vitest";
import { covers, locatePath, locateUrl, resolved, segmentsBelow, type Location } from "./path-prefix.ts";

type Locate = (text: string) => Location | undefined;

function below(locate: Locate, prefix: string, location: string): readonly string[] | undefined {
  const [outer, inner] = [locate(prefix), locate(location)];
  return outer && inner && segmentsBelow(outer, inner);
}

const paths: readonly [prefix: string, path: string, below: readonly string[] | undefined][] = [
  ["/srv/media", "/srv/media/a.pdf", ["a.pdf"]],
  ["/srv/media/", "/srv/media/a.pdf", ["a.pdf"]],
  ["/srv/media", "/srv/media/2024/a b.pdf", ["2024", "a b.pdf"]],
  ["/srv/media", "/srv//media/./a.pdf", ["a.pdf"]],
  ["/srv/media", "/srv/media-private/a.pdf", undefined],
  ["/srv/media", "/srv/media", undefined],
  ["/srv/media", "/srv/media/", undefined],
  ["/srv/media", "/srv/media/../secret.pdf", undefined],
  ["/srv/media", "/srv/media/a/../b.pdf", undefined],
  ["/srv/media", "/srv/Media/a.pdf", undefined],
  ["/srv/media", "srv/media/a.pdf", undefined],
  ["/srv/media", "/srv/media/a\0.pdf", undefined],
  ["/srv/media", "/srv/media/a\\b.pdf", ["a\\b.pdf"]],
  ["/srv/media", "/srv/media/50%25.pdf", ["50%25.pdf"]],
  ["C:\\media", "C:\\media\\2024\\a.pdf", ["2024", "a.pdf"]],
  ["C:/media", "c:\\media\\a.pdf", ["a.pdf"]],
  ["C:\\media", "D:\\media\\a.pdf", undefined],
];

const urls: readonly [prefix: string, url: string, below: readonly string[] | undefined][] = [
  ["/media/", "/media/a.pdf", ["a.pdf"]],
  ["/media", "/media/a.pdf", ["a.pdf"]],
  ["/media/", "/media/a%20b.pdf?X-Signature=1", ["a b.pdf"]],
  ["/m%C3%A9dia/", "/média/a.pdf", ["a.pdf"]],
  ["/media/", "/media-private/a.pdf", undefined],
  ["/media/", "/media/%2e%2e/secret.pdf", undefined],
  ["/media/", "/media/..%2fsecret.pdf", undefined],
  ["/media/", "/media/a%2Fb.pdf", undefined],
  ["/media/", "/media/%zz.pdf", undefined],
  ["/media/", "/media/a%00.pdf", undefined],
  ["/media/", "https://files.example/media/a.pdf", undefined],
  ["https://files.example/", "https://FILES.example/2024/a.pdf", ["2024", "a.pdf"]],
  ["https://files.example", "https://files.example/a.pdf#page=2", ["a.pdf"]],
  ["https://files.example/", "https://files.example.evil/a.pdf", undefined],
  ["https://files.example/", "http://files.example/a.pdf", undefined],
  ["https://files.example/", "//files.example/a.pdf", undefined],
];

describe("segmentsBelow", () => {
  it.each(paths)("of the folder %j takes %j as %j", (prefix, path, expected) => {
    expect(below(locatePath, prefix, path)).toEqual(expected);
  });

  it.each(urls)("of the URL %j takes %j as %j", (prefix, url, expected) => {
    expect(below(locateUrl, prefix, url)).toEqual(expected);
  });
});

describe("covers", () => {
  it("is about whole segments", () => {
    const covered = (outer: string, inner: string): boolean => covers(locatePath(outer)!, locatePath(inner)!);
    expect(covered("/srv/media", "/srv/media/private")).toBe(true);
    expect(covered("/srv/media", "/srv/media")).toBe(true);
    expect(covered("/srv/media", "/srv/media-private")).toBe(false);
    expect(covered("/srv/media/private", "/srv/media")).toBe(false);
  });
});

describe("resolved", () => {
  it.each([
    ["/srv/app/../media/", "/srv/media"],
    ["/srv//media/./x", "/srv/media/x"],
    ["/../..", "/"],
    ["C:\\media", "C:\\media"],
  ])("makes %j %j", (path, expected) => {
    expect(resolved(path)).toBe(expected);
  });
});
