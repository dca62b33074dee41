import { expect, it } from "vitest";
import { publicPaths } from "./public-paths.ts";

it.each([
  ["/srv/app/media/", [], ["/media/", "/app/media/", "/srv/app/media/"]],
  ["/srv/vault", ["/private-files/"], ["/vault/", "/srv/vault/", "/private-files/"]],
  ["/", [], []],
  [undefined, ["x"], ["/x/"]],
])("the folder %s and %j may be public at %j", (folder, more, first) => {
  const paths = publicPaths(folder, more);
  expect(paths.slice(0, first.length)).toEqual(first);
  for (const usual of ["/media/", "/files/", "/static/", "/"]) expect(paths).toContain(usual);
  expect(new Set(paths).size).toBe(paths.length);
});
