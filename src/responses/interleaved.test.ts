import { describe, expect, it } from "vitest";
import type { DownloadFile, FileStat, OpenFile } from "../files/download-file.ts";
import { DownloadResponse } from "./download-response.ts";
import type { DownloadOptions } from "./presentation.ts";

/** A file that returns one description for all requests, or a new one for each: of a new one nothing is remembered. */
class DescribedOnce implements DownloadFile {
  readonly name: string;
  readonly #stat: FileStat;
  readonly #isFresh: boolean;

  constructor(name: string, stat: FileStat, isFresh: boolean) {
    this.name = name;
    this.#stat = stat;
    this.#isFresh = isFresh;
  }

  async stat(): Promise<FileStat> {
    return this.#isFresh ? { ...this.#stat } : this.#stat;
  }

  async open(): Promise<OpenFile> {
    const close = async (): Promise<void> => undefined;
    const bytes = new Uint8Array(this.#stat.size ?? 0);
    return {
      stat: await this.stat(),
      content: async (range) => ({ kind: "bytes", bytes: range ? bytes.subarray(range.start, range.end + 1) : bytes }),
      close,
      [Symbol.asyncDispose]: close,
    };
  }
}

const lastModified = new Date("2026-01-02T03:04:05Z");
const stats: readonly FileStat[] = [
  Object.freeze({ size: 100, etag: '"1"', lastModified }),
  Object.freeze({ size: 100, etag: '"1"', lastModified, vary: "Accept-Encoding", contentEncoding: "br" }),
  Object.freeze({ size: 7, lastModified, contentType: "text/html", digests: { "sha-256": new Uint8Array(32) } }),
  Object.freeze({ size: 7, digests: { "sha-256": new Uint8Array(32), "sha-512": new Uint8Array(64) } }),
];

const choices: { readonly [Name in keyof DownloadOptions]?: readonly DownloadOptions[Name][] } = {
  attachment: [undefined, true, false],
  filename: [undefined, "b.html", "ü.txt"],
  contentType: [undefined, "text/html", "image/svg+xml"],
  charset: [undefined, false, "latin1"],
  contentEncoding: [undefined, "gzip", "identity"],
  cacheControl: [undefined, false, "public, max-age=60", "private, no-cache"],
  inlineTypes: [undefined, ["text/*"], ["image/*"], []],
  activeContent: [undefined, "allow", "attachment"],
  headers: [undefined, { Vary: "Origin" }, { ETag: '"2"' }, { "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT" }],
  status: [undefined, 200, 404],
};

const requests: readonly RequestInit[] = [
  {},
  { method: "HEAD" },
  { headers: { Range: "bytes=1-3" } },
  { headers: { Range: "bytes=0-1,4-5" } },
  { headers: { Range: "bytes=900-" } },
  { headers: { "If-None-Match": '"1"' } },
  { headers: { "If-None-Match": '"2"' } },
  { headers: { "If-Match": '"3"' } },
  { headers: { "If-Modified-Since": lastModified.toUTCString() } },
  { headers: { "Want-Repr-Digest": "sha-256=0" } },
  { headers: { "Want-Repr-Digest": "sha-512=9, sha-256=1" } },
];

/** Numbers below `limit`, always the same ones. */
function sequence(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

describe("what one request is sent does not depend on the requests before it", () => {
  it.each([1, 2, 3])("for any options, files and requests in turn (%i)", async (seed) => {
    const next = sequence(seed);
    const of = <T>(values: readonly T[]): T => values[next(values.length)]!;
    let options: DownloadOptions = {};
    let stat = stats[0]!;
    for (let turn = 0; turn < 1000; turn += 1) {
      // What is remembered is used only if the same file is sent in the same way again: few things change at a time.
      if (next(4) === 0) stat = of(stats);
      const names = Object.keys(choices).filter(() => next(3) === 0) as (keyof DownloadOptions)[];
      if (next(6) === 0) options = Object.fromEntries(names.map((name) => [name, of<unknown>(choices[name]!)]));
      const [one = "filename"] = names;
      if (next(3) === 0) options = { ...options, [one]: of<unknown>(choices[one]!) };
      const [name, init] = [next(8) === 0 ? "a.html" : "a.txt", of(requests)];
      const sent = async (isFresh: boolean): Promise<unknown> => {
        const response = new DownloadResponse(new DescribedOnce(name, stat, isFresh), options);
        const { status, headers, yields, body } = await response.render(new Request("http://localhost/", init));
        const fields = headers.map((text) => text.replace(/boundary=.*/, ""));
        return { status, fields, yields, body: body.kind };
      };
      expect(await sent(false), JSON.stringify({ options, name, init })).toEqual(await sent(true));
    }
  });
});
