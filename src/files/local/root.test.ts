import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { InvalidPathError } from "../../errors.ts";
import { absolutePath, LocalRoot, pathWithin } from "./root.ts";

describe("pathWithin", () => {
  it.each([
    ["/srv/media", "a.txt", "/srv/media/a.txt"],
    ["/srv/media/", "a/b.txt", "/srv/media/a/b.txt"],
    ["/srv/./x/../media", "a.txt", "/srv/media/a.txt"],
    ["/", "etc/hosts", "/etc/hosts"],
    ["/srv/media", "/srv/media/a.txt", "/srv/media/a.txt"],
    ["/srv/media", "back\\slash.txt", "/srv/media/back\\slash.txt"],
    ["/srv/media", "%2e%2e/a..b", "/srv/media/%2e%2e/a..b"],
  ])("finds in %s the file %s", (root, path, expected) => {
    expect(pathWithin(root, path)).toBe(expected);
  });

  it.each([
    "",
    ".",
    "..",
    "../secret",
    "a/../../secret",
    "a/..",
    "a//b",
    "a/",
    "/etc/passwd",
    "/srv/media-private/a",
    "/srv/media",
    "a\0b",
    ".env",
    "a/.git/config",
  ])("refuses %j below /srv/media", (path) => {
    expect(() => pathWithin("/srv/media", path)).toThrow(InvalidPathError);
  });

  it("lets a dotfile through where the policy says so, and still no dots that climb", () => {
    expect(pathWithin("/srv", ".well-known/x", "allow")).toBe("/srv/.well-known/x");
    expect(() => pathWithin("/srv", "../x", "allow")).toThrow(InvalidPathError);
  });
});

describe("absolutePath", () => {
  it.each([
    ["/a/b", undefined, "/a/b"],
    ["/a/../b", undefined, "/b"],
    ["/a//b/", undefined, "/a/b"],
    ["/a/.b", undefined, "/a/.b"],
    ["b", "/a", "/a/b"],
    ["../b", "/a/c", "/a/b"],
    ["/", undefined, "/"],
  ])("of %s from %s is %s", (path, base, expected) => {
    expect(absolutePath(path, base)).toBe(expected);
  });
});

describe("LocalRoot", () => {
  it("keeps its policy if the application changes the list that it was made with", async () => {
    const folder = await mkdtemp(join(tmpdir(), "root-"));
    await writeFile(join(folder, ".env"), "secret");
    const dotfiles = [".well-known"];
    await expect(LocalRoot.at(folder, dotfiles).look(join(folder, ".env"))).rejects.toThrow(InvalidPathError);
    dotfiles.push(".env");
    await expect(LocalRoot.at(folder, [".well-known"]).look(join(folder, ".env"))).rejects.toThrow(InvalidPathError);
    await rm(folder, { recursive: true });
  });
});
