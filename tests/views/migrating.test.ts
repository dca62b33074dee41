/** The rows of docs/migrating/node.md that a request can check: the option of before, and what stands for it here. */
import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PathDownloadView, type ViewOptions } from "downloadview";
import { toFetchHandler } from "downloadview/fetch";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

type Options = Omit<ViewOptions<PathDownloadView>, "root">;

interface Row {
  readonly before: string;
  readonly here: Options;
  readonly path?: string;
  /** The path as the URL has it. Default: the same. */
  readonly url?: string;
  readonly request?: Readonly<Record<string, string>>;
  readonly status?: number;
  /** Null for a field that is not there. */
  readonly fields?: Readonly<Record<string, string | RegExp | null>>;
}

const rows: readonly Row[] = [
  {
    before: "res.sendFile(name)",
    here: { attachment: false },
    fields: { "Content-Disposition": 'inline; filename="plan.txt"' },
  },
  { before: "res.download(name)", here: {}, fields: { "Content-Disposition": 'attachment; filename="plan.txt"' } },
  {
    before: "res.download(name, filename)",
    here: { filename: "Plan 2026.txt" },
    fields: { "Content-Disposition": 'attachment; filename="Plan 2026.txt"' },
  },
  { before: "headers", here: { headers: { "X-Robots-Tag": "noindex" } }, fields: { "X-Robots-Tag": "noindex" } },
  { before: 'dotfiles: "ignore"', here: {}, path: ".env", status: 404 },
  { before: 'dotfiles: "allow"', here: { dotfiles: "allow" }, path: ".env", status: 200 },
  { before: "dotfiles of a name", here: { dotfiles: [".well-known"] }, path: ".env", status: 404 },
  {
    before: "maxAge, immutable",
    here: { cacheControl: "public, max-age=3600, immutable" },
    fields: { "Cache-Control": /^public, max-age=3600, immutable/ },
  },
  { before: "cacheControl: true", here: {}, fields: { "Cache-Control": /^private, no-cache/ } },
  { before: "etag: true, weak", here: {}, fields: { ETag: /^"/ } },
  { before: "etag: false", here: { etag: false }, fields: { ETag: null } },
  {
    before: "acceptRanges: true",
    here: {},
    request: { Range: "bytes=0-1" },
    status: 206,
    fields: { "Content-Range": "bytes 0-1/4" },
  },
  { before: "index", here: {}, path: "site", status: 404 },
  { before: "extensions", here: {}, path: "plan", status: 404 },
  {
    before: "preCompressed: true",
    here: { precompressed: ["gzip"] },
    request: { "Accept-Encoding": "gzip" },
    fields: { "Content-Encoding": "gzip" },
  },
  { before: "mimes", here: { contentType: "text/x-plan" }, fields: { "Content-Type": /^text\/x-plan/ } },
  { before: "a missing file", here: {}, path: "missing.txt", status: 404 },
  { before: "an encoded separator", here: {}, path: "site/index.html", url: "site%2Findex.html", status: 404 },
];

describe("what the table of migrating from Node packages says of", () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "migrating-"));
    await mkdir(join(root, "site"));
    const files = { "plan.txt": "Plan", "plan.txt.gz": "gzip", ".env": "SECRET", "site/index.html": "<h1>Site</h1>" };
    for (const [name, content] of Object.entries(files)) {
      await writeFile(join(root, name), content);
      // Old enough for a strong entity tag.
      await utimes(join(root, name), new Date("2026-01-01T00:00:00Z"), new Date("2026-01-01T00:00:00Z"));
    }
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  it.each(rows)(
    "$before holds",
    async ({ here, path = "plan.txt", url = path, request = {}, status = 200, fields = {} }) => {
      const handler = toFetchHandler(PathDownloadView.asView({ ...here, root }));
      const response = await handler(new Request(`http://localhost/${url}`, { headers: request }), {
        params: { path },
      });
      expect(response.status).toBe(status);
      for (const [name, value] of Object.entries(fields)) {
        if (value instanceof RegExp) expect(response.headers.get(name)).toMatch(value);
        else expect(response.headers.get(name)).toBe(value);
      }
    },
  );
});
