import { describe, expect, it } from "vitest";
import { DescribedFile } from "../files/described-file.ts";
import type { DownloadFile, FileStat, OpenFile } from "../files/download-file.ts";
import { DownloadResponse } from "./download-response.ts";
import type { DownloadOptions } from "./presentation.ts";

class ReportFile implements DownloadFile {
  readonly name: string;
  readonly #stat: FileStat;

  constructor(stat: object, name = "a.txt") {
    this.#stat = stat;
    this.name = name;
  }

  async stat(): Promise<FileStat> {
    return this.#stat;
  }

  async open(): Promise<OpenFile> {
    const close = async (): Promise<void> => undefined;
    return {
      stat: this.#stat,
      content: async () => ({ kind: "bytes", bytes: new Uint8Array(this.#stat.size ?? 0) }),
      close,
      [Symbol.asyncDispose]: close,
    };
  }
}

const ask = (headers: Record<string, string> = {}): Request => new Request("http://localhost/", { headers });

async function fieldsOf(
  stat: object,
  options: DownloadOptions = {},
  { name, headers }: { name?: string; headers?: Record<string, string> } = {},
): Promise<Record<string, string>> {
  const { headers: raw } = await new DownloadResponse(new ReportFile(stat, name), options).render(ask(headers));
  const names = raw.filter((_, at) => at % 2 === 0).map((field) => field.toLowerCase());
  return Object.fromEntries(names.map((field, at) => [field, raw[at * 2 + 1]!]));
}

describe("a file that describes itself with a number or a date that is none", () => {
  it.each<[object, string]>([
    [{ size: null }, "the size null"],
    [{ size: Number.NaN }, "the size NaN"],
    [{ size: -1 }, "the size -1"],
    [{ size: 2.5 }, "the size 2.5"],
    [{ size: 10n }, "the size 10n"],
    [{ size: "10" }, 'the size "10"'],
    [{ size: 2 ** 53 }, "the size 9007199254740992"],
    [{ size: Number.POSITIVE_INFINITY }, "the size Infinity"],
    [{ lastModified: new Date(Number.NaN) }, "the lastModified Invalid Date"],
    [{ lastModified: null }, "the lastModified null"],
    [{ lastModified: 1_700_000_000_000 }, "the lastModified 1700000000000"],
  ])("%o is refused, also inside a description", async (stat, said) => {
    const file = new ReportFile(stat);
    const message = new RegExp(`^ReportFile describes itself with ${said}\\. `);
    await expect(new DownloadResponse(file).render(ask())).rejects.toThrow(message);
    const described = new DescribedFile(file, { name: "b.txt" });
    await expect(new DownloadResponse(described).render(ask())).rejects.toThrow(message);
    const head = new Request("http://localhost/", { method: "HEAD" });
    await expect(new DownloadResponse(file).render(head)).rejects.toThrow(message);
  });

  it("may say that it knows nothing", async () => {
    const fields = await fieldsOf({ size: undefined, lastModified: undefined, etag: undefined });
    expect(Object.keys(fields)).not.toEqual(expect.arrayContaining(["content-length"]));
    expect(fields).not.toHaveProperty("etag");
  });
});

describe("the Content-Type of what calls itself", () => {
  it.each<[unknown, string]>([
    ["text/csv", "text/csv"],
    ['text/plain; charset="utf-8"', 'text/plain; charset="utf-8"'],
    ["text/plain; charset=ü", "text/plain; charset=utf-8"],
    ["text/plain; a=\u0104", "text/plain; charset=utf-8"],
    ["text/html\r\nX-Injected: 1", "text/plain; charset=utf-8"],
    ["text/html\0", "text/plain; charset=utf-8"],
    ["text", "text/plain; charset=utf-8"],
    ["", "text/plain; charset=utf-8"],
    [7, "text/plain; charset=utf-8"],
  ])("%j is %j, whoever said it", async (contentType, sent) => {
    expect((await fieldsOf({ size: 10, contentType }))["content-type"]).toBe(sent);
    const isText = typeof contentType === "string" && contentType === "text/csv";
    const mimetype = { contentType: contentType as string };
    expect((await fieldsOf({ size: 10 }, mimetype))["content-type"]).toBe(isText ? `${sent}; charset=utf-8` : sent);
  });

  it("is that of the name where an application's own field is no media type", async () => {
    expect((await fieldsOf({ size: 10 }, { headers: { "Content-Type": "a b" } }))["content-type"]).toMatch(/^text/);
    expect((await fieldsOf({ size: 10 }, { headers: { "Content-Type": "a/b" } }))["content-type"]).toBe("a/b");
  });

  it("an HTML file of a broken type is not shown as a page of ours", async () => {
    const fields = await fieldsOf({ contentType: "image/png é" }, { attachment: false }, { name: "a.html" });
    expect(fields).toMatchObject({ "content-type": expect.stringMatching(/^text\/html/) as string });
    expect(fields["content-security-policy"]).toContain("sandbox");
  });
});

describe("the Content-Encoding of what calls itself", () => {
  it.each<[string, string | undefined]>([
    ["gzip", "gzip"],
    ["gzip, br", "gzip, br"],
    ["identity", undefined],
    ["", undefined],
    ["gz ip", undefined],
    ["gzip\r\nX: y", undefined],
    ["é", undefined],
  ])("%j is %s", async (contentEncoding, sent) => {
    expect((await fieldsOf({ contentEncoding }))["content-encoding"]).toBe(sent);
    expect((await fieldsOf({}, { contentEncoding: contentEncoding }))["content-encoding"]).toBe(sent);
  });
});

describe("the ETag of what calls itself", () => {
  it.each<[unknown, string | undefined]>([
    ['"v1"', '"v1"'],
    ['W/"v1"', 'W/"v1"'],
    ["v1", '"v1"'],
    ["two words", undefined],
    ['"two words"', undefined],
    ['say "v1"', undefined],
    ['w/"v1"', undefined],
    ["W/v1", undefined],
    ["é", undefined],
    ['"é"', undefined],
    ["v1\r\nX: y", undefined],
    ["", undefined],
    [null, undefined],
    [7, undefined],
  ])("%j is %s, and a client that has it is answered 304", async (etag, sent) => {
    expect((await fieldsOf({ etag })).etag).toBe(sent);
    if (sent === undefined) return;
    const rendered = await new DownloadResponse(new ReportFile({ etag })).render(ask({ "If-None-Match": sent }));
    expect(rendered.status).toBe(304);
  });

  it("holds for a tag of the application as well", async () => {
    expect((await fieldsOf({ etag: '"v1"' }, { headers: { ETag: "v2" } })).etag).toBe('"v2"');
    expect(await fieldsOf({ etag: '"v1"' }, { headers: { ETag: "v 2" } })).not.toHaveProperty("etag");
  });
});

describe("Last-Modified", () => {
  it("is never later than the answer, and no validator for a range until then", async () => {
    const lastModified = new Date(Date.now() + 86_400_000);
    for (const stat of [{ size: 10, lastModified }, Object.freeze({ size: 10, lastModified })]) {
      const before = Math.floor(Date.now() / 1000) * 1000;
      const sent = (await fieldsOf(stat))["last-modified"]!;
      expect(Date.parse(sent)).toBeLessThanOrEqual(Date.now());
      expect(Date.parse(sent)).toBeGreaterThanOrEqual(before);
      const headers = { Range: "bytes=0-1", "If-Range": sent };
      expect((await new DownloadResponse(new ReportFile(stat)).render(ask(headers))).status).toBe(200);
    }
  });

  it("of a time that HTTP has no date for is left out", async () => {
    for (const lastModified of [new Date(0), new Date(8.64e15), new Date(-8.64e15)]) {
      const sent = (await fieldsOf({ lastModified }))["last-modified"];
      expect(sent === undefined || Date.parse(sent) <= Date.now()).toBe(true);
    }
    expect(await fieldsOf({ lastModified: new Date(-8.64e15) })).not.toHaveProperty("last-modified");
  });
});

describe("several ranges", () => {
  it("take as many bytes as the head promises, and hold no field that the type brought along", async () => {
    for (const contentType of ["text/é", "text/plain; a=ü", "text/plain\r\nX-Injected: 1\r\n\r\n<p>", "日本/語"]) {
      const file = new ReportFile({ size: 10, contentType });
      const { body } = await new DownloadResponse(file).render(ask({ Range: "bytes=0-1,5-6" }));
      if (body.kind !== "multipart") throw new Error(`${body.kind} in place of several parts`);
      const { parts, tail } = body.multipart;
      const text = [...parts.map(({ head }) => `${head}xx`), tail].join("");
      expect(new TextEncoder().encode(text).byteLength).toBe(body.length);
      expect(text).not.toMatch(/injected|[^\r\n -~]/i);
    }
  });
});

describe("the name that a client saves a file under", () => {
  it.each<[filename: string | undefined, name: string, disposition: string]>([
    [undefined, "2026/bill.pdf", 'attachment; filename="bill.pdf"'],
    ["Rechnung 12/2026.pdf", "7f3a", 'attachment; filename="Rechnung 12_2026.pdf"'],
    ["a\\b.pdf", "7f3a", 'attachment; filename="a_b.pdf"'],
    [`${"a".repeat(300)}.pdf`, "7f3a", `attachment; filename="${"a".repeat(251)}.pdf"`],
    [undefined, `2026/${"a".repeat(300)}.pdf`, `attachment; filename="${"a".repeat(251)}.pdf"`],
  ])("given as %s, of %s", async (basename, name, disposition) => {
    expect((await fieldsOf({}, { filename: basename }, { name }))["content-disposition"]).toBe(disposition);
  });

  it("is told again by a 304, with the policy of a file that is shown", async () => {
    const headers = { "If-None-Match": '"v1"' };
    const options = { attachment: false, filename: "final.html" };
    const fields = await fieldsOf({ etag: '"v1"', contentType: "text/html" }, options, { headers });
    expect(fields).toMatchObject({
      "content-disposition": 'inline; filename="final.html"',
      "content-security-policy": expect.stringContaining("sandbox") as string,
      "x-content-type-options": "nosniff",
    });
    expect(fields).not.toHaveProperty("content-type");
  });
});

describe("a description that a file returns again", () => {
  const sha256 = "sha-256=:AQID:";
  const asked: [headers: Record<string, string>, digest: string | undefined][] = [
    [{}, sha256],
    [{ "Want-Repr-Digest": "sha-256=0" }, undefined],
    [{ "Want-Repr-Digest": "sha-256=5" }, sha256],
    [{}, sha256],
  ];
  it.each([asked, asked.toReversed(), asked.slice(1)])(
    "sends the digest that each request asks for, whatever the one before asked for",
    async (...requests) => {
      const digests = { "sha-256": new Uint8Array([1, 2, 3]) };
      const stat = Object.freeze({ size: 10, etag: '"1"', digests });
      for (const [headers, digest] of requests) {
        expect((await fieldsOf(stat, {}, { headers }))["repr-digest"]).toBe(digest);
      }
    },
  );
});
