import { describe, expect, it } from "vitest";
import type { DownloadFile } from "../files/download-file.ts";
import { DownloadResponse } from "../responses/download-response.ts";
import { compileRules } from "./compiled-rule.ts";
import { nginx } from "./nginx/index.ts";
import { locatePath, locateUrl, segmentsBelow } from "./path-prefix.ts";
import type { OffloadRule } from "./rule.ts";
import { RuleIndex } from "./rule-index.ts";
import { smartDownloadMiddleware } from "./smart-download-middleware.ts";

const rules: readonly OffloadRule[] = [
  { sourceDir: "/srv/media/private/deep", destinationUrl: "/_0/" },
  { sourceUrl: "/media/a/", destinationUrl: "/_1/" },
  { sourceDir: "/srv/media/private", destinationUrl: "/_2/" },
  { sourceUrl: "https://Files.example/x/", destinationUrl: "/_3/" },
  { sourceDir: "/srv/media", sourceUrl: "/media/", destinationUrl: "/_4/" },
  { sourceDir: "/srv", destinationUrl: "/_5/" },
];

const places: readonly [path: string | undefined, url: string | undefined, first: number | undefined][] = [
  ["/srv/media/private/deep/a", undefined, 0],
  ["/srv/media/private/deep", undefined, 2],
  ["/srv/media/private-too/a", undefined, 4],
  ["/srv/media", undefined, 5],
  ["/srv", undefined, undefined],
  ["/srv/../etc/passwd", undefined, undefined],
  ["/elsewhere/a", "/media/a/b", 1],
  ["/srv/media/private/b", "/media/a/b", 1],
  ["/srv/media/private/deep/b", "/media/a/b", 0],
  ["/srv/b", "/media/%61/b", 1],
  ["/srv/b", "/media/a%2Fb", 5],
  [undefined, "https://files.example/x/y?token=1", 3],
  [undefined, "https://other.example/x/y", undefined],
  [undefined, undefined, undefined],
];

describe("RuleIndex", () => {
  const index = new RuleIndex(compileRules(rules, nginx()));

  it.each(places)("finds for path %s and url %s the rule %s", (path, url, first) => {
    expect(index.firstFor({ path, url } as DownloadFile)).toBe(first);
    expect(byLooking(path, url)).toBe(first);
  });

  it("reads no url if a rule for the path comes first", () => {
    const file = {
      path: "/srv/media/private/deep/a",
      get url(): string {
        throw new Error("read");
      },
    };
    expect(index.firstFor(file)).toBe(0);
  });

  function byLooking(path: string | undefined, url: string | undefined): number | undefined {
    const at = index.rules.findIndex(({ sourceDir, sourceUrl }) => {
      const [onDisk, online] = [path && locatePath(path), url && locateUrl(url)];
      return (
        (sourceDir && onDisk && segmentsBelow(sourceDir, onDisk)) ||
        (sourceUrl && online && segmentsBelow(sourceUrl, online))
      );
    });
    return at === -1 ? undefined : at;
  }
});

describe("a middleware with many presigned rules", () => {
  const request = new Request("http://localhost/");
  const signed: number[] = [];
  const file: DownloadFile = {
    name: "a.pdf",
    path: "/srv/media/a.pdf",
    url: "https://b999.example/a.pdf",
    signedUrl: async (options) => `https://b999.example/a.pdf?n=${signed.push(options?.expiresIn ?? 0)}`,
    stat: () => Promise.resolve({}),
    open: () => Promise.reject(new Error("not read")),
  };
  const buckets = Array.from({ length: 1000 }, (_, at) => ({
    sourceUrl: `https://b${at}.example/`,
    destinationUrl: `/_b${at}/`,
    presigned: { expiresIn: at % 2 === 0 ? 60 : 120 },
  }));

  it("signs once for each life, and takes the rule that comes first", async () => {
    const result = await smartDownloadMiddleware({ backend: nginx(), rules: buckets })(
      new DownloadResponse(file),
      request,
    );
    expect(signed).toEqual([60, 120]);
    expect(result.headers.get("X-Accel-Redirect")).toMatch(/^\/_b999\//);
  });

  it("signs nothing if another rule comes first", async () => {
    signed.length = 0;
    const first = { sourceDir: "/srv/media", destinationUrl: "/_media/" };
    const rules = [first, ...buckets];
    const result = await smartDownloadMiddleware({ backend: nginx(), rules })(new DownloadResponse(file), request);
    expect(signed).toEqual([]);
    expect(result.headers.get("X-Accel-Redirect")).toBe("/_media/a.pdf");
  });
});
